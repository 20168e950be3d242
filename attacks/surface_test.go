package attacks_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
)

// There is nothing at the addresses where other programs forget something, not even for an admin.
func TestNothingElseIsServed(t *testing.T) {
	t.Parallel()
	a := newTarget(t)
	for _, path := range []string{
		"/debug/pprof/", "/debug/pprof/heap", "/debug/vars", "/debug/requests", "/admin", "/admin/", "/actuator/env", "/server-status",
		"/.env", "/.git/config", "/freshet.yaml", "/etc/passwd", "/..%2f..%2fetc%2fpasswd", "/docs/..%2f..%2fgo.mod", "/docs/style.css/../../", "/pages/home.html",
		"/v1/internal", "/v1/worker/claim", "/swagger.json", "/graphql", "/robots.txt/",
	} {
		for _, key := range []string{"", adminKey} {
			got := a.get(path, key)
			if got.status != http.StatusNotFound || strings.Contains(got.body, "goroutine") || got.header.Get("Freshet-Version") != "" {
				t.Errorf("%s: status %d, %v: %.100s", path, got.status, got.header, got.body)
			}
		}
	}
	for _, path := range []string{"/", "/healthz", "/readyz", "/docs", "/metrics", "/v1/tasks", "/nothing"} { // to strangers
		got := a.get(path, "")
		if all := fmt.Sprint(got.header); strings.Contains(all, "Server:") || strings.Contains(all, "Freshet-Version") || strings.Contains(got.body, "PostgreSQL 1") {
			t.Errorf("%s tells which version runs: %s", path, all)
		}
	}
}

// A worker listens nowhere, and the API at one address.
func TestOpenPorts(t *testing.T) {
	t.Parallel()
	a := newTarget(t)
	worker, log := a.start("worker", "--workspaces", t.TempDir(), "--allow-root-children")
	a.until("the worker runs", func() bool {
		text, err := os.ReadFile(log)
		a.ok(err)
		return strings.Contains(string(text), "orker is ready")
	})
	if n := a.sockets(a.api.Process.Pid); n != 1 {
		t.Errorf("the API listens at %d addresses", n)
	}
	if n := a.sockets(worker.Process.Pid); n != 0 {
		t.Errorf("a worker listens at %d addresses", n)
	}
}

// sockets counts the addresses of TCP at which a process listens.
func (a *target) sockets(pid int) (n int) {
	a.t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	a.ok(err)
	own := map[string]bool{}
	for _, entry := range entries {
		link, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", pid, entry.Name())) // it may be closed by now
		own[link] = true
	}
	for _, table := range []string{"tcp", "tcp6"} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, table))
		a.ok(err)
		for line := range strings.SplitSeq(string(text), "\n") {
			const state, inode, listens = 3, 9, "0A"
			if fields := strings.Fields(line); len(fields) > inode && fields[state] == listens && own["socket:["+fields[inode]+"]"] {
				n++
			}
		}
	}
	return n
}

// Nothing that a request says makes a line of the log, or stands in it that is a secret.
func TestLogCannotBeWrittenByStrangers(t *testing.T) {
	t.Parallel()
	a := newTarget(t)
	const forged, secret = `"level":"ERROR","msg":"forged"`, "frt_only-for-the-owner"
	for _, path := range []string{
		"/v1/%0a%7B" + strings.ReplaceAll(forged, `"`, "%22") + "%7D", "/%1b%5D52;c;x%07", "/v1/tasks?token=" + secret, "/v1/tasks/x?api_key=" + secret,
		"/login?code=" + secret, "/v1/artifacts/1?expires=1&signature=" + secret,
	} {
		a.get(path, "")
		a.get(path, secret)
	}
	answers := a.raw("GET /nothing HTTP/1.1\r\nHost: x\r\nUser-Agent: {" + forged + "}\r\nReferer: https://x/?token=" + secret +
		"\r\nX-Request-Id: \",{" + forged + "}\r\nX-Forwarded-For: {" + forged + "}\r\nCookie: freshet_session=" + secret + "\r\nConnection: close\r\n\r\n")
	a.raw(forged + "\r\n\r\n")
	if len(answers) != 1 {
		t.Errorf("%d answers", len(answers))
	}
	a.until("the last request is logged", func() bool { return strings.Contains(a.logged(), `"path":"/nothing"`) })
	for line := range strings.SplitSeq(strings.TrimSpace(a.logged()), "\n") {
		var entry struct{ Level, Msg, Time string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil || entry.Time == "" || entry.Msg == "forged" || strings.ContainsAny(line, "\x1b\x07") {
			t.Errorf("the log has the line %q", line)
		}
		if strings.Contains(line, secret) || strings.Contains(line, adminKey) {
			t.Errorf("the log tells a secret: %s", line)
		}
	}
}
