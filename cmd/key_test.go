package cmd_test

import (
	"strings"
	"testing"
)

func TestKeyCommands(t *testing.T) {
	t.Parallel()
	p := newProgram(t, trueKinds).start()
	key := strings.TrimSpace(p.must(0, "key", "create", "web-app", "--act-as-owner", "--scope", "read,write").stdout)
	if !strings.HasPrefix(key, "fr_") {
		t.Fatalf("the key is %q", key)
	}
	with := func(key string) *program {
		other := *p
		other.env = append([]string{"FRESHET_URL=" + p.url(), "FRESHET_API_KEY=" + key}, p.env...)
		return &other
	}
	with(key).must(0, "submit", "nothing")
	if r := p.must(0, "key", "list"); !strings.Contains(r.stdout, "web-app") || !strings.Contains(r.stdout, "read,write for any owner") {
		t.Errorf("the list: %s", r.stdout)
	}
	next := strings.TrimSpace(p.must(0, "key", "rotate", "web-app").stdout)
	with(next).must(0, "tasks")
	with(key).must(0, "tasks")
	token := strings.TrimSpace(p.must(0, "token", "--owner", "web-app").stdout)
	with(token).must(0, "tasks")
	with(token).must(3, "submit", "nothing")
	p.must(0, "key", "delete", "web-app")
	p.must(1, "key", "create", "web-app", "--scope", "all")
	p.must(2, "key", "create")

	log := p.must(0, "audit", "--actor", "admin", "--since", "1h").stdout
	wantIn(t, log, "create-key", "rotate-key", "delete-key  web-app  204")
	if strings.Contains(log, key) || strings.Contains(log, "submit-task") {
		t.Errorf("the audit log: %s", log)
	}
	wantIn(t, p.must(0, "audit", "--action", "submit-task", "--json").stdout, `"actor":"token"`, `"status":403`)
}
