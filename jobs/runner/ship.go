package runner

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"freshet/jobs"
)

// When and how much the shipper flushes. The first record after a quiet time goes at once; after that
// they gather until there is enough of them, or the time is up.
const (
	flushPause   = 250 * time.Millisecond
	flushBytes   = 16 << 10
	batchBytes   = 256 << 10
	batchRecords = 500
)

// ship gives the records of the spool to the Sink until the spool is closed and empty, or the attempt is
// not ours any more.
func (a *attempt) ship() {
	c := &cursor{spool: a.spool}
	for last := (time.Time{}); a.await(c, last.Add(flushPause)); last = time.Now() {
		if err := a.flush(c); err != nil {
			if a.held.Err() == nil {
				a.stop(spoolError{err})
				a.log.Error("records are lost", "error", err)
			}
			return
		}
	}
}

// await waits until a flush is due: false when there will be none.
func (a *attempt) await(c *cursor, due time.Time) bool {
	for a.held.Err() == nil {
		pending, closed := c.pending()
		if pending == 0 && closed {
			return false
		}
		var timer <-chan time.Time
		if pending > 0 {
			wait := time.Until(due)
			if pending >= flushBytes || closed || wait <= 0 {
				return true
			}
			timer = time.After(wait)
		}
		select {
		case <-c.spool.changed:
		case <-timer:
		case <-a.held.Done():
		}
	}
	return false
}

// flush stores the next records, and moves on to what the Sink says is not stored yet: that is behind
// the batch, or before it when a database that failed over has lost commits.
func (a *attempt) flush(c *cursor) error {
	records, err := c.batch(batchBytes, batchRecords)
	if err != nil {
		return err
	}
	flush := jobs.Flush{Fence: a.claim.Fence, From: c.position, To: c.position + int64(len(records)), Records: records}
	flush.Progress, flush.Message = lastProgress(records)
	var flushed jobs.Flushed
	err = a.persist("flush records", func(ctx context.Context) (err error) {
		flushed, err = a.host.Sink.Flush(ctx, flush)
		if err == nil && flushed.Stored == flush.From {
			err = fmt.Errorf("sink stored nothing of records %d to %d", flush.From, flush.To)
		}
		return err
	})
	if err != nil {
		return err
	}
	if flushed.CancelRequested {
		a.stop(ErrCancelled)
	}
	return c.seek(flushed.Stored)
}

// lastProgress is the last progress and the last message among the records.
func lastProgress(records []jobs.Record) (progress *int, message *string) {
	for _, record := range records {
		if record.Type != jobs.TaskProgress {
			continue
		}
		var data progressData
		if json.Unmarshal(record.Data, &data) != nil {
			continue
		}
		progress = &data.Progress
		if data.Message != nil {
			message = data.Message
		}
	}
	return progress, message
}

// jittered varies a pause by a quarter to either side, so that many workers do not come back at once.
func jittered(pause time.Duration) time.Duration {
	return time.Duration(float64(pause) * (0.75 + rand.Float64()/2)) //nolint:gosec // no secret
}
