package process

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"freshet/jobs/process/sandbox"
)

// needSandbox skips where the kernel has none, and says what is missing.
func needSandbox(t *testing.T, rules *sandbox.Rules) {
	t.Helper()
	if err := sandbox.Supported(*rules); err != nil {
		t.Skipf("not tried: %v", err)
	}
}

// sandboxed is a script that may write to a folder and read what else is named. What there is besides is in
// another folder, closed to it.
func sandboxed(t *testing.T, text string, rules sandbox.Rules) (s Spec, outside string) {
	t.Helper()
	inside, outside := t.TempDir(), t.TempDir()
	rules.Write = append(rules.Write, inside)
	needSandbox(t, &rules)
	s, _ = script(t, text)
	s.Env = append(s.Env, "OUT="+outside, "IN="+inside, "PATH=/usr/bin:/bin")
	s.Dir, s.Sandbox = inside, &rules
	put(t, filepath.Join(outside, "secret"), "hunter2")
	return s, outside
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// both is what a script writes in its sandbox, and without it.
func both(t *testing.T, s Spec) (confined, free string) {
	t.Helper()
	confined = said(t, s)
	s.Sandbox = nil
	return confined, said(t, s)
}

func said(t *testing.T, s Spec) string {
	t.Helper()
	out := &watched{}
	s.Stdout = out
	_ = run(t, s)
	return out.String()
}

func TestSandboxOfFiles(t *testing.T) {
	t.Parallel()
	s, outside := sandboxed(t, `
		exec 2>/dev/null
		cat "$OUT/secret" && echo " read"
		ls "$OUT" && echo listed
		ln -s "$OUT/secret" link && cat link && echo " read by a link"
		ln "$OUT/secret" hard && echo linked
		(echo more >> "$OUT/secret") && echo appended
		(: > "$OUT/new") && echo made
		truncate -s 0 "$OUT/secret" && echo truncated
		mv "$OUT/secret" moved && echo moved
		rm "$OUT/secret" && echo removed
		ls /proc/1 && echo processes
		ls "$HOME" / && echo home
		true`, sandbox.Rules{})
	secret := filepath.Join(outside, "secret")
	confined := said(t, s)
	if confined != "" {
		t.Errorf("a sandbox lets through: %s", confined)
	}
	if text, err := os.ReadFile(secret); err != nil || string(text) != "hunter2" {
		t.Errorf("the file is %q, %v", text, err)
	}
	s.Sandbox, s.Dir = nil, t.TempDir()
	free := said(t, s)
	for _, deed := range []string{"hunter2 read\n", "listed", "read by a link", "linked", "appended", "made", "truncated", "moved", "processes"} {
		if !strings.Contains(free, deed) {
			t.Errorf("without a sandbox, %q is not done: %s", deed, free)
		}
	}
}

// What is named may be used as its name says; the folder of the command is open but for names with a dot.
func TestSandboxOpens(t *testing.T) {
	t.Parallel()
	project, assets, drop := t.TempDir(), t.TempDir(), t.TempDir()
	put(t, filepath.Join(project, "code"), "code ")
	put(t, filepath.Join(project, ".env"), "hunter2 ")
	put(t, filepath.Join(assets, "logo"), "logo ")
	if err := errors.Join(os.Symlink(assets, filepath.Join(project, "linked")), os.Mkdir(filepath.Join(project, ".state"), 0o700)); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(project, ".state", "key"), "hunter2 ")
	const look = `
		exec 2>/dev/null
		cat code .env .state/key linked/logo
		ls -A | tr '\n' ' '
		(: > new) && echo made in the project
		true`
	s, _ := sandboxed(t, look, sandbox.Rules{Dir: project})
	s.Dir = project
	if got, want := said(t, s), "code .env .state code linked "; got != want {
		t.Errorf("%q; want %q", got, want)
	}
	s.Sandbox.Read = append(s.Sandbox.Read, assets, filepath.Join(project, ".env"))
	s.Sandbox.Write = append(s.Sandbox.Write, drop)
	s.Args[2] = `exec 2>/dev/null; cat code .env linked/logo; (: > linked/new) && echo made; echo dropped > ` + drop + `/x; cat ` + drop + `/x; rm ` + drop + `/x; ls ` + drop
	if got, want := said(t, s), "code hunter2 logo dropped\n"; got != want {
		t.Errorf("%q; want %q", got, want)
	}
}

// Whatever a command forks is held as well: another session, an orphan, another program.
func TestSandboxIsInherited(t *testing.T) {
	t.Parallel()
	s, _ := sandboxed(t, `
		exec 2>/dev/null
		setsid sh -c '(sh -c "cat $OUT/secret; echo tried > $IN/done" & )'
		while [ ! -e done ]; do sleep 0.01; done
		env -i cat "$OUT/secret"
		unshare -Ur cat "$OUT/secret"
		true`, sandbox.Rules{})
	confined := said(t, s)
	if err := os.Remove(filepath.Join(s.Dir, "done")); err != nil {
		t.Fatal(err)
	}
	s.Sandbox = nil
	if free := said(t, s); confined != "" || strings.Count(free, "hunter2") < 2 {
		t.Errorf("in the sandbox %q, without %q", confined, free)
	}
}

// A worker of its own runs it, whose environment the same user could read: here it is not concealed.
func TestSandboxOfProcesses(t *testing.T) {
	t.Parallel()
	needSandbox(t, &sandbox.Rules{})
	if !sandbox.KeepsSignals() {
		t.Skip("not tried: this kernel does not keep signals in, which takes Linux 6.12")
	}
	const look = `
		for pid in $PPID $(cut -d' ' -f4 /proc/$PPID/stat 2>/dev/null); do
			cat /proc/$pid/environ /proc/$pid/cmdline 2>/dev/null | tr '\0' '\n'
			readlink /proc/$pid/fd/0 /proc/$pid/cwd
			kill -0 $pid 2>/dev/null && echo && echo may signal $pid
		done
		cat /proc/self/environ 2>/dev/null
		sleep 100 & kill $! && echo && echo may signal its own`
	as := func(role string) string {
		s := self(t, role, "sh", "-c", look)
		s.Env = append(s.Env, "PATH=/usr/bin:/bin", "SECRET=hunter2-of-the-worker")
		return output(t, s)
	}
	free := as("open")
	if !strings.Contains(free, "hunter2") || strings.Count(free, "\nmay signal ") != 3 {
		t.Errorf("this test cannot see a worker: %s", free)
	}
	if confined := as("boxed"); confined != "\nmay signal its own\n" {
		t.Errorf("a sandbox lets through: %s", confined)
	}
}

// Commands of one user, each in its sandbox, are closed to each other, even if /proc is opened to them: then they see
// names and arguments.
func TestSandboxesAreClosedToEachOther(t *testing.T) {
	t.Parallel()
	if !sandbox.KeepsSignals() {
		t.Skip("not tried: this kernel does not keep signals in, which takes Linux 6.12")
	}
	victim, _ := sandboxed(t, `echo up; exec sleep 1000`, sandbox.Rules{})
	victim.Env = append(victim.Env, "SECRET=hunter2")
	up := &watched{}
	victim.Stdout = up
	pid := start(t, victim).PID()
	up.has(t, "up")
	s, _ := sandboxed(t, `
		exec 2>/dev/null
		tr '\0' ' ' < /proc/$PID/cmdline
		tr '\0' '\n' < /proc/$PID/environ | grep SECRET
		readlink /proc/$PID/cwd && ls /proc/$PID/cwd/. /proc/$PID/root/root
		kill -0 $PID && echo may signal
		true`, sandbox.Rules{})
	s.Env = append(s.Env, "PID="+strconv.Itoa(pid))
	if got := said(t, s); got != "" {
		t.Errorf("a sandbox lets through: %s", got)
	}
	s.Sandbox.Read = []string{"/proc"}
	if got := said(t, s); got != "sleep 1000 " {
		t.Errorf("with /proc a sandbox lets through: %s", got)
	}
	s.Sandbox = nil
	if got := said(t, s); !strings.Contains(got, "SECRET=hunter2\n"+victim.Dir+"\n") || !strings.Contains(got, "may signal") {
		t.Errorf("this test cannot see the other command: %s", got)
	}
}

func TestSandboxOfAnotherUser(t *testing.T) {
	t.Parallel()
	needRoot(t)
	s, outside := sandboxed(t, `
		exec 2>/dev/null
		id -u; cat "$OUT/secret"
		echo kept > "$IN/mine" && cat "$IN/mine"
		true`, sandbox.Rules{})
	for _, path := range []string{s.Dir, outside} { // and on the way to them
		for ; path != os.TempDir() && path != "/"; path = filepath.Dir(path) {
			if err := os.Chmod(path, 0o777); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.User = &User{UID: stranger, GID: stranger}
	confined, free := both(t, s)
	if confined != "61234\nkept\n" || free != "61234\nhunter2kept\n" {
		t.Errorf("in the sandbox %q, without %q", confined, free)
	}
}

// Root keeps the capabilities of files and users, and none with which it could get around its sandbox.
func TestCapabilitiesInASandbox(t *testing.T) {
	t.Parallel()
	needRoot(t)
	s, _ := sandboxed(t, `while read name value; do case $name in CapEff:|CapBnd:|NoNewPrivs:) echo $value;; esac; done < /proc/self/status`,
		sandbox.Rules{Read: []string{"/proc"}})
	confined, free := both(t, s)
	var had uint64
	if _, err := fmt.Sscanf(free, "%x", &had); err != nil || had&^0x4fb == 0 {
		t.Fatalf("without a sandbox root has %q", free)
	}
	if want := fmt.Sprintf("%016x\n%016[1]x\n1\n", had&0x4fb); confined != want {
		t.Errorf("%q; want %q", confined, want)
	}
}

// A worker that is not root confines as well, and its commands cannot gain privileges.
func TestSandboxOfAWorkerThatIsNotRoot(t *testing.T) {
	t.Parallel()
	needSandbox(t, &sandbox.Rules{})
	const look = `id -u; cat /etc/passwd | head -c 5; cat /etc/issue 2>/dev/null; cat /proc/self/status 2>/dev/null; echo`
	if _, err := os.Stat("/etc/issue"); err != nil {
		t.Skip("there is no /etc/issue here")
	}
	if got := asNobody(t, "open", "sh", "-c", look); strings.Count(got, "\n") < 5 {
		t.Errorf("without a sandbox %q", got)
	}
	t.Run("confined", func(t *testing.T) {
		t.Parallel()
		if got := asNobody(t, "boxed", "sh", "-c", look); got != "65534\nroot:\n" {
			t.Errorf("in a sandbox %q", got)
		}
	})
}

// The memory limit is one of a control group, into which the confined thread goes and comes back.
func TestSandboxAndMemory(t *testing.T) {
	t.Parallel()
	needSandbox(t, &sandbox.Rules{})
	s := self(t, "eat", "200")
	s.Memory, s.Sandbox = 64<<20, &sandbox.Rules{}
	if result := run(t, s); !result.OOM {
		t.Errorf("result %+v", result)
	}
	s.Memory = 1 << 30
	s.Stdin = strings.NewReader("")
	if result := run(t, s); result.OOM || result.ExitCode != 0 {
		t.Errorf("result %+v", result)
	}
}

// All of the tree is killed as ever, from outside of the sandbox.
func TestSandboxedTreeIsKilled(t *testing.T) {
	t.Parallel()
	needSandbox(t, &sandbox.Rules{})
	for name, end := range map[string]func(*Child){"stopped": (*Child).Stop, "killed": (*Child).Kill, "shim killed": func(c *Child) { _ = c.shim.Kill() }} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, tag := script(t, `trap '' TERM; for i in 1 2 3; do setsid sh -c 'trap "" TERM HUP; (sleep 1000 & sleep 1000) & sleep 1000' & done; sleep 1000`)
			s.Sandbox = &sandbox.Rules{}
			c := start(t, s)
			grown(t, tag, 10)
			end(c)
			gone(t, tag)
			<-c.Done()
		})
	}
}

// Nothing runs where it would not be confined.
func TestNoSandboxNoCommand(t *testing.T) {
	t.Parallel()
	as := func(role string) string {
		s := self(t, role, "echo", "ran")
		s.Env = append(s.Env, "PATH=/usr/bin:/bin")
		return output(t, s)
	}
	if got := as("landless"); got != "ran\n" {
		t.Fatalf("without a sandbox: %q", got)
	}
	if got := as("landless boxed"); got != "start child: execute: sandbox: "+sandbox.ErrUnsupported.Error()+
		": its kernel has no Landlock, which Linux has since 5.13 where it is switched on (lsm=)\n" {
		t.Errorf("%q", got)
	}
	t.Run("what is named is missing", func(t *testing.T) {
		t.Parallel()
		s, outside := sandboxed(t, `true`, sandbox.Rules{})
		s.Sandbox.Read = []string{filepath.Join(outside, "none")}
		_, err := Start(t.Context(), s)
		if err == nil || !strings.Contains(err.Error(), "sandbox: open "+s.Sandbox.Read[0]+": no such file or directory") {
			t.Errorf("%v", err)
		}
	})
	t.Run("the interpreter is closed", func(t *testing.T) {
		t.Parallel()
		s, outside := sandboxed(t, `true`, sandbox.Rules{})
		interpreter := filepath.Join(outside, "sh")
		program := filepath.Join(outside, "script")
		put(t, program, "#!"+interpreter+"\n:\n")
		if err := errors.Join(os.Symlink("/proc/self/exe", interpreter), os.Remove(interpreter)); err != nil {
			t.Fatal(err)
		}
		shell, err := os.ReadFile("/bin/sh")
		if err != nil {
			t.Fatal(err)
		}
		put(t, interpreter, string(shell))
		for _, path := range []string{program, interpreter} {
			if err := os.Chmod(path, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		s.Args = []string{program}
		if _, err := Start(t.Context(), s); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "its sandbox may be what keeps it from the interpreter") {
			t.Errorf("%v", err)
		}
		s.Sandbox.Read = []string{interpreter}
		if result := run(t, s); result.ExitCode != 0 {
			t.Errorf("result %+v", result)
		}
	})
}

// withoutLandlock has the kernel say to this process, and to all it starts, that it knows no Landlock.
func withoutLandlock() {
	code := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: unix.SYS_LANDLOCK_CREATE_RULESET},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	filter := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		panic(err)
	}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&filter)))
	if errno != 0 {
		panic(errno)
	}
}
