package runner

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"freshet/jobs/process"
)

const (
	// diskPause is how long a command has between two looks at what its workspace holds; a look that took
	// long is followed by more, up to longestDiskPause.
	diskPause        = 500 * time.Millisecond
	longestDiskPause = time.Minute
	// diskRest is how many times longer the pause is than the look.
	diskRest = 20
	// maxDepth is how deep folders may be nested: a look has each of them open.
	maxDepth = 128
	// diskBlock is what the system counts the blocks of a file in (stat(2)).
	diskBlock = 512
)

// diskError is a reason to stop a command: its workspace holds too much.
type diskError string

func (e diskError) Error() string { return string(e) }

// watchDisk looks at the workspace now and then until the command has ended. One that holds too much ends
// the command without grace, in which it could go on.
func (a *attempt) watchDisk(child *process.Child) {
	if a.kind.Disk == 0 && a.kind.Files == 0 {
		return
	}
	timer := time.NewTimer(diskPause)
	defer timer.Stop()
	for {
		select {
		case <-child.Done():
			return
		case <-timer.C:
		}
		began := time.Now()
		look := diskLook{bytes: a.kind.Disk, files: a.kind.Files, over: child.Done()}
		if err := look.folder(a.space.open(), 1); err != nil {
			a.stop(err)
			child.Kill()
			return
		}
		timer.Reset(min(max(diskPause, diskRest*time.Since(began)), longestDiskPause))
	}
}

// diskLook counts what is in a folder, as far as the limits, of which zero is none. It sees neither what has no
// name any more nor what is in folders that are closed to this process.
type diskLook struct {
	bytes int64
	files int
	over  <-chan struct{} // ends the look

	heldBytes int64
	heldFiles int
}

// folder answers a diskError when a folder and all before it hold too much, and closes it. It reads some names
// at a time, because there can be millions. A folder that could not be opened is nil, and holds nothing.
func (l *diskLook) folder(folder *os.File, depth int) error {
	const batch = 256
	if folder == nil {
		return nil
	}
	defer folder.Close()
	for {
		select {
		case <-l.over:
			return nil
		default:
		}
		names, end := folder.Readdirnames(batch)
		for _, name := range names {
			if err := l.entry(folder, name, depth); err != nil {
				return err
			}
		}
		if end != nil {
			return nil
		}
	}
}

// entry counts one name. It follows no link, and of a file with several names it counts a share for each.
func (l *diskLook) entry(folder *os.File, name string, depth int) error {
	var stat unix.Stat_t
	err := unix.Fstatat(int(folder.Fd()), name, &stat, unix.AT_SYMLINK_NOFOLLOW)
	if errors.Is(err, unix.ENOENT) {
		return nil // removed meanwhile
	}
	isFolder := stat.Mode&unix.S_IFMT == unix.S_IFDIR
	size := stat.Blocks * diskBlock
	if !isFolder {
		size /= max(int64(stat.Nlink), 1)
	}
	l.heldFiles++
	l.heldBytes += size
	switch {
	case l.bytes > 0 && l.heldBytes > l.bytes:
		return diskError(fmt.Sprintf("the workspace holds more than %d bytes", l.bytes))
	case l.files > 0 && l.heldFiles > l.files:
		return diskError(fmt.Sprintf("the workspace holds more than %d files and folders", l.files))
	case !isFolder:
		return nil
	case depth >= maxDepth:
		return diskError(fmt.Sprintf("the workspace's folders are nested more than %d deep", maxDepth))
	}
	return l.folder(openBelow(folder, name), depth+1)
}

// openBelow opens a folder in another one, and nothing else; nil if it cannot.
func openBelow(folder *os.File, name string) *os.File {
	fd, err := unix.Openat(int(folder.Fd()), name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	return os.NewFile(uintptr(fd), name)
}
