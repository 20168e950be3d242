package limit

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// place is a control group in which groups with limits of their own may be made.
type place struct {
	dir    string
	v2     bool
	memory bool // its groups can limit the memory
	pids   bool // and the processes
}

// share divides limits into those that a group here can hold, and the rest.
func (p place) share(limits Limits) (share, rest Limits) {
	rest = limits
	if p.memory {
		share.Memory, rest.Memory = limits.Memory, 0
	}
	if p.pids {
		share.Processes, rest.Processes = limits.Processes, 0
	}
	return share, rest
}

// places answers the candidates, best first.
func places() []place {
	groups, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	return find(string(groups), string(mounts))
}

// find reads the two files of /proc that say where a process is and where that is mounted.
func find(groups, mounts string) []place {
	var v1, v2 []place
	for line := range strings.Lines(groups) {
		// hierarchy:controllers:path, of which v2 has no controllers.
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 {
			continue
		}
		switch {
		case fields[0] == "0" && fields[1] == "":
			for _, dir := range located(mounts, "cgroup2", "", fields[2]) {
				v2 = append(v2, delegated(dir)...)
			}
		case listed(fields[1], "memory"):
			for _, dir := range located(mounts, "cgroup", "memory", fields[2]) {
				v1 = append(v1, place{dir: dir, memory: true})
			}
		}
	}
	return append(v2, v1...)
}

// delegated answers where below a v2 group, or beside it, a controller of ours is handed down.
func delegated(dir string) []place {
	var found []place
	for _, candidate := range []string{dir, filepath.Dir(dir)} {
		control, err := os.ReadFile(filepath.Join(candidate, "cgroup.subtree_control"))
		if err != nil {
			continue
		}
		controllers := strings.Join(strings.Fields(string(control)), ",")
		p := place{dir: candidate, v2: true, memory: listed(controllers, "memory"), pids: listed(controllers, "pids")}
		if p.memory || p.pids {
			found = append(found, p)
		}
	}
	return found
}

// located answers the folders in which a path of a hierarchy is visible.
func located(mounts, fstype, controller, path string) []string {
	var dirs []string
	for line := range strings.Lines(mounts) {
		// id parent device root mountpoint options… - type source superoptions
		mount, super, found := strings.Cut(line, " - ")
		fields, what := strings.Fields(mount), strings.Fields(super)
		if !found || len(fields) < 5 || len(what) < 3 || what[0] != fstype {
			continue
		}
		if controller != "" && !listed(what[2], controller) {
			continue
		}
		if below, err := filepath.Rel(fields[3], path); err == nil && filepath.IsLocal(below) {
			dirs = append(dirs, filepath.Join(fields[4], below))
		}
	}
	return dirs
}

func listed(list, word string) bool { return strings.Contains(","+list+",", ","+word+",") }

// group makes a group for the tree of a process.
func (p place) group(pid int, limits Limits) (Guard, error) {
	dir := filepath.Join(p.dir, name(pid))
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, os.ErrExist) { // of a dead process with this number
		err = os.Remove(dir)
		if err == nil {
			err = os.Mkdir(dir, 0o700)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("make control group: %w", err)
	}
	g := guard(p, dir)
	if err := g.limit(limits); err != nil {
		_ = os.Remove(dir)
		return nil, fmt.Errorf("limit control group: %w", err)
	}
	return g, nil
}

type limited interface {
	Guard
	limit(limits Limits) error
}

func guard(p place, dir string) limited {
	if p.v2 {
		return &groupV2{dir: dir}
	}
	return &groupV1{dir: dir, home: p.dir}
}

// groupV2 is a group of the unified hierarchy. A process is born in it.
type groupV2 struct {
	dir string
	fd  *os.File
}

func (g *groupV2) limit(limits Limits) (err error) {
	if limits.Memory > 0 {
		// Swap is not memory to spend, and one death is the death of all; older kernels lack these two.
		_ = write(g.dir, "memory.swap.max", "0")
		_ = write(g.dir, "memory.oom.group", "1")
		err = write(g.dir, "memory.max", strconv.FormatInt(limits.Memory, 10))
	}
	if limits.Processes > 0 {
		err = errors.Join(err, write(g.dir, "pids.max", strconv.Itoa(limits.Processes)))
	}
	return err
}

func (g *groupV2) Enter(attr *syscall.SysProcAttr) error {
	fd, err := os.Open(g.dir)
	if err != nil {
		return err
	}
	g.fd = fd
	attr.UseCgroupFD, attr.CgroupFD = true, int(fd.Fd())
	return nil
}

func (g *groupV2) Leave()       { _ = g.fd.Close() }
func (g *groupV2) Close() error { return rmdir(g.dir) }

// Exceeded says Processes when a fork was refused. The counters are absent without their controller.
func (g *groupV2) Exceeded() Excess {
	switch {
	case counter(g.dir, "memory.events", "oom_kill") > 0:
		return Memory
	case counter(g.dir, "pids.events", "max") > 0:
		return Processes
	default:
		return None
	}
}

// groupV1 is a group of the memory hierarchy alone. A process is born in the group of the thread that
// forks it, so the thread goes in and comes back. It may be confined meanwhile, so the way back is open already.
type groupV1 struct {
	dir, home string
	back      *os.File
}

func (g *groupV1) limit(limits Limits) error {
	n := strconv.FormatInt(limits.Memory, 10)
	if err := write(g.dir, "memory.limit_in_bytes", n); err != nil {
		return err
	}
	_ = write(g.dir, "memory.memsw.limit_in_bytes", n) // absent without swap accounting
	return nil
}

func (g *groupV1) Enter(*syscall.SysProcAttr) (err error) {
	if g.back, err = os.OpenFile(filepath.Join(g.home, "tasks"), os.O_WRONLY, 0); err != nil {
		return err
	}
	if err := write(g.dir, "tasks", "0"); err != nil {
		return errors.Join(err, g.back.Close())
	}
	return nil
}

// Leave fails only when the home is gone; the shim then counts against the limit itself.
func (g *groupV1) Leave() {
	_, _ = g.back.WriteString("0")
	_ = g.back.Close()
}

func (g *groupV1) Close() error { return rmdir(g.dir) }

func (g *groupV1) Exceeded() Excess {
	if counter(g.dir, "memory.oom_control", "oom_kill") > 0 {
		return Memory
	}
	return None
}

func write(dir, file, value string) error {
	f, err := os.OpenFile(filepath.Join(dir, file), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	return errors.Join(err, f.Close())
}

// counter reads one line of a file of "name value" lines.
func counter(dir, file, name string) int64 {
	content, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(content) {
		key, value, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
		if key == name {
			n, _ := strconv.ParseInt(value, 10, 64)
			return n
		}
	}
	return 0
}
