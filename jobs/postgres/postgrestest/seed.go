package postgrestest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"freshet/migrations"
)

// keepSeed is how long a seed of other migrations is kept: another checkout may use it.
const keepSeed = 24 * time.Hour

// copyOfSeed returns a new folder with a stopped server's data, template included. The original, the
// seed, is made once for a set of migrations; a copy takes a fraction of the time.
func copyOfSeed() (_ string, err error) {
	root, err := cacheRoot()
	if err != nil {
		return "", err
	}
	unlock, err := lock(filepath.Join(root, "lock"))
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	seed := filepath.Join(root, "seed-"+migrations.Hash()[:16])
	sweep(root, seed)
	if _, err := os.Stat(seed); errors.Is(err, fs.ErrNotExist) {
		if err := plant(root, seed); err != nil {
			return "", fmt.Errorf("make the seed: %w", err)
		}
	}
	run, err := os.MkdirTemp(root, fmt.Sprintf("run-%d-", os.Getpid()))
	if err != nil {
		return "", fmt.Errorf("make a folder: %w", err)
	}
	if err := copyTree(seed, run); err != nil {
		return "", fmt.Errorf("copy the seed: %w", err)
	}
	return run, nil
}

// plant makes the seed: a cluster with the template, cleanly shut down.
func plant(root, seed string) error {
	draft, err := os.MkdirTemp(root, fmt.Sprintf("run-%d-", os.Getpid()))
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer os.RemoveAll(draft)
	running, err := startIn(draft)
	if err != nil {
		return err
	}
	if err := errors.Join(ensureTemplate(running.URL()), stop(running)); err != nil {
		return err
	}
	return os.Rename(draft, seed)
}

// sweep removes what killed test programs left, and seeds that nobody used for long. What it cannot
// remove it leaves to the next one.
func sweep(root, seed string) {
	entries, _ := os.ReadDir(root)
	for _, entry := range entries {
		path := filepath.Join(root, entry.Name())
		if path == seed {
			now := time.Now()
			_ = os.Chtimes(path, now, now)
			continue
		}
		if rest, found := strings.CutPrefix(entry.Name(), "run-"); found && !alive(rest) {
			_ = os.RemoveAll(path)
		}
		if info, err := entry.Info(); err == nil && strings.HasPrefix(entry.Name(), "seed-") && time.Since(info.ModTime()) > keepSeed {
			_ = os.RemoveAll(path)
		}
	}
}

// alive tells whether the process whose number the name begins with still runs.
func alive(name string) bool {
	number, _, _ := strings.Cut(name, "-")
	pid, err := strconv.Atoi(number)
	return err == nil && !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}

// cacheRoot returns the user's own folder for seeds and running servers.
func cacheRoot() (string, error) {
	root := filepath.Join(fastest(), fmt.Sprintf("freshet-test-%d", os.Geteuid()))
	if err := os.MkdirAll(root, 0o711); err != nil {
		return "", fmt.Errorf("make the cache: %w", err)
	}
	info, err := os.Lstat(root)
	if err != nil {
		return "", fmt.Errorf("look at the cache: %w", err)
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); !ok || !info.IsDir() || int(stat.Uid) != os.Geteuid() {
		return "", fmt.Errorf("%s is another user's", root)
	}
	return root, nil
}

// fastest returns the memory file system where it has room, for a database is a thousand files; else
// the folder for temporary files.
func fastest() string {
	const memory, room = "/dev/shm", 4 << 30
	var stat syscall.Statfs_t
	if err := syscall.Statfs(memory, &stat); err == nil && stat.Bavail*uint64(stat.Bsize) > room {
		return memory
	}
	return os.TempDir()
}

// lock waits until this process alone has the file.
func lock(path string) (unlock func() error, err error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("wait for the lock: %w", err), file.Close())
	}
	return file.Close, nil
}

// copyTree copies the content of a folder, with modes, and with owners where we may.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		target := filepath.Join(to, strings.TrimPrefix(path, from))
		if entry.IsDir() {
			if err := os.MkdirAll(target, info.Mode().Perm()); err != nil {
				return err
			}
		} else if err := copyFile(path, target, info.Mode().Perm()); err != nil {
			return err
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 {
			return os.Lchown(target, int(stat.Uid), int(stat.Gid))
		}
		return nil
	})
}

func copyFile(from, to string, mode fs.FileMode) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Close())
}
