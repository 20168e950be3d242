package sandbox

import (
	"fmt"
	"runtime"
	"slices"
	"syscall"
	"unsafe"
)

// Of linux/seccomp.h, filter.h and others.
const (
	prSetSeccomp      = 22
	seccompModeFilter = 2

	verdictAllow = 0x7fff0000
	verdictKill  = 0x80000000 // of the process
	verdictErrno = 0x00050000

	load   = syscall.BPF_LD | syscall.BPF_W | syscall.BPF_ABS
	and    = syscall.BPF_ALU | syscall.BPF_AND | syscall.BPF_K
	equals = syscall.BPF_JMP | syscall.BPF_JEQ | syscall.BPF_K
	jump   = syscall.BPF_JMP | syscall.BPF_JA
	answer = syscall.BPF_RET | syscall.BPF_K

	// What a filter looks at, by its place in struct seccomp_data. Of arguments it is the lower half.
	whichCall    = 0
	architecture = 4
	arguments    = 16

	otherABI    = 0x40000000 // x32's calls have this bit
	sysIoUring  = 425        // io_uring_setup, on every architecture
	typeMask    = 0xf        // the rest are SOCK_NONBLOCK and SOCK_CLOEXEC
	fastOpen    = 0x20000000 // MSG_FASTOPEN
	errnoNoCall = syscall.ENOSYS
)

// calls are the numbers of an architecture, and its name for the kernel.
type calls struct{ audit, socket, socketpair, connect, sendto, sendmsg, sendmmsg uint32 }

func machine() (c calls, known bool) {
	switch runtime.GOARCH {
	case "amd64":
		return calls{0xc000003e, 41, 53, 42, 44, 46, 307}, true
	case "arm64":
		return calls{0xc00000b7, 198, 199, 203, 206, 211, 269}, true
	default:
		return calls{}, false
	}
}

// test is one of the conditions of a refusal: the value at a place, under a mask, is among some, or is not.
type test struct {
	at, mask uint32
	values   []uint32
	not      bool
}

// refusal answers calls that pass all tests.
type refusal struct {
	tests   []test
	verdict uint32
}

func call(number uint32) test { return test{at: whichCall, values: []uint32{number}} }

func argument(n, mask uint32, not bool, values ...uint32) test {
	return test{arguments + 8*n, mask, values, not}
}

func refuse(errno syscall.Errno, tests ...test) refusal {
	return refusal{tests, verdictErrno | uint32(errno)}
}

// refusals close the network, or leave only the sockets that Landlock's ports are for, and those of UDP. Programs
// of another architecture, whose calls have other numbers, are killed.
func refusals(c calls, ports bool) []refusal {
	foreign := refusal{[]test{{at: architecture, values: []uint32{c.audit}, not: true}}, verdictKill}
	list := []refusal{
		foreign,
		{[]test{{at: whichCall, mask: otherABI, values: []uint32{0}, not: true}}, verdictKill},
		refuse(errnoNoCall, call(sysIoUring)),
	}
	if !ports {
		connected := argument(1, typeMask, true, syscall.SOCK_STREAM, syscall.SOCK_SEQPACKET)
		return append(list,
			refuse(syscall.EACCES, call(c.socket), argument(0, 0, true, syscall.AF_UNIX)),
			refuse(syscall.EACCES, call(c.socket), connected),
			refuse(syscall.EACCES, call(c.socketpair), connected),
			refuse(syscall.EACCES, call(c.connect)),
		)
	}
	inet := argument(0, 0, false, syscall.AF_INET, syscall.AF_INET6)
	return append(list,
		refuse(syscall.EACCES, call(c.socket), argument(0, 0, true, syscall.AF_UNIX, syscall.AF_INET, syscall.AF_INET6, syscall.AF_NETLINK)),
		refuse(syscall.EACCES, call(c.socket), inet, argument(1, typeMask, true, syscall.SOCK_STREAM, syscall.SOCK_DGRAM)),
		refuse(syscall.EACCES, call(c.socket), inet, argument(2, 0, true, 0, syscall.IPPROTO_TCP, syscall.IPPROTO_UDP)),
		refuse(syscall.EOPNOTSUPP, call(c.sendto), argument(3, fastOpen, true, 0)),
		refuse(syscall.EOPNOTSUPP, call(c.sendmsg), argument(2, fastOpen, true, 0)),
		refuse(syscall.EOPNOTSUPP, call(c.sendmmsg), argument(3, fastOpen, true, 0)),
	)
}

// program makes what the kernel runs at each call.
func program(list []refusal) []syscall.SockFilter {
	var code []syscall.SockFilter
	for _, refusal := range list {
		code = append(code, refusal.program()...)
	}
	return append(code, syscall.SockFilter{Code: answer, K: verdictAllow})
}

// program is made from its end, so that the way to what is behind it is known.
func (r refusal) program() []syscall.SockFilter {
	code := []syscall.SockFilter{{Code: answer, K: r.verdict}}
	for _, test := range slices.Backward(r.tests) {
		code = append(test.program(uint32(len(code))), code...)
	}
	return code
}

// program goes on with what follows it if the test is passed, and else beyond the rest of its refusal.
func (t test) program(rest uint32) []syscall.SockFilter {
	code := []syscall.SockFilter{{Code: load, K: t.at}}
	if t.mask != 0 {
		code = append(code, syscall.SockFilter{Code: and, K: t.mask})
	}
	for i, value := range t.values { // an equal one jumps behind the first of the two jumps at the end
		code = append(code, syscall.SockFilter{Code: equals, Jt: uint8(len(t.values) - i), K: value})
	}
	found, missed := uint32(0), rest
	if t.not {
		found, missed = rest, 0
	}
	return append(code, syscall.SockFilter{Code: jump, K: missed + 1}, syscall.SockFilter{Code: jump, K: found})
}

// closeNetwork filters the calls of this thread, which has renounced privileges.
func closeNetwork(ports bool) error {
	c, _ := machine()
	code := program(refusals(c, ports))
	filter := syscall.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	_, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, prSetSeccomp, seccompModeFilter, uintptr(unsafe.Pointer(&filter))) //nolint:gosec // as the call wants it
	if errno != 0 {
		return fmt.Errorf("filter calls: %w", errno)
	}
	return nil
}
