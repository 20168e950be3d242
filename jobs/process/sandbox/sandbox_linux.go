package sandbox

import (
	"fmt"
	"os"
	"slices"
	"syscall"
)

const (
	prSetNoNewPrivs = 38
	prGetSeccomp    = 21
)

// Supported tells whether this machine can confine by rules. The error is ErrUnsupported, with what is missing.
func Supported(r Rules) error { return supported(version(), r) }

func supported(has int, r Rules) error {
	switch {
	case has == 0:
		return fmt.Errorf("%w: its kernel has no Landlock, which Linux has since 5.13 where it is switched on (lsm=)", ErrUnsupported)
	case has < withTruncate:
		return fmt.Errorf("%w: its kernel has version %d of Landlock, and version %d is needed, of Linux 6.2", ErrUnsupported, has, withTruncate)
	case len(r.Ports) > 0 && has < withPorts:
		return fmt.Errorf("%w: its kernel has version %d of Landlock, and rules of ports need version %d, of Linux 6.7", ErrUnsupported, has, withPorts)
	case r.Ports == nil:
		return nil
	}
	if _, known := machine(); !known {
		return fmt.Errorf("%w: the network cannot be closed on its architecture", ErrUnsupported)
	}
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, prGetSeccomp, 0, 0); errno != 0 {
		return fmt.Errorf("%w: its kernel has no seccomp: %w", ErrUnsupported, errno)
	}
	return nil
}

// KeepsSignals tells whether signals to processes outside are refused.
func KeepsSignals() bool { return version() >= withScopes }

// Check tells whether Apply could work, as far as that can be known before.
func Check(r Rules) error {
	if err := Supported(r); err != nil {
		return err
	}
	for _, path := range slices.Concat(r.Read, r.Write) {
		if _, err := os.Stat(path); err != nil {
			return err
		}
	}
	return nil
}

// Apply confines the calling thread, to which the caller is locked for good. It can gain no privileges any
// more by executing a program.
func Apply(r Rules) error {
	if err := Supported(r); err != nil {
		return err
	}
	rules, err := newLandlock(version(), r)
	if err != nil {
		return err
	}
	defer rules.close()
	if err := rules.fill(r); err != nil {
		return err
	}
	if err := dropCapabilities(); err != nil {
		return err
	}
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, prSetNoNewPrivs, 1, 0, 0, 0, 0); errno != 0 {
		return fmt.Errorf("renounce privileges: %w", errno)
	}
	if err := rules.restrict(); err != nil || r.Ports == nil {
		return err
	}
	return closeNetwork(len(r.Ports) > 0)
}

func (l *landlock) fill(r Rules) error {
	for _, path := range System() {
		if err := l.allowIfThere(path, fsRead); err != nil {
			return err
		}
	}
	for _, path := range devices() {
		if err := l.allowIfThere(path, fsReadFile|fsWriteFile|fsTruncate|fsIoctl); err != nil {
			return err
		}
	}
	for _, path := range r.Read {
		if err := l.allow(path, fsRead); err != nil {
			return err
		}
	}
	for _, path := range r.Write {
		if err := l.write(path); err != nil {
			return err
		}
	}
	for _, port := range r.Ports {
		if err := l.port(port); err != nil {
			return err
		}
	}
	if r.Dir == "" {
		return nil
	}
	return l.folder(r.Dir)
}
