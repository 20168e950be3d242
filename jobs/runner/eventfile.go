package runner

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

const (
	maxPoll      = 4 << 20   // bytes read of an event file in one pulse
	maxEventFile = 256 << 20 // and altogether: a sparse file costs nothing to make
)

// eventFile follows the file in which a command says what it has to say. The command may truncate or
// replace it: it is then read from its beginning.
type eventFile struct {
	root   *os.Root
	report *report

	file   *os.File
	info   os.FileInfo
	offset int64
	read   int64  // bytes altogether
	line   []byte // the beginning of a line whose end was not read yet
	long   bool   // the line is longer than any may be; its rest is passed over
	buffer []byte
	closed bool // read no further
}

func openEventFile(root *os.Root, report *report) (*eventFile, error) {
	file, info, err := openRegular(root, eventsName)
	if err != nil {
		return nil, fmt.Errorf("open event file: %w", err)
	}
	return &eventFile{root: root, report: report, file: file, info: info, buffer: make([]byte, 64<<10)}, nil
}

// poll takes in what the command has written since the last time.
func (f *eventFile) poll() { f.follow(maxPoll) }

// finish takes in all the rest, when the command is dead.
func (f *eventFile) finish() {
	f.follow(maxEventFile)
	if len(f.line) > 0 {
		f.end() // a last line may lack its end
	}
}

func (f *eventFile) close() { _ = f.file.Close() }

func (f *eventFile) follow(most int64) {
	if f.closed {
		return
	}
	f.reopen()
	for ; most > 0; most -= int64(len(f.buffer)) {
		n, err := f.file.ReadAt(f.buffer, f.offset)
		f.offset += int64(n)
		f.read += int64(n)
		f.split(f.buffer[:n])
		if err != nil {
			if !errors.Is(err, io.EOF) {
				f.abort("cannot be read: " + err.Error())
			}
			break
		}
		if f.read >= maxEventFile {
			f.abort(fmt.Sprintf("is longer than %d bytes; the rest is not read", maxEventFile))
			break
		}
	}
}

// reopen begins anew if the file was replaced or truncated.
func (f *eventFile) reopen() {
	info, err := f.root.Lstat(eventsName)
	if err != nil {
		return // removed: what is open may still be written to
	}
	if !os.SameFile(info, f.info) {
		file, info, err := openRegular(f.root, eventsName)
		if err != nil {
			f.abort("was replaced: " + err.Error())
			return
		}
		_ = f.file.Close()
		f.file, f.info, f.offset, f.line, f.long = file, info, 0, nil, false
	} else if info.Size() < f.offset {
		f.offset, f.line, f.long = 0, nil, false
	}
}

func (f *eventFile) abort(reason string) {
	f.closed = true
	f.report.spool.append(systemRecord("event file " + reason))
}

// split hands on the lines of text, which goes on where the one before ended.
func (f *eventFile) split(text []byte) {
	for len(text) > 0 {
		piece, rest, ended := bytes.Cut(text, []byte("\n"))
		if room := maxLine - len(f.line); !f.long && len(piece) > room {
			f.line, f.long = append(f.line, piece[:room]...), true
		} else if !f.long {
			f.line = append(f.line, piece...)
		}
		if ended {
			f.end()
		}
		text = rest
	}
}

// end hands on the line that was gathered.
func (f *eventFile) end() {
	if f.long {
		f.report.takeLong(f.line)
	} else {
		f.report.take(f.line)
	}
	f.line, f.long = f.line[:0], false
}
