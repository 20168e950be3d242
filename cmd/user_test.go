package cmd_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// fed is must with something on standard input.
func (p *program) fed(code int, stdin io.Reader, args ...string) result {
	p.t.Helper()
	command := exec.CommandContext(p.t.Context(), os.Args[0], args...)
	command.Dir, command.Env, command.Stdin = p.folder, p.env, stdin
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	_ = command.Run() // the exit code tells
	r := result{stdout.String(), stderr.String(), command.ProcessState.ExitCode()}
	if r.code != code {
		p.t.Fatalf("freshet %s: exit code %d, want %d\nstdout:\n%s\nstderr:\n%s", strings.Join(args, " "), r.code, code, r.stdout, r.stderr)
	}
	return r
}

// login tells with what status somebody is let in.
func (p *program) login(name, password string) int {
	p.t.Helper()
	body := strings.NewReader(fmt.Sprintf(`{"user":%q,"password":%q,"token":true}`, name, password))
	request, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.url()+"/auth/login", body)
	if err != nil {
		p.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	return response.StatusCode
}

func TestUserCommands(t *testing.T) {
	t.Parallel()
	p := newProgram(t, trueKinds).start()
	p.fed(0, strings.NewReader("correct horse\nand more"), "user", "add", "ada")
	p.fed(0, strings.NewReader("correct horse\r\n"), "user", "add", "eve", "--admin")
	for _, name := range []string{"ada", "eve"} {
		if status := p.login(name, "correct horse"); status != http.StatusOK {
			t.Errorf("%s: status %d", name, status)
		}
	}
	p.fed(0, strings.NewReader("other horse"), "user", "passwd", "ada")
	if old, fresh := p.login("ada", "correct horse"), p.login("ada", "other horse"); old != http.StatusUnauthorized || fresh != http.StatusOK {
		t.Errorf("after passwd: status %d with the old one, %d with the new one", old, fresh)
	}
	p.must(0, "user", "disable", "ada")
	if r := p.must(0, "user", "list"); !strings.Contains(r.stdout, "user, disabled") || !strings.Contains(r.stdout, "admin") {
		t.Errorf("the list: %s", r.stdout)
	}
	if status := p.login("ada", "other horse"); status != http.StatusUnauthorized {
		t.Errorf("a disabled user: status %d", status)
	}
	p.must(0, "user", "enable", "ada")
	if status := p.login("ada", "other horse"); status != http.StatusOK {
		t.Errorf("an enabled user: status %d", status)
	}
	p.must(0, "user", "delete", "ada")
	p.must(1, "user", "delete", "ada")
	p.must(2, "user", "add")
	p.must(2, "user", "add", "ada", "correct horse") // never an argument
	p.fed(2, strings.NewReader(""), "user", "add", "ada")
	p.fed(1, strings.NewReader("short"), "user", "add", "ada")
	p.fed(1, strings.NewReader("correct horse"), "user", "add", "Ada")
}
