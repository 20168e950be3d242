package client

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strconv"
	"time"
)

// maxEvent bounds one event of a stream, in bytes. The largest that a server sends is a task with its
// input and output, of at most 1 MiB each, which escapes can make longer.
const maxEvent = 8 << 20

var errTooLong = fmt.Errorf("the server sent an event of more than %d MiB", maxEvent>>20)

// byteOrderMark may stand before all else, and means nothing.
const byteOrderMark = "\ufeff"

// sseEvent is one event of a stream.
type sseEvent struct {
	kind string // empty: the stream did not say
	data []byte // its lines, joined by newlines
}

// sseReader reads a stream of events by the rules of the HTML standard, section 9.2.6.
type sseReader struct {
	lastID string        // what a reader who comes back shows: that of the last whole event
	retry  time.Duration // when to come back, as was said last; zero: nothing was said

	in    *bufio.Reader
	begun bool
	cr    bool   // the last line ended in CR: an LF that follows belongs to it
	id    string // of the event that is being read
	text  []byte // the line that is being read
}

// newSSE makes a reader for a stream that was opened with the id of the last event known.
func newSSE(in io.Reader, lastID string) *sseReader {
	return &sseReader{in: bufio.NewReaderSize(in, 64<<10), id: lastID, lastID: lastID}
}

// next reads up to the end of the next event that has data. What comes after the last whole event is
// dropped, with the error that the stream ended with.
func (r *sseReader) next() (sseEvent, error) {
	var event sseEvent
	for {
		line, err := r.line(maxEvent - len(event.data))
		if err != nil {
			return sseEvent{}, err
		}
		if len(line) > 0 {
			r.field(&event, line)
			continue
		}
		r.lastID = r.id
		if event.data != nil {
			event.data = event.data[:len(event.data)-1]
			return event, nil
		}
		event = sseEvent{}
	}
}

// field takes one line. A comment has no name, and is ignored like every name that is not known.
func (r *sseReader) field(event *sseEvent, line []byte) {
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(name) {
	case "event":
		event.kind = string(value)
	case "data":
		event.data = append(append(event.data, value...), '\n')
	case "id":
		if bytes.IndexByte(value, 0) < 0 {
			r.id = string(value)
		}
	case "retry":
		if milliseconds, err := strconv.ParseUint(string(value), 10, 31); err == nil {
			r.retry = time.Duration(milliseconds) * time.Millisecond
		}
	}
}

// line reads a line of at most so many bytes, which ends in LF, CR or both. It is good until the next
// call. The LF after a CR is left for later: waiting for it would hold back what is complete.
func (r *sseReader) line(limit int) ([]byte, error) {
	r.text = r.text[:0]
	for {
		if _, err := r.in.Peek(1); err != nil {
			return nil, err
		}
		piece, _ := r.in.Peek(r.in.Buffered())
		skip := 0
		if r.cr && piece[0] == '\n' {
			skip, piece = 1, piece[1:]
		}
		r.cr = false
		end := bytes.IndexAny(piece, "\r\n")
		whole := end >= 0
		if whole {
			r.cr = piece[end] == '\r'
			piece, skip = piece[:end], skip+1
		}
		r.text = append(r.text, piece...)
		_, _ = r.in.Discard(skip + len(piece)) // no more than is buffered
		if len(r.text) > limit {
			return nil, errTooLong
		}
		if whole {
			return r.stripped(), nil
		}
	}
}

// stripped is the line without what may stand before the first one.
func (r *sseReader) stripped() []byte {
	if r.begun {
		return r.text
	}
	r.begun = true
	return bytes.TrimPrefix(r.text, []byte(byteOrderMark))
}
