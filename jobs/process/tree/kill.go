//go:build unix

package tree

import "syscall"

// passes bounds one Kill: what still appears after so many walks is met by the next Kill.
const passes = 64

// Killer kills, and remembers whom.
type Killer struct{ seen map[int]bool }

// Kill sends SIGKILL to every descendant of a process, and walks again until a walk meets no new one.
// It does not wait for them to die.
func (k *Killer) Kill(root int) {
	for range passes {
		fresh := false
		for pid := range Walk(root) {
			fresh = k.strike(pid) || fresh
		}
		if !fresh {
			return
		}
	}
}

// KillTree is Kill for a process and its descendants.
func (k *Killer) KillTree(pid int) {
	k.strike(pid)
	k.Kill(pid)
}

// Count answers how many living processes were sent a SIGKILL.
func (k *Killer) Count() int { return len(k.seen) }

// strike kills one process and says whether it was alive and new.
func (k *Killer) strike(pid int) bool {
	status, err := Read(pid)
	if err != nil || syscall.Kill(pid, syscall.SIGKILL) != nil || status.Dead || k.seen[pid] {
		return false
	}
	if k.seen == nil {
		k.seen = map[int]bool{}
	}
	k.seen[pid] = true
	return true
}
