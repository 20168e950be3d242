package cmd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// listen opens the address. One that is taken is an error that names who has it, where that can be
// found out.
func listen(ctx context.Context, address string) (net.Listener, error) {
	socket, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, &takenError{address, holder(ctx, address)}
	case err != nil:
		return nil, usage(fmt.Errorf("listen: %w", err))
	}
	return socket, nil
}

// takenError says that somebody else listens on an address. It is an EADDRINUSE.
type takenError struct{ address, holder string }

func (e *takenError) Error() string {
	return fmt.Sprintf("%s is taken%s: choose another with --addr", e.address, e.holder)
}

func (*takenError) Unwrap() error { return syscall.EADDRINUSE }

// holder is " by PROGRAM (process N)" when /proc tells, else empty.
func holder(ctx context.Context, address string) string {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	number, err := net.DefaultResolver.LookupPort(ctx, "tcp", port)
	if err != nil {
		return ""
	}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		if inode := listeningInode(table, number); inode != "" {
			return socketHolder(inode)
		}
	}
	return ""
}

// listeningInode finds the socket that listens on a port; the format is that of proc(5).
func listeningInode(table string, port int) string {
	file, err := os.Open(table)
	if err != nil {
		return ""
	}
	defer file.Close()
	suffix := fmt.Sprintf(":%04X", port)
	for lines := bufio.NewScanner(file); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) > 9 && strings.HasSuffix(fields[1], suffix) && fields[3] == "0A" {
			return fields[9]
		}
	}
	return ""
}

func socketHolder(inode string) string {
	links, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return ""
	}
	for _, link := range links {
		if target, err := os.Readlink(link); err != nil || target != "socket:["+inode+"]" {
			continue
		}
		process := strings.Split(link, "/")[2]
		name, err := os.ReadFile("/proc/" + process + "/comm")
		if err != nil {
			return " by process " + process
		}
		return fmt.Sprintf(" by %s (process %s)", strings.TrimSpace(string(name)), process)
	}
	return ""
}
