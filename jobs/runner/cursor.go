package runner

import (
	"fmt"
	"io"

	"freshet/jobs"
)

// cursor reads a spool. Its position is the number of records before it.
type cursor struct {
	spool    *spool
	offset   int64
	position int64
}

// pending is how many bytes lie ahead.
func (c *cursor) pending() (bytes int64, closed bool) {
	size, _, closed := c.spool.state()
	return size - c.offset, closed
}

// batch reads the records ahead, at most maxRecords of them and maxBytes of the file, which no frame is
// larger than. It does not move.
func (c *cursor) batch(maxBytes int64, maxRecords int) ([]jobs.Record, error) {
	ahead, _ := c.pending()
	buffer := make([]byte, min(ahead, maxBytes))
	if _, err := c.spool.ReadAt(buffer, c.offset); err != nil {
		return nil, fmt.Errorf("read spool: %w", err)
	}
	var records []jobs.Record
	for len(records) < maxRecords {
		frame, rest, whole := cutFrame(buffer)
		if !whole {
			break
		}
		records, buffer = append(records, parseFrame(frame)), rest
	}
	if len(records) == 0 {
		return nil, fmt.Errorf("read spool: %w", io.ErrUnexpectedEOF)
	}
	return records, nil
}

// seek moves to a position, backwards too.
func (c *cursor) seek(position int64) error {
	if _, records, _ := c.spool.state(); position < 0 || position > records {
		return fmt.Errorf("seek in spool: record %d of %d", position, records)
	}
	if position < c.position {
		c.offset, c.position = 0, 0
	}
	var header [headerSize]byte
	for ; c.position < position; c.position++ {
		if _, err := c.spool.ReadAt(header[:], c.offset); err != nil {
			return fmt.Errorf("seek in spool: %w", err)
		}
		c.offset += frameSize(header[:])
	}
	return nil
}
