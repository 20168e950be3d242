package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

const (
	// openers open streams at the same time.
	openers = 32
	// perAddress is how many connections come from one address: a port can be used once.
	perAddress = 20_000
	// lineLength is enough for what is looked at; of a longer line the end is not.
	lineLength = 1024
	sentName   = "sent"
)

var errNotAllRead = errors.New("the events were not all read in time")

// readers are the readers of all streams.
type readers struct {
	side    *side
	options options
	all     []*reader
}

// reader reads one stream, and checks that the seqs have no gap.
type reader struct {
	conn  net.Conn
	lines *bufio.Reader
	seq   int64
}

func newReaders(s *side, o options) *readers {
	return &readers{side: s, options: o, all: make([]*reader, o.streams)}
}

// open opens all streams and reads what they begin with.
func (r *readers) open(ctx context.Context) error {
	failed := make(chan error, openers)
	var group sync.WaitGroup
	for opener := range openers {
		group.Go(func() {
			for i := opener; i < len(r.all); i += openers {
				var err error
				if r.all[i], err = r.side.openStream(ctx, i); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	group.Wait()
	close(failed)
	return <-failed
}

func (s *side) openStream(ctx context.Context, i int) (*reader, error) {
	address := fmt.Sprintf("127.0.0.%d:%s", 1+i/perAddress, s.address)
	conn, err := new(net.Dialer).DialContext(ctx, "tcp4", address)
	if err != nil {
		return nil, fmt.Errorf("open stream %d: %w", i, err)
	}
	_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %s\r\nAccept: text/event-stream\r\n\r\n",
		s.paths[i%len(s.paths)], s.key)
	if err != nil {
		return nil, fmt.Errorf("open stream %d: %w", i, err)
	}
	response, err := http.ReadResponse(bufio.NewReaderSize(conn, lineLength), nil) //nolint:bodyclose // with its connection
	if err != nil {
		return nil, fmt.Errorf("open stream %d: %w", i, err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("open stream %d: %s", i, response.Status)
	}
	r := &reader{conn: conn, lines: bufio.NewReaderSize(response.Body, lineLength)}
	for r.seq < s.known {
		if _, err := r.next(); err != nil {
			return nil, fmt.Errorf("open stream %d: %w", i, err)
		}
	}
	return r, nil
}

// read reads all events, and returns how long each was on its way.
func (r *readers) read(ctx context.Context) ([]time.Duration, error) {
	deadline := time.Now().Add(time.Duration(r.options.seconds)*time.Second + patience)
	failed := make(chan error, len(r.all))
	took := make([][]time.Duration, len(r.all))
	var group sync.WaitGroup
	for i, reader := range r.all {
		group.Go(func() {
			_ = reader.conn.SetReadDeadline(deadline)
			for len(took[i]) < r.options.seconds {
				written, err := reader.next()
				if err != nil {
					failed <- fmt.Errorf("stream %d after %d events: %w", i, len(took[i]), err)
					return
				}
				if !written.IsZero() {
					took[i] = append(took[i], time.Since(written))
				}
			}
		})
	}
	defer context.AfterFunc(ctx, r.close)()
	group.Wait()
	close(failed)
	if err := <-failed; err != nil {
		return nil, fmt.Errorf("%w, by %d streams: %w", errNotAllRead, len(failed)+1, err)
	}
	var all []time.Duration
	for _, list := range took {
		all = append(all, list...)
	}
	return all, nil
}

func (r *readers) close() {
	for _, reader := range r.all {
		if reader != nil {
			reader.conn.Close()
		}
	}
}

// next reads one line, and returns the time that it says it was written at, if it does.
func (r *reader) next() (written time.Time, err error) {
	line, more, err := r.lines.ReadLine()
	for rest := more; rest && err == nil; {
		_, rest, err = r.lines.ReadLine()
	}
	if err != nil {
		return written, err
	}
	if id, found := bytes.CutPrefix(line, []byte("id: ")); found {
		seq, _ := strconv.ParseInt(string(id), 10, 64)
		if seq != r.seq+1 {
			return written, fmt.Errorf("seq %s follows %d", id, r.seq)
		}
		r.seq = seq
	}
	if _, sent, found := bytes.Cut(line, []byte(`"`+sentName+`":`)); found {
		digits, _, _ := bytes.Cut(sent, []byte("}"))
		nanoseconds, err := strconv.ParseInt(string(digits), 10, 64)
		return time.Unix(0, nanoseconds), err
	}
	return written, nil
}
