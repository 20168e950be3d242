//go:build unix

package process

import (
	"fmt"
	"io/fs"
	"iter"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"freshet/jobs/process/lifeline"
)

// User is who a command runs as.
type User struct {
	UID, GID uint32
	Groups   []uint32 // further ones
	Home     string   // a folder that is there; empty: none
}

// LookupUser finds a user by name or number. A number that nobody has is good as well: it is a user of the
// group of that number.
func LookupUser(name string) (*User, error) {
	found, err := user.Lookup(name)
	number, notNumber := strconv.ParseUint(name, 10, 32)
	if err != nil && notNumber == nil {
		if found, err = user.LookupId(name); err != nil {
			return &User{UID: uint32(number), GID: uint32(number)}, nil //nolint:nilerr // nobody has it
		}
	}
	if err != nil {
		return nil, fmt.Errorf("find user %s: %w", name, err)
	}
	listed, err := found.GroupIds()
	if err != nil {
		return nil, fmt.Errorf("find the groups of user %s: %w", name, err)
	}
	var ids []uint32
	for _, text := range append([]string{found.Uid, found.Gid}, listed...) {
		id, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("find user %s: %w", name, err)
		}
		ids = append(ids, uint32(id))
	}
	u := &User{UID: ids[0], GID: ids[1], Groups: ids[2:]}
	if info, err := os.Stat(found.HomeDir); err == nil && info.IsDir() {
		u.Home = found.HomeDir
	}
	return u, nil
}

// credential is how the kernel wants it; nil for nobody else.
func (u *User) credential() *syscall.Credential {
	if u == nil {
		return nil
	}
	return &syscall.Credential{Uid: u.UID, Gid: u.GID, Groups: u.Groups}
}

// barred explains why another user cannot run a command, of which the system says only that it is
// forbidden. It goes by owners and modes, which need not be the reason: then it is nil.
func barred(command lifeline.Command) error {
	if command.User == nil {
		return nil
	}
	for _, path := range []string{command.Dir, command.Path} {
		if at, info := barrier(command.User, path); info != nil {
			return fmt.Errorf("%w: user %d, as whom it is to run, cannot get to %s: the mode of %s is %s",
				ErrInvalid, command.User.Uid, path, at, info.Mode())
		}
	}
	return nil
}

// barrier is the first on the way to a path that a user may not enter, or execute.
func barrier(who *syscall.Credential, path string) (at string, info fs.FileInfo) {
	path, err := filepath.EvalSymlinks(path)
	if err != nil || !filepath.IsAbs(path) {
		return "", nil
	}
	for at := range ancestors(path) {
		if info, err := os.Stat(at); err == nil && !enters(who, info) {
			return at, info
		}
	}
	return "", nil
}

// ancestors are the folders on the way to a path, and the path.
func ancestors(path string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i, r := range path {
			if r == filepath.Separator && !yield(path[:max(i, 1)]) {
				return
			}
		}
		yield(path)
	}
}

func enters(who *syscall.Credential, info fs.FileInfo) bool {
	const owner, group, other = 0o100, 0o010, 0o001
	stat, known := info.Sys().(*syscall.Stat_t)
	right := fs.FileMode(other)
	switch {
	case !known || who.Uid == 0:
		return true
	case stat.Uid == who.Uid:
		right = owner
	case stat.Gid == who.Gid || slices.Contains(who.Groups, stat.Gid):
		right = group
	}
	return info.Mode()&right != 0
}
