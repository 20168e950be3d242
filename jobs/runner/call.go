package runner

import (
	"context"
	"time"

	"freshet/jobs"
)

// call asks the kind's route to do the work, and follows its answer to the end. To close the connection
// is all that there is to stop a route with.
func (a *attempt) call() evidence {
	ctx, hangUp := context.WithCancel(a.stopping)
	defer hangUp()
	defer context.AfterFunc(a.held, hangUp)()
	request, err := a.request(ctx)
	if err != nil {
		return evidence{unstarted: err}
	}
	begin := time.Now()
	answer := &answer{lines: make(chan []byte), hangUp: hangUp, secrets: a.secrets}
	go answer.receive(request)
	a.listen(answer)
	return a.weigh(answer, time.Since(begin))
}

// weigh says what an answer leaves to be judged.
func (a *attempt) weigh(answer *answer, took time.Duration) evidence {
	e := evidence{ran: answer.connected.Load(), failure: answer.failure, retryAfter: answer.retryAfter}
	e.usage.WallSeconds = took.Seconds()
	whole := answer.unsent == nil && answer.failure == nil && answer.cut == nil
	if !whole && a.stopping.Err() != nil {
		e.stopped = context.Cause(a.stopping)
	}
	switch {
	case answer.unsent != nil && e.stopped == nil:
		e.unstarted = answer.unsent
	case answer.cut != nil && (e.stopped != nil || !a.report.ended()):
		e.failure = fail(jobs.CodeUnfinished, "the answer broke off: %s", answer.cut)
	case answer.failure != nil && answer.failure.Detail != "":
		a.spool.append(systemRecord(answer.failure.Message + "\n" + answer.failure.Detail))
	}
	return e
}

// listen takes in the lines of an answer until there are no more.
func (a *attempt) listen(answer *answer) {
	ticker := time.NewTicker(pulse)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			a.pulse()
		case line, more := <-answer.lines:
			if !more {
				if answer.whole != nil {
					a.report.finish(answer.whole)
				}
				return
			}
			a.report.take(line)
		}
	}
}
