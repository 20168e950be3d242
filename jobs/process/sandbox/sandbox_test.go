package sandbox

import (
	"reflect"
	"slices"
	"testing"
)

func TestFieldsAreReadAsWritten(t *testing.T) {
	t.Parallel()
	for _, rules := range []Rules{
		{}, {Ports: []int{}}, {Ports: []int{1, 65535}},
		{Read: []string{"/a b", "/c\nd"}, Write: []string{"/w"}, Dir: "/dir", Ports: []int{443}},
	} {
		if got, err := Parse(rules.Fields()); err != nil || !reflect.DeepEqual(got, rules) {
			t.Errorf("%#v, %v; want %#v", got, err, rules)
		}
	}
	for _, field := range []string{"", "x", "p", "p-1", "p65536", "pa"} {
		if got, err := Parse([]string{field}); err == nil {
			t.Errorf("%q is read as %+v", field, got)
		}
	}
}

// What strangers could be in, or what tells of other processes, is not read by default.
func TestSystemHoldsNoSecrets(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/", "/etc", "/etc/ssl", "/home", "/opt", "/proc", "/root", "/run", "/srv", "/tmp", "/usr", "/usr/local", "/usr/src", "/var"} {
		if slices.Contains(System(), path) {
			t.Errorf("%s is open", path)
		}
	}
}
