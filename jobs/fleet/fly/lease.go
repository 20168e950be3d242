package fly

import (
	"context"
	"errors"
	"net/http"
	"time"
)

const (
	leaseFor     = time.Minute      // unless it is given back
	leaseSlack   = 10 * time.Second // before its end, in which nothing is done any more
	releaseFor   = 5 * time.Second  // for giving it back
	leaseMessage = "freshet starts a worker"
)

var errLeaseOver = errors.New("the lease of the machine is over")

// withLease does something to a machine as it is when nobody else may change it, and answers its id.
func (s *search) withLease(ctx context.Context, m machine, do func(context.Context, machine, string) error) (string, error) {
	working, cancel := context.WithTimeoutCause(ctx, leaseFor-leaseSlack, errLeaseOver)
	defer cancel()
	nonce, err := s.lease(working, m.ID)
	if err != nil {
		return "", err
	}
	defer s.touch()
	defer s.giveBack(ctx, m.ID, nonce)
	now, err := s.get(working, m.ID)
	if err == nil {
		err = do(working, now, nonce)
	}
	if err != nil && working.Err() != nil && ctx.Err() == nil {
		err = errAgain
	}
	return m.ID, err
}

// lease takes a machine's lease. One that is another's is asked for twice: what it is held for can be seen then.
func (s *search) lease(ctx context.Context, id string) (nonce string, err error) {
	var given struct {
		Data struct{ Nonce string }
	}
	err = s.client.do(ctx, request{
		action: actionLease, method: http.MethodPost, id: id, path: "/lease", answer: &given,
		body: map[string]any{"description": leaseMessage, "ttl": int(leaseFor.Seconds())},
	})
	if is(err, http.StatusConflict, http.StatusPreconditionFailed, http.StatusNotFound) {
		s.passed[id] = s.held[id]
		s.held[id] = true
		return "", errAgain
	}
	return given.Data.Nonce, err
}

// giveBack ends a lease. If that fails, it ends by itself.
func (s *search) giveBack(ctx context.Context, id, nonce string) {
	giving, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseFor)
	defer cancel()
	_ = s.client.once(giving, request{action: actionRelease, method: http.MethodDelete, id: id, path: "/lease", nonce: nonce})
}
