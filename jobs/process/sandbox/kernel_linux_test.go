package sandbox

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
)

func TestOldKernelsAreRefused(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		version int
		ports   []int
		says    string
	}{
		{0, nil, "no Landlock"},
		{1, nil, "version 3 is needed, of Linux 6.2"},
		{2, nil, "version 3 is needed, of Linux 6.2"},
		{3, nil, ""},
		{3, []int{}, ""},
		{3, []int{443}, "rules of ports need version 4, of Linux 6.7"},
		{4, []int{443}, ""},
		{7, []int{443}, ""},
	} {
		err := supported(test.version, Rules{Ports: test.ports})
		switch {
		case test.says == "" && err != nil:
			t.Errorf("%+v: %v", test, err)
		case test.says != "" && (!errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), test.says)):
			t.Errorf("%+v: %v", test, err)
		}
	}
}

func TestRightsOfVersions(t *testing.T) {
	t.Parallel()
	for version, want := range map[int]uint64{3: 1<<15 - 1, 4: 1<<15 - 1, 5: 1<<16 - 1, 7: 1<<16 - 1} {
		if got := files(version); got != want {
			t.Errorf("version %d: %b", version, got)
		}
	}
}

// verdict runs a filter as the kernel does, and answers what it says of a call.
func verdict(t *testing.T, code []syscall.SockFilter, audit, number uint32, arguments ...uint32) uint32 {
	t.Helper()
	data := map[uint32]uint32{whichCall: number, architecture: audit}
	for i := range uint32(6) {
		data[16+8*i] = 0
	}
	for i, value := range arguments {
		data[uint32(16+8*i)] = value
	}
	var a uint32
	for pc := 0; ; pc++ {
		switch step := code[pc]; step.Code {
		case load:
			value, aligned := data[step.K]
			if !aligned {
				t.Fatalf("loads %d", step.K)
			}
			a = value
		case and:
			a &= step.K
		case equals:
			if a == step.K {
				pc += int(step.Jt)
			} else {
				pc += int(step.Jf)
			}
		case jump:
			pc += int(step.K)
		case answer:
			return step.K
		default:
			t.Fatalf("unknown step %+v", step)
		}
	}
}

// The numbers are those of asm/unistd_64.h and asm-generic/unistd.h, and of linux/audit.h, written down once more.
func TestFilters(t *testing.T) {
	t.Parallel()
	const (
		unix, inet, inet6, netlink, packet, vsock = 1, 2, 10, 16, 17, 40
		stream, dgram, raw, seqpacket             = 1, 2, 3, 5
		cloexec, mptcp                            = 0o2000000, 262
		fast                                      = 0x20000000
	)
	denied, noCall, unsupported := uint32(verdictErrno|syscall.EACCES), uint32(verdictErrno|syscall.ENOSYS), uint32(verdictErrno|syscall.EOPNOTSUPP)
	for name, m := range map[string]struct {
		calls calls
		other uint32 // the architecture of 32 bits
		open  uint32
	}{
		"amd64": {calls{0xc000003e, 41, 53, 42, 44, 46, 307}, 0x40000003, 2},
		"arm64": {calls{0xc00000b7, 198, 199, 203, 206, 211, 269}, 0x40000028, 56},
	} {
		c := m.calls
		none, some := program(refusals(c, false)), program(refusals(c, true))
		for _, test := range []struct {
			what           string
			number         uint32
			arguments      []uint32
			inNone, inSome uint32
		}{
			{"another call", m.open, []uint32{inet, dgram, mptcp, fast}, verdictAllow, verdictAllow},
			{"io_uring", 425, nil, noCall, noCall},
			{"TCP", c.socket, []uint32{inet, stream | cloexec, 0}, denied, verdictAllow},
			{"TCP, named", c.socket, []uint32{inet6, stream, 6}, denied, verdictAllow},
			{"UDP", c.socket, []uint32{inet, dgram, 0}, denied, verdictAllow},
			{"MPTCP", c.socket, []uint32{inet, stream, mptcp}, denied, denied},
			{"SCTP", c.socket, []uint32{inet, seqpacket, 0}, denied, denied},
			{"raw TCP", c.socket, []uint32{inet6, raw, 6}, denied, denied},
			{"ping", c.socket, []uint32{inet, dgram, 1}, denied, denied},
			{"frames", c.socket, []uint32{packet, raw, 0}, denied, denied},
			{"the host of a virtual machine", c.socket, []uint32{vsock, stream, 0}, denied, denied},
			{"netlink", c.socket, []uint32{netlink, raw, 0}, denied, verdictAllow},
			{"a socket in the file system", c.socket, []uint32{unix, stream | cloexec, 0}, verdictAllow, verdictAllow},
			{"a letter to one", c.socket, []uint32{unix, dgram, 0}, denied, verdictAllow},
			{"a raw letter", c.socket, []uint32{unix, raw, 0}, denied, verdictAllow},
			{"a pair", c.socketpair, []uint32{unix, stream, 0}, verdictAllow, verdictAllow},
			{"a pair that could write letters", c.socketpair, []uint32{unix, dgram, 0}, denied, verdictAllow},
			{"connect", c.connect, []uint32{3}, denied, verdictAllow},
			{"sendto", c.sendto, []uint32{3, 0, 0, 0x4000}, verdictAllow, verdictAllow},
			{"sendto, fast", c.sendto, []uint32{3, 0, 0, 0x4000 | fast}, verdictAllow, unsupported},
			{"sendmsg, fast", c.sendmsg, []uint32{3, 0, fast}, verdictAllow, unsupported},
			{"sendmmsg, fast", c.sendmmsg, []uint32{3, 0, 1, fast}, verdictAllow, unsupported},
			{"a call of x32", 0x40000000 | c.socket, []uint32{inet, stream, 0}, verdictKill, verdictKill},
		} {
			if got := verdict(t, none, c.audit, test.number, test.arguments...); got != test.inNone {
				t.Errorf("%s, %s with no network: %#x", name, test.what, got)
			}
			if got := verdict(t, some, c.audit, test.number, test.arguments...); got != test.inSome {
				t.Errorf("%s, %s with some ports: %#x", name, test.what, got)
			}
		}
		if got := verdict(t, some, m.other, c.socket, inet, stream); got != verdictKill {
			t.Errorf("%s: a program of 32 bits: %#x", name, got)
		}
	}
	if c, known := machine(); known && c.audit != 0xc000003e && c.audit != 0xc00000b7 {
		t.Error(fmt.Errorf("an architecture %#x that is not tried here", c.audit))
	}
}
