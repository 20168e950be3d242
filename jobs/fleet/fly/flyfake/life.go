package flyfake

import (
	"maps"
	"sync"
	"syscall"
	"time"
)

// run begins the life of a machine that is started.
func (s *Server) run(m *hosted) {
	halted := make(chan struct{})
	m.wanted, m.restarts, m.halt = true, 0, sync.OnceFunc(func() { close(halted) })
	s.enter(m, starting, "start", nil)
	env := maps.Clone(m.Config.Env)
	if env == nil {
		env = map[string]string{}
	}
	maps.Copy(env, s.Secrets)
	maps.Copy(env, map[string]string{
		"FLY_APP_NAME": App, "FLY_MACHINE_ID": m.ID, "FLY_REGION": m.Region, "FLY_IMAGE_REF": m.Config.Image,
	})
	boot := s.boot
	s.lives.Go(func() { s.live(m, env, boot, halted) })
}

// live is a machine's life, with its restarts, until it is stopped.
func (s *Server) live(m *hosted, env map[string]string, boot time.Duration, halted <-chan struct{}) {
	timer := time.NewTimer(boot)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-halted:
	case <-s.closed:
	}
	for again := true; again; {
		const noProgram = 127
		code := noProgram
		if !s.wants(m) {
			code = 0 // it was stopped while it booted
		} else if process, err := s.start(env); err == nil {
			s.begin(m, process)
			code = process.Wait()
		}
		again = s.end(m, code)
	}
}

// wants tells whether a machine is to run still.
func (s *Server) wants(m *hosted) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return m.wanted
}

// begin takes note of a process. A machine that was stopped meanwhile has no use for it.
func (s *Server) begin(m *hosted, process Process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m.process = process
	if !m.wanted {
		process.Signal(syscall.SIGKILL)
		return
	}
	s.enter(m, started, "start", nil)
}

// end takes note of a process's exit, and tells whether it is started again.
func (s *Server) end(m *hosted, code int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	m.process = nil
	if m.State == destroyed {
		return false
	}
	restart := m.settings().Restart
	if restart == nil {
		restart = &Restart{Policy: "on-failure", MaxRetries: 10}
	}
	again := m.wanted && (restart.Policy == "always" || restart.Policy == "on-failure" && code != 0 && m.restarts < restart.MaxRetries)
	exit := &Request{RestartCount: m.restarts, ExitEvent: &ExitEvent{
		ExitCode: code, GuestExitCode: code, RequestedStop: !m.wanted, Restarting: again, ExitedAt: time.Now(),
	}}
	switch {
	case again:
		m.restarts++
		s.enter(m, starting, "exit", exit)
	case m.settings().AutoDestroy:
		s.enter(m, destroyed, "exit", exit)
	default:
		s.enter(m, stopped, "exit", exit)
	}
	return again
}
