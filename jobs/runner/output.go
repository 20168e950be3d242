package runner

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"time"
	"unicode/utf8"

	"freshet/jobs"
	"freshet/jobs/redact"
)

const (
	chunkBytes     = 32 << 10 // the largest piece of output in one record
	chunkPause     = 250 * time.Millisecond
	chunkSwitches  = 20       // how often between two pulses a change of stream cuts a record
	defaultLogSize = 64 << 20 // bytes kept of a kind that does not say
)

// output cuts what a command prints into records, without the secrets in it. A record ends with a line,
// unless the line is too long or does not go on for a while.
type output struct {
	spool *spool
	limit int64

	mu       sync.Mutex
	streams  [2]pending // of stdout and stderr
	total    int64      // bytes printed
	kept     int64      // bytes kept, without secrets; at the limit the rest is dropped
	heard    time.Time
	cutAt    time.Time // of the last pulse that cut something
	switches int
	tail     logTail
	full     bool
}

// pending is what a stream printed and no record holds yet.
type pending struct {
	stream  jobs.Stream
	secrets *redact.Stream
	bytes   []byte
	since   time.Time
}

func newOutput(spool *spool, limit int64) *output {
	if limit <= 0 {
		limit = defaultLogSize
	}
	return &output{
		spool: spool, limit: limit, heard: time.Now(),
		streams: [2]pending{
			{stream: jobs.Stdout, secrets: spool.secrets.Stream()},
			{stream: jobs.Stderr, secrets: spool.secrets.Stream()},
		},
	}
}

// stdout and stderr take what the command prints. They never fail, and wait for nothing but the disk.
func (o *output) stdout() io.Writer { return writer{o, 0} }
func (o *output) stderr() io.Writer { return writer{o, 1} }

type writer struct {
	output *output
	index  int
}

func (w writer) Write(p []byte) (int, error) {
	w.output.write(w.index, p)
	return len(p), nil
}

func (o *output) write(index int, p []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.heard = time.Now()
	o.total += int64(len(p))
	o.take(index, o.streams[index].secrets.Pass(p))
}

// take takes in text that holds no secret.
func (o *output) take(index int, p []byte) {
	if len(p) == 0 {
		return
	}
	o.tail.add(p)
	keep := p[:min(int64(len(p)), o.limit-o.kept)]
	o.kept += int64(len(keep))
	dropped := len(keep) < len(p)
	if other := &o.streams[1-index]; o.switches < chunkSwitches && o.cutLines(other) {
		o.switches++ // the order of the streams is kept, if they do not change all the time
	}
	for mine := &o.streams[index]; len(keep) > 0; {
		if len(mine.bytes) == 0 {
			mine.since = o.heard
		}
		n := min(len(keep), chunkBytes-len(mine.bytes))
		mine.bytes, keep = append(mine.bytes, keep[:n]...), keep[n:]
		if len(mine.bytes) == chunkBytes && !o.cutLines(mine) {
			o.cut(mine, wholeRunes(mine.bytes), true)
		}
	}
	if dropped && !o.full {
		o.full = true
		o.cutAll()
		o.spool.append(systemRecord(fmt.Sprintf("output truncated after %d bytes; what follows is not kept", o.limit)))
	}
}

// pulse cuts what has waited long enough.
func (o *output) pulse() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.switches = 0
	now := time.Now()
	if now.Sub(o.cutAt) < chunkPause {
		return
	}
	for i := range o.streams {
		p := &o.streams[i]
		if o.cutLines(p) {
			o.cutAt = now
		}
		if n := wholeRunes(p.bytes); n > 0 && now.Sub(p.since) >= chunkPause {
			o.cut(p, n, true)
			o.cutAt = now
		}
	}
}

// cutWhole cuts the whole lines that there are.
func (o *output) cutWhole() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range o.streams {
		o.cutLines(&o.streams[i])
	}
}

// close cuts all that is left. Nothing is written after it.
func (o *output) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range o.streams {
		o.take(i, o.streams[i].secrets.Rest())
	}
	o.cutAll()
}

func (o *output) lastHeard() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.heard
}

func (o *output) cutAll() {
	for i := range o.streams {
		p := &o.streams[i]
		if len(p.bytes) > 0 {
			o.cut(p, len(p.bytes), false)
		}
	}
}

// cutLines makes a record of the whole lines that a stream has, if any.
func (o *output) cutLines(p *pending) bool {
	end := bytes.LastIndexByte(p.bytes, '\n') + 1
	if end > 0 {
		o.cut(p, end, false)
	}
	return end > 0
}

// cut makes a record of a stream's first n bytes.
func (o *output) cut(p *pending, n int, partial bool) {
	o.spool.append(jobs.Record{At: p.since, Type: jobs.TaskLog, Stream: p.stream, Partial: partial, Bytes: p.bytes[:n]})
	p.bytes = append(p.bytes[:0], p.bytes[n:]...)
	p.since = o.heard
}

// wholeRunes is how much of text can be cut off without cutting its last character in two.
func wholeRunes(text []byte) int {
	for back := 1; back < utf8.UTFMax && back <= len(text); back++ {
		if last := text[len(text)-back:]; utf8.RuneStart(last[0]) {
			if !utf8.FullRune(last) {
				return len(text) - back
			}
			break
		}
	}
	return len(text)
}

// systemRecord is a line of our own in the task's log.
func systemRecord(text string) jobs.Record {
	return jobs.Record{At: time.Now(), Type: jobs.TaskLog, Stream: jobs.System, Bytes: []byte(clean(text) + "\n")}
}
