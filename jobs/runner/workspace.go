package runner

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"freshet/jobs"
	"freshet/jobs/process"
)

// What is in a workspace.
const (
	inputName     = "input.json"
	eventsName    = "events"
	artifactsName = "artifacts"
	tmpName       = "tmp"
	workName      = "work"
)

// passage is the right of others to go through a folder.
const passage fs.FileMode = 0o011

var errNotRegular = errors.New("is no regular file with only this name")

// workspace is the folder of one attempt, and its user's own. It is locked for as long as its worker lives, so that a Sweep
// knows it from what a dead worker left.
type workspace struct {
	path string
	root *os.Root
	lock *os.File
}

// folderName is short, because programs put Unix sockets below TMPDIR, whose paths end at 108 bytes
// (unix(7)): the 60 random bits at the end of the task's id, and the attempt.
func folderName(fence jobs.Fence) string {
	id := fence.TaskID.String()
	return fmt.Sprintf("%s%s-%d", id[20:23], id[24:], fence.Attempt)
}

// createWorkspace makes a folder of this name below root, for a user; nil is that of this process. One that
// a dead worker left is removed first.
func createWorkspace(root, name string, input json.RawMessage, user *process.User) (*workspace, error) {
	root, err := filepath.Abs(root)
	if err == nil {
		err = createOwn(root, user != nil)
	}
	if err != nil {
		return nil, fmt.Errorf("create workspaces: %w", err)
	}
	w := &workspace{path: filepath.Join(root, name)}
	if w.lock, err = createLocked(w.path); err != nil {
		return nil, fmt.Errorf("create workspace: %w", err)
	}
	if w.root, err = os.OpenRoot(w.path); err == nil {
		err = w.fill(input)
	}
	if err == nil && user != nil {
		err = w.giveTo(user)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("create workspace: %w", err), w.remove())
	}
	return w, nil
}

// createOwn makes the folder of all workspaces. Below the system's temporary folder anyone could have
// made it before us, and look into it then. If it is to be open, others can go through to what they know the
// name of.
func createOwn(root string, open bool) error {
	if err := os.MkdirAll(root, 0o700); err != nil {
		return err
	}
	info, err := os.Lstat(root)
	if err != nil {
		return err
	}
	if owner, known := info.Sys().(*syscall.Stat_t); !info.IsDir() || known && int(owner.Uid) != os.Geteuid() {
		return fmt.Errorf("%s is not a folder of this user's own", root)
	}
	if open && info.Mode().Perm()&passage != passage {
		return os.Chmod(root, info.Mode().Perm()|passage)
	}
	return nil
}

// createLocked makes a folder and locks it. A sweep may see it in between and remove it.
func createLocked(path string) (*os.File, error) {
	const tries = 10
	for range tries {
		err := os.Mkdir(path, 0o700)
		if errors.Is(err, fs.ErrExist) {
			err = sweepFolder(path)
			if err == nil {
				continue
			}
		}
		if err != nil {
			return nil, err
		}
		lock, err := lockFolder(path)
		if err == nil {
			return lock, nil
		}
		if !errors.Is(err, errInUse) && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%s: %w", path, errInUse)
}

func (w *workspace) fill(input json.RawMessage) error {
	if len(input) == 0 {
		input = json.RawMessage("{}")
	}
	for _, name := range []string{artifactsName, tmpName, workName} {
		if err := w.root.Mkdir(name, 0o700); err != nil {
			return err
		}
	}
	if err := w.root.WriteFile(inputName, input, 0o600); err != nil {
		return err
	}
	return w.root.WriteFile(eventsName, nil, 0o600)
}

// giveTo makes a user the owner of all that is there, of the folder last: until then it cannot get in.
func (w *workspace) giveTo(user *process.User) error {
	for _, name := range []string{inputName, eventsName, artifactsName, tmpName, workName, "."} {
		if err := w.root.Lchown(name, int(user.UID), int(user.GID)); err != nil {
			return err
		}
	}
	return nil
}

// file is the path of something in the workspace.
func (w *workspace) file(name string) string { return filepath.Join(w.path, name) }

// open opens the folder itself; nil if it cannot.
func (w *workspace) open() *os.File {
	folder, err := w.root.Open(".")
	if err != nil {
		return nil
	}
	return folder
}

// remove removes the folder and unlocks it.
func (w *workspace) remove() error {
	if w.root != nil {
		_ = w.root.Close()
	}
	defer w.lock.Close()
	return removeTree(w.path)
}

// removeTree also removes folders in which a command took its own right to write, as caches of modules do.
func removeTree(path string) error {
	if os.RemoveAll(path) == nil {
		return nil
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return fmt.Errorf("remove workspace: %w", err)
	}
	defer root.Close()
	_ = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, _ error) error {
		if entry != nil && entry.IsDir() {
			_ = root.Chmod(name, 0o700) // if it cannot be, RemoveAll says so
		}
		return nil
	})
	if err := os.RemoveAll(path); err != nil {
		return fmt.Errorf("remove workspace: %w", err)
	}
	return nil
}

// openRegular opens a file that a command could have tampered with. What is not a regular file, leads
// out of the root or has a second name, which may be another's file, is refused; a pipe does not block.
func openRegular(root *os.Root, name string) (*os.File, os.FileInfo, error) {
	file, err := root.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	if err == nil {
		stat, known := info.Sys().(*syscall.Stat_t)
		if !info.Mode().IsRegular() || !known || stat.Nlink > 1 {
			err = errNotRegular
		}
	}
	if err != nil {
		_ = file.Close()
		return nil, nil, err
	}
	return file, info, nil
}
