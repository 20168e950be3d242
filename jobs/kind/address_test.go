package kind_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"freshet/jobs"
	"freshet/jobs/kind"
)

func TestAddress(t *testing.T) {
	t.Parallel()
	lookup := func(name string) (string, bool) {
		value, set := map[string]string{
			"APP_URL": "http://127.0.0.1:3000", "HOST": "app.example.com", "PASSWORD": "https://me:hunter2@a/b", "CONTROL": "http://a/\x01hunter2",
		}[name]
		return value, set
	}
	const address = "error: must be an http or https address such as https://app.example.com/api/tasks/report"
	for text, want := range map[string]string{
		"https://a/b?c=d":             "https://a/b?c=d",
		"${APP_URL}/api/tasks/x":      "http://127.0.0.1:3000/api/tasks/x",
		"${NONE:-https://[::1]:80}/x": "https://[::1]:80/x",
		"https://${HOST}/x":           "https://app.example.com/x",
		"${NONE}/x":                   "error: variable NONE is not set",
		"app.example.com/x":           address,
		"${HOST}/x":                   address,
		"file:///etc/passwd":          address,
		"http://:80/x":                address,
		"${CONTROL}":                  address,
		"":                            address,
		"${PASSWORD}":                 "error: must not have a name or password; the request is signed instead",
		"https://a/b#c":               "error: must not have a fragment, which no server is sent",
	} {
		got, err := kind.Address(text, lookup)
		shown := fmt.Sprint(got)
		if err != nil {
			shown = "error: " + err.Error()
		}
		if shown != want || strings.Contains(shown, "hunter2") {
			t.Errorf("%s: got %q, want %q", text, shown, want)
		}
	}
}

func TestCompileWantsOneWay(t *testing.T) {
	t.Parallel()
	route := &jobs.HTTP{URL: "${APP_URL}/x"}
	for name, test := range map[string]struct {
		spec jobs.Kind
		want string
	}{
		"http":       {jobs.Kind{HTTP: route}, ""},
		"neither":    {jobs.Kind{}, ` required: has no command and no http; one of them must say who does the work`},
		"both":       {jobs.Kind{HTTP: route, Command: []string{"true"}}, `/http http: stands beside command; a kind has exactly one of command and http`},
		"no url":     {jobs.Kind{HTTP: &jobs.HTTP{}}, `/http/url url: must be an http or https address such as https://app.example.com/api/tasks/report`},
		"a template": {jobs.Kind{HTTP: &jobs.HTTP{URL: "https://a/{{input.b}}"}}, `/http/url url: {{…}} is not replaced in a url; the input is in the request's body`},
		"variable":   {jobs.Kind{HTTP: &jobs.HTTP{URL: "${A-b}"}}, `/http/url url: ${A-b} is not understood; write ${NAME} or ${NAME:-default}`},
	} {
		_, err := kind.Compile(test.spec)
		if got := problems(t, err); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

// An http kind takes any input that its schema lets in: nothing of it becomes an argument.
func TestInputOfARoute(t *testing.T) {
	t.Parallel()
	ready, err := kind.Compile(jobs.Kind{HTTP: &jobs.HTTP{URL: "https://a/b"}, Input: json.RawMessage(`{"required":["name"]}`)})
	if err != nil {
		t.Fatal(err)
	}
	if err := ready.ValidateInput(json.RawMessage(`{"name":"--rm"}`)); err != nil {
		t.Errorf("refused: %v", err)
	}
	if got := problems(t, ready.ValidateInput(json.RawMessage(`{}`))); got != "/name required: is missing" {
		t.Errorf("got %s", got)
	}
}
