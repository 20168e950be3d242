package process

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"freshet/jobs/process/sandbox"
)

// listeners are on the loopback: in the place of a cloud's metadata address, which is of this host as well.
func listeners(t *testing.T) (port int) {
	t.Helper()
	tcp, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	port = tcp.Addr().(*net.TCPAddr).Port
	udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	if err != nil {
		t.Fatal(err)
	}
	abstract, err := net.Listen("unix", abstractName(port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = tcp.Close()
		_ = udp.Close()
		_ = abstract.Close()
	})
	return port
}

func abstractName(port int) string { return "@freshet-test-" + strconv.Itoa(port) }

// ways are the ways by which this process gets through to the listeners, or to listen itself.
func ways(text string) (open []string) {
	port, _ := strconv.Atoi(text)
	address := &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: port}
	for _, way := range []struct {
		name                     string
		family, socket, protocol int
		use                      func(fd int) error
	}{
		{"tcp", unix.AF_INET, unix.SOCK_STREAM, 0, func(fd int) error { return unix.Connect(fd, address) }},
		{"mptcp", unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_MPTCP, func(fd int) error { return unix.Connect(fd, address) }},
		{"fast open", unix.AF_INET, unix.SOCK_STREAM, 0, func(fd int) error { return unix.Sendto(fd, []byte("x"), unix.MSG_FASTOPEN, address) }},
		{"udp", unix.AF_INET, unix.SOCK_DGRAM, 0, func(fd int) error { return unix.Sendto(fd, []byte("x"), 0, address) }},
		{"abstract", unix.AF_UNIX, unix.SOCK_STREAM, 0, func(fd int) error { return unix.Connect(fd, &unix.SockaddrUnix{Name: abstractName(port)}) }},
		{"bind", unix.AF_INET, unix.SOCK_STREAM, 0, func(fd int) error { return unix.Bind(fd, &unix.SockaddrInet4{Addr: address.Addr}) }},
	} {
		fd, err := unix.Socket(way.family, way.socket, way.protocol)
		if err == nil {
			err = way.use(fd)
			_ = unix.Close(fd)
		}
		if err == nil {
			open = append(open, way.name)
		}
	}
	if _, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 1, 0, 0); errno == unix.EFAULT { // it is there, and there are no parameters
		open = append(open, "io_uring")
	}
	return open
}

func TestSandboxOfTheNetwork(t *testing.T) {
	t.Parallel()
	port := listeners(t)
	try := func(rules *sandbox.Rules) (open []string) {
		s := self(t, "dial", strconv.Itoa(port))
		s.Sandbox = rules
		if err := json.Unmarshal([]byte(output(t, s)), &open); err != nil {
			t.Fatal(err)
		}
		return open
	}
	free := try(nil)
	for _, way := range []string{"tcp", "udp", "abstract", "bind"} {
		if !slices.Contains(free, way) {
			t.Fatalf("without a sandbox, %s does not get through: %q", way, free)
		}
	}
	t.Logf("without a sandbox: %q", free)
	for name, test := range map[string]struct {
		ports []int
		want  []string // of what is open without a sandbox
	}{
		"any":        {nil, []string{"tcp", "mptcp", "fast open", "udp", "bind", "io_uring"}},
		"none":       {[]int{}, nil},
		"this port":  {[]int{port}, []string{"tcp", "udp"}},
		"other port": {[]int{1}, []string{"udp"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rules := &sandbox.Rules{Ports: test.ports}
			needSandbox(t, rules)
			want := slices.DeleteFunc(slices.Clone(test.want), func(way string) bool { return !slices.Contains(free, way) })
			if !sandbox.KeepsSignals() && name != "none" {
				want = append(want, "abstract")
			}
			got := try(rules)
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("open are %q; want %q", got, want)
			}
		})
	}
}

// Sockets in the file system are not Landlock's to close; without any network nothing is connected to.
func TestSandboxOfSockets(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("not tried: " + err.Error())
	}
	folder := t.TempDir()
	path := filepath.Join(folder, "s")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if err := os.Chmod(path, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		ports []int
		want  string
	}{{nil, "connected\n"}, {[]int{443}, "connected\n"}, {[]int{}, "made\n"}} {
		rules := sandbox.Rules{Ports: test.ports}
		s, _ := sandboxed(t, `exec 2>/dev/null; python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX)
try: s.connect(sys.argv[1]); print("connected")
except PermissionError: print("made")' `+path, rules)
		if got := output(t, s); got != test.want {
			t.Errorf("ports %v: %q", test.ports, got)
		}
	}
}
