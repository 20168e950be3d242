package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"unsafe"
)

// Of linux/landlock.h, which the syscall package does not know.
const (
	sysCreateRuleset = 444 // on every architecture
	sysAddRule       = 445
	sysRestrictSelf  = 446

	versionFlag   = 1 << 0
	rulePath      = 1
	rulePort      = 2
	scopeAbstract = 1 << 0
	scopeSignal   = 1 << 1
	netBind       = 1 << 0
	netConnect    = 1 << 1

	fsExecute, fsWriteFile, fsReadFile, fsReadDir = 1 << 0, 1 << 1, 1 << 2, 1 << 3
	fsMakeChar, fsMakeBlock                       = 1 << 6, 1 << 11
	fsTruncate, fsIoctl                           = 1 << 14, 1 << 15

	fsRead   = fsExecute | fsReadFile | fsReadDir
	fsOfFile = fsExecute | fsWriteFile | fsReadFile | fsTruncate | fsIoctl
)

// Versions of the interface, by what they brought.
const (
	withTruncate = 3
	withPorts    = 4
	withIoctl    = 5
	withScopes   = 6
)

const openPath = 0x200000 // O_PATH

type rulesetAttr struct{ fs, net, scoped uint64 }

type pathAttr struct {
	allowed uint64
	fd      int32
}

type portAttr struct{ allowed, port uint64 }

// version is that of the kernel's Landlock; 0 is none.
func version() int {
	n, _, errno := syscall.RawSyscall(sysCreateRuleset, 0, 0, versionFlag)
	if errno != 0 {
		return 0
	}
	return int(n)
}

// files are all rights of files that a version knows. Those of later ones cannot be taken away.
func files(version int) uint64 {
	rights := uint64(fsIoctl<<1 - 1)
	if version < withIoctl {
		rights &^= fsIoctl
	}
	return rights
}

// landlock is a set of rules in the making.
type landlock struct {
	fd     uintptr
	rights uint64 // that are taken away where no rule gives them
}

func newLandlock(version int, r Rules) (*landlock, error) {
	attr := rulesetAttr{fs: files(version)}
	if r.Ports != nil && version >= withPorts {
		attr.net = netBind | netConnect
	}
	if version >= withScopes {
		attr.scoped = scopeAbstract | scopeSignal
	}
	fd, _, errno := syscall.RawSyscall(sysCreateRuleset, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0) //nolint:gosec // as the call wants it
	if errno != 0 {
		return nil, fmt.Errorf("make rules: %w", errno)
	}
	return &landlock{fd, attr.fs}, nil
}

// restrict makes the rules those of this thread.
func (l *landlock) restrict() error {
	if _, _, errno := syscall.RawSyscall(sysRestrictSelf, l.fd, 0, 0); errno != 0 {
		return fmt.Errorf("take on rules: %w", errno)
	}
	return nil
}

func (l *landlock) close() { _ = syscall.Close(int(l.fd)) }

// write lets a file or folder be changed. No devices are made, not even by root.
func (l *landlock) write(path string) error {
	return l.allow(path, l.rights&^(fsMakeChar|fsMakeBlock))
}

// allow gives rights to what a path leads to.
func (l *landlock) allow(path string, rights uint64) error {
	fd, err := syscall.Open(path, openPath|syscall.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	err = l.allowOpened(path, fd, rights)
	_ = syscall.Close(fd)
	return err
}

func (l *landlock) allowOpened(path string, fd int, rights uint64) error {
	var stat syscall.Stat_t
	if err := syscall.Fstat(fd, &stat); err != nil {
		return &os.PathError{Op: "stat", Path: path, Err: err}
	}
	if stat.Mode&syscall.S_IFMT != syscall.S_IFDIR {
		rights &= fsOfFile
	}
	attr := pathAttr{rights & l.rights, int32(fd)}
	if _, _, errno := syscall.RawSyscall6(sysAddRule, l.fd, rulePath, uintptr(unsafe.Pointer(&attr)), 0, 0, 0); errno != 0 { //nolint:gosec // as the call wants it
		return &os.PathError{Op: "give rights to", Path: path, Err: errno}
	}
	return nil
}

// allowIfThere gives rights to what need not exist. Its descriptor stays open: /proc would make its files anew,
// and those would have no rights.
func (l *landlock) allowIfThere(path string, rights uint64) error {
	fd, err := syscall.Open(path, openPath|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil //nolint:nilerr // then there is nothing to give
	}
	return l.allowOpened(path, fd, rights)
}

// folder lets the entries of a folder be read that are meant to be, and all be listed.
func (l *landlock) folder(path string) error {
	if err := l.allow(path, fsReadDir); err != nil {
		return err
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.Name()[0] == '.' || entry.Type()&os.ModeSymlink != 0 {
			continue
		}
		if err := l.allow(filepath.Join(path, entry.Name()), fsRead); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (l *landlock) port(number int) error {
	attr := portAttr{netConnect, uint64(number)}
	if _, _, errno := syscall.RawSyscall6(sysAddRule, l.fd, rulePort, uintptr(unsafe.Pointer(&attr)), 0, 0, 0); errno != 0 { //nolint:gosec // as the call wants it
		return fmt.Errorf("allow port %d: %w", number, errno)
	}
	return nil
}
