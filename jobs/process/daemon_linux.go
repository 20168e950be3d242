package process

import "syscall"

func (s DaemonSpec) attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		Setpgid: true, Pdeathsig: s.stopSignal(), Credential: s.Credential, AmbientCaps: s.AmbientCaps,
	}
}
