package runner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"golang.org/x/sys/unix"
)

var errInUse = errors.New("workspace is in use by another worker")

// Sweep removes the workspaces that dead workers left. Those of living ones, in this process or
// another, are locked and stay. A worker calls it once, at its start.
func (h *Host) Sweep() error {
	entries, err := os.ReadDir(h.Root)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("sweep workspaces: %w", err)
	}
	folder := regexp.MustCompile(`^[0-9a-f]{15}-[0-9]+$`)
	var failed []error
	for _, entry := range entries {
		if !entry.IsDir() || !folder.MatchString(entry.Name()) {
			continue
		}
		if err := sweepFolder(filepath.Join(h.Root, entry.Name())); err != nil && !errors.Is(err, errInUse) {
			failed = append(failed, err)
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("sweep workspaces: %w", errors.Join(failed...))
	}
	return nil
}

// sweepFolder removes one workspace, unless it is in use.
func sweepFolder(path string) error {
	lock, err := lockFolder(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer lock.Close()
	return removeTree(path)
}

// lockFolder locks a folder until the file is closed or this process dies. The folder itself is locked,
// not a file in it, which a command could remove.
func lockFolder(path string) (*os.File, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	lock := os.NewFile(uintptr(fd), path)
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = lock.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, errInUse
		}
		return nil, &fs.PathError{Op: "lock", Path: path, Err: err}
	}
	// Between open and lock another may have removed the folder, and made it again.
	locked, err := lock.Stat()
	if err == nil {
		var present os.FileInfo
		if present, err = os.Lstat(path); err == nil && !os.SameFile(locked, present) {
			err = fs.ErrNotExist
		}
	}
	if err != nil {
		_ = lock.Close()
		return nil, err
	}
	return lock, nil
}
