//go:build unix && !linux

package process

import "syscall"

func (s DaemonSpec) attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: s.Credential}
}
