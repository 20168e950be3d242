package embedded

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"

	"freshet/jobs/process"
)

const (
	capDacOverride = 1     // CAP_DAC_OVERRIDE: pass folders that are closed to the user
	nobody         = 65534 // for machines without a user named postgres
)

// account is whom the server runs as. The zero value is the user who runs this program.
type account struct {
	switched bool
	uid, gid uint32
	caps     []uintptr
}

// serverAccount returns whom a server on the cluster folder, which may not exist yet, runs as.
func serverAccount(cluster string) account {
	if os.Geteuid() != 0 {
		return account{}
	}
	a := account{switched: true, uid: nobody, gid: nobody, caps: passingCaps()}
	if uid, gid, ok := owner(cluster); ok && uid != 0 {
		a.uid, a.gid = uid, gid
		return a
	}
	if u, err := user.Lookup("postgres"); err == nil {
		a.uid, a.gid = number(u.Uid), number(u.Gid)
	}
	return a
}

// command describes a program that the account runs. It stands in no folder that could be closed to it,
// and speaks English, whatever the caller's language.
func (a account) command(args ...string) process.DaemonSpec {
	spec := process.DaemonSpec{Args: args, Dir: "/", Env: []string{"LC_ALL=C", "PATH=/usr/bin:/bin"}}
	if a.switched {
		spec.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid}
		spec.AmbientCaps = a.caps
	}
	return spec
}

// give makes the file or folder the account's own.
func (a account) give(path string) error {
	if !a.switched {
		return nil
	}
	if err := os.Chown(path, int(a.uid), int(a.gid)); err != nil {
		return fmt.Errorf("give to the server's user: %w", err)
	}
	return nil
}

func owner(path string) (uid, gid uint32, ok bool) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, 0, false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, false
	}
	return stat.Uid, stat.Gid, true
}

func number(id string) uint32 {
	n, err := strconv.ParseUint(id, 10, 32)
	if err != nil {
		return nobody
	}
	return uint32(n)
}

// passingCaps returns what the server may keep of root's powers. A container may lack even that one;
// then the folders must be open to the server's user.
func passingCaps() []uintptr {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(status)) {
		mask, found := strings.CutPrefix(line, "CapPrm:")
		if !found {
			continue
		}
		permitted, err := strconv.ParseUint(strings.TrimSpace(mask), 16, 64)
		if err == nil && permitted&(1<<capDacOverride) != 0 {
			return []uintptr{capDacOverride}
		}
	}
	return nil
}
