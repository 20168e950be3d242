package cmd_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"freshet/jobs/postgres/postgrestest"
)

// whoKinds says who runs it, and what of its worker's secrets it can read.
const whoKinds = `
kinds:
  - name: who
    command: [sh, -c, 'echo "I am $(id -u) with $TOKEN of $NODE_ENV"; echo "{\"output\":{\"is\":\"$(id -u) $TOKEN\"}}" >> $FRESHET_EVENTS']
    cwd: workspace
    env: {NODE_ENV: production}
    passEnv: [TOKEN]
    showEnv: [NODE_ENV]
`

func needRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root is refused")
	}
}

func TestRootWorkerHasToBeTold(t *testing.T) {
	t.Parallel()
	needRoot(t)
	for name, test := range map[string]struct {
		pools string
		args  []string
		says  string
	}{
		"nothing":        {"", nil, "pool default: commands would run as root, as the worker does: name another user with pools.default.childUser"},
		"root by name":   {"pools: {default: {childUser: root}}", nil, "childUser root is root"},
		"root by number": {"", []string{"--child-user", "0"}, "childUser 0 is root"},
		"nobody known":   {"pools: {default: {childUser: no-such-user}}", nil, "find user no-such-user"},
		"a user":         {"pools: {default: {childUser: '61234'}}", nil, "DATABASE_URL is not set"},
		"a flag":         {"", []string{"--child-user", "61234"}, "DATABASE_URL is not set"},
		"allowed":        {"pools: {default: {allowRootChildren: true}}", nil, "DATABASE_URL is not set"},
		"a flag first":   {"pools: {default: {childUser: root}}", []string{"--allow-root-children"}, "DATABASE_URL is not set"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProgram(t, whoKinds+test.pools+"\n")
			for _, command := range []string{"worker", "up"} {
				args := append([]string{command}, test.args...)
				if command == "up" {
					args = append(args, "--api", "0")
				}
				if r := p.must(78, args...); !strings.Contains(r.stderr, test.says) {
					t.Errorf("%s says %s", command, r.stderr)
				}
			}
		})
	}
}

func TestDoctorWarnsOfRoot(t *testing.T) {
	t.Parallel()
	needRoot(t)
	for pools, says := range map[string]string{
		"": "warn  user of the commands of pool default\n      a worker started here would refuse: pool default: commands would run as root",
		"pools: {default: {allowRootChildren: true}}": "warn  user of the commands of pool default is root\n",
	} {
		p := newProgram(t, whoKinds+pools+"\n")
		p.env = append(p.env, "TOKEN=x")
		if r := p.client("doctor"); !strings.Contains(r.stdout, says) {
			t.Errorf("%q: %s", pools, r.stdout)
		}
	}
	p := newProgram(t, whoKinds+"pools: {default: {childUser: '61234'}}\n")
	if r := p.client("doctor"); strings.Contains(r.stdout, "user of the commands") {
		t.Errorf("it warns of a user: %s", r.stdout)
	}
}

// A whole worker runs a command as another user, and what it says comes without its secret.
func TestChildUser(t *testing.T) {
	t.Parallel()
	needRoot(t)
	p := newProgram(t, whoKinds+"pools: {default: {childUser: '61234'}}\n")
	folder, err := os.MkdirTemp("", "children-") //nolint:usetesting // others may not enter the test's own
	if err == nil {
		err = os.Chmod(folder, 0o711)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	address := "127.0.0.1:" + freePort(t)
	p.env = append(p.env, "FRESHET_SECRET_KEY="+strings.Repeat("ab", 32), "FRESHET_API_KEY=k", "FRESHET_URL=http://"+address,
		"DATABASE_URL="+postgrestest.New(t), "TOKEN=hunter2-hunter2")
	p.beside("api", "--addr", address)
	p.beside("worker", "--workspaces", filepath.Join(folder, "workspaces"))
	p.until("the task is taken", func() bool { return p.client("submit", "who").code == 0 })
	r := p.must(0, "submit", "who", "--follow")
	if !strings.Contains(r.stdout+r.stderr, "I am 61234 with [redacted] of production") || !strings.Contains(r.stdout, `"61234 [redacted]"`) ||
		strings.Contains(r.stdout+r.stderr, "hunter2") {
		t.Errorf("%s%s", r.stdout, r.stderr)
	}
}

func TestDevSaysThatItIsRoot(t *testing.T) {
	t.Parallel()
	needRoot(t)
	const says = "you are root, so commands of tasks run as root (allowRootChildren); pools.default.childUser names another user"
	p := newProgram(t, whoKinds).start()
	if n := strings.Count(p.output.String(), says); n != 1 {
		t.Errorf("said %d times: %s", n, p.output)
	}
	if r := p.must(0, "run", "who"); !strings.Contains(r.stderr, says) || !strings.Contains(r.stdout, "I am 0 with  of production") {
		t.Errorf("%s%s", r.stdout, r.stderr)
	}
	p = newProgram(t, whoKinds+"pools: {default: {childUser: '61234'}}\n")
	p.env = append(p.env, "TMPDIR=/tmp")
	if r := p.must(0, "run", "who"); strings.Contains(r.stderr, "you are root") || !strings.Contains(r.stdout, "I am 61234") {
		t.Errorf("%s%s", r.stdout, r.stderr)
	}
}
