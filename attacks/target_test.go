package attacks_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"freshet/cmd/cmdtest"
	"freshet/jobs/postgres/postgrestest"
)

const (
	// patience bounds every wait: the machine may be busy.
	patience = time.Minute
	adminKey = "the-key-of-the-admin"
)

const settings = `
pools:
  default: {slots: 2}
kinds:
  - {name: hostile, command: [sh, hostile.sh]}
`

// target is an API of its own, on a database of its own, as its users run it: it listens on loopback alone.
type target struct {
	t        *testing.T
	folder   string
	database string
	address  string // host and port
	api      *exec.Cmd
	log      string // the API's own, a file
}

func newTarget(t *testing.T) *target {
	t.Helper()
	a := &target{t: t, folder: t.TempDir(), database: postgrestest.New(t)}
	a.ok(os.WriteFile(filepath.Join(a.folder, "freshet.yaml"), []byte(settings), 0o600))
	a.ok(os.WriteFile(filepath.Join(a.folder, "hostile.sh"), []byte(hostileScript), 0o600))
	a.api, a.log = a.start("api", "--addr", "127.0.0.1:0")
	ready := regexp.MustCompile(`"API is ready","address":"([^"]+)"`)
	a.until("the API is ready", func() bool {
		if found := ready.FindStringSubmatch(a.logged()); found != nil {
			a.address = found[1]
		}
		return a.address != ""
	})
	return a
}

func (a *target) ok(err error) {
	a.t.Helper()
	if err != nil {
		a.t.Fatal(err)
	}
}

// start starts a freshet that ends with the test; what it says goes to a file.
func (a *target) start(args ...string) (program *exec.Cmd, log string) {
	a.t.Helper()
	log = filepath.Join(a.folder, args[0]+".log")
	file, err := os.Create(log)
	a.ok(err)
	defer file.Close()
	program = a.command(args...)
	program.Stdout, program.Stderr = file, file
	a.ok(program.Start())
	a.t.Cleanup(func() {
		if text, _ := os.ReadFile(log); a.t.Failed() {
			a.t.Logf("%s said:\n%s", args[0], text)
		}
		_ = program.Process.Signal(syscall.SIGTERM) // it may have ended
		late := time.AfterFunc(patience, func() { _ = program.Process.Kill() })
		defer late.Stop()
		_ = program.Wait() // its status is no part of what is tested
	})
	return program, log
}

// command is a freshet of this folder.
func (a *target) command(args ...string) *exec.Cmd {
	program := exec.CommandContext(context.WithoutCancel(a.t.Context()), os.Args[0], args...)
	program.Dir = a.folder
	program.Env = []string{
		cmdtest.Variable + "=1", "PATH=" + os.Getenv("PATH"), "HOME=" + a.folder, "TMPDIR=" + a.folder, "TERM=xterm", "DATABASE_URL=" + a.database,
		"FRESHET_URL=http://" + a.address, "FRESHET_API_KEY=" + adminKey, "FRESHET_SECRET_KEY=" + strings.Repeat("ab", 32),
	}
	return program
}

// until repeats a look until it is satisfied.
func (a *target) until(what string, look func() bool) {
	a.t.Helper()
	late, ticker := time.NewTimer(patience), time.NewTicker(20*time.Millisecond)
	defer late.Stop()
	defer ticker.Stop()
	for !look() {
		select {
		case <-ticker.C:
		case <-late.C:
			a.t.Fatalf("waited in vain until %s", what)
		}
	}
}

// logged is what the API has logged.
func (a *target) logged() string {
	a.t.Helper()
	text, err := os.ReadFile(a.log)
	a.ok(err)
	return string(text)
}

// dial opens a connection to the API.
func (a *target) dial() net.Conn {
	a.t.Helper()
	conn, err := new(net.Dialer).DialContext(a.t.Context(), "tcp", a.address)
	a.ok(err)
	a.t.Cleanup(func() { conn.Close() })
	a.ok(conn.SetDeadline(time.Now().Add(patience)))
	return conn
}

// answer is what the API said.
type answer struct {
	status, major int // major is the first number of the version of HTTP
	header        http.Header
	body          string
}

// read reads an answer, or as much of it as there is.
func read(response *http.Response) answer {
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body) // what is cut off is seen in what there is
	return answer{response.StatusCode, response.ProtoMajor, response.Header, string(body)}
}

// raw sends bytes, and returns all answers until the API closes the connection: it does so by itself where
// it cannot know where the next request begins, and else for the last of what is sent.
func (a *target) raw(text string) (answers []answer) {
	a.t.Helper()
	conn := a.dial()
	if _, err := io.WriteString(conn, text); err != nil && !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
		a.t.Fatal(err)
	}
	for reader := bufio.NewReader(conn); ; {
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			return answers
		}
		answers = append(answers, read(response))
	}
}

// get asks as anyone, or with a key.
func (a *target) get(path, key string) answer {
	a.t.Helper()
	request, err := http.NewRequestWithContext(a.t.Context(), http.MethodGet, "http://"+a.address+path, nil)
	a.ok(err)
	if key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	a.ok(err)
	return read(response)
}

// hostileScript says what would steer a terminal, a browser, a CI system, or whoever takes what a command
// prints for what it reports. What it really reports is the last line.
const hostileScript = `
printf '\033]0;title\007\033]8;;https://evil.example\007click\033]8;;\007\033]52;c;cm0gLXJmIH4=\007\033[2J\033[1;31m\n'
printf 'overwritten\rfake\b\b\177\000\377\302\2331m\n'
printf '::set-output name=x::y\n##[command]x\n'
printf '{"output":{"forged":true}}\n{"type":"result","is_error":false}\n{"progress":99}\n'
printf '\n\nevent: task.completed\ndata: {}\n\nid: 9\n\n'
printf '</script><script>alert(1)</script>\n{"level":"ERROR","msg":"forged"}\n'
printf '%s\n' '{"progress":5,"message":"\u001b]52;c;x\u0007\u009b31m\u202eturned\r</script>"}' >> "$FRESHET_EVENTS"
printf '%s\n' '{"event":"task.completed","data":{"state":"completed"}}' >> "$FRESHET_EVENTS"
printf '%s\n' '{"output":{"real":true}}' >> "$FRESHET_EVENTS"
`
