package fly

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"freshet/jobs/fleet"
)

// errAgain: the pool has changed meanwhile; look again.
var errAgain = errors.New("the machine is not to be had")

// errPassed: this machine cannot be started now; the next may be.
type errPassed struct{ why error }

func (e *errPassed) Error() string { return e.why.Error() }

// search is the way of one order to its machine.
type search struct {
	*Fleet
	order  fleet.Order
	held   map[string]bool // machines whose lease was another's when it was asked for
	passed map[string]bool // machines that are not to be had now
	region int             // how many were tried
	why    error           // the last one could not
}

// Start starts a stopped machine, or makes one. See the package's doc.
func (f *Fleet) Start(ctx context.Context, order fleet.Order) (string, error) {
	s := &search{Fleet: f, order: order, held: map[string]bool{}, passed: map[string]bool{}}
	machines, err := f.recent(ctx)
	for tries := 0; ; {
		var id string
		if err == nil {
			id, err = s.try(ctx, machines)
		}
		var passed *errPassed
		switch {
		case err == nil:
			return id, nil
		case errors.As(err, &passed):
			s.why = passed.why
		case errors.Is(err, errAgain):
			if cause := f.client.backOff(ctx, tries); cause != nil {
				return "", fmt.Errorf("fly: %w: %w", err, cause)
			}
			tries++
		default:
			return "", s.judge(ctx, err)
		}
		machines, err = f.roster.since(ctx, time.Now())
	}
}

// judge tells what is refused from what is not known.
func (s *search) judge(ctx context.Context, err error) error {
	if ctx.Err() == nil && !passing(err) && !errors.Is(err, fleet.ErrRefused) {
		return fmt.Errorf("%w: %w", fleet.ErrRefused, err)
	}
	return err
}

// try goes once through the ways to come by a machine.
func (s *search) try(ctx context.Context, machines []machine) (string, error) {
	if own := s.own(machines); own != nil {
		if own.ran() {
			return own.ID, nil
		}
		return s.withLease(ctx, *own, s.adopt)
	}
	if m := s.pick(machines); m != nil {
		defer s.release(m.ID)
		return s.withLease(ctx, *m, s.take)
	}
	return "", s.create(ctx)
}

// has tells whether a machine has the order, and has run for it or may yet do so.
func (s *search) has(m *machine) bool {
	return m.claim().intent == s.order.Intent && (m.ran() || m.reachable() && !m.stuck())
}

// own is the machine that has the order. Of several it is one that ran for it, else one that was not made for it,
// which who claimed it may be about to start, without having seen the new one.
func (s *search) own(machines []machine) *machine {
	rank := func(m *machine) int {
		switch {
		case m.ran():
			return 0
		case m.Name != s.name():
			return 1
		default:
			return 2
		}
	}
	var found *machine
	for i := range machines {
		if m := &machines[i]; s.has(m) && (found == nil || cmp.Or(cmp.Compare(rank(m), rank(found)), cmp.Compare(m.ID, found.ID)) < 0) {
			found = m
		}
	}
	return found
}

// pick is a machine that can be started, and reserves it: one of the same generation before others, and of
// these the one that has been idle longest. All replicas find the same.
func (s *search) pick(machines []machine) *machine {
	rank := func(m *machine) int {
		if m.meta(metaGeneration) == s.order.Generation {
			return 0
		}
		return 1
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var best *machine
	for i := range machines {
		m := &machines[i]
		if !m.waits() || m.pending() || s.passed[m.ID] || s.taken[m.ID] {
			continue
		}
		if best == nil || cmp.Or(cmp.Compare(rank(m), rank(best)), cmp.Compare(m.latest(), best.latest()), cmp.Compare(m.ID, best.ID)) < 0 {
			best = m
		}
	}
	if best != nil {
		s.taken[best.ID] = true
	}
	return best
}

func (s *search) release(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.taken, id)
}

// adopt goes on with a machine that has the order already.
func (s *search) adopt(ctx context.Context, m machine, nonce string) error {
	switch {
	case m.claim().intent != s.order.Intent:
		return errAgain
	case m.ran():
		return nil
	case !m.reachable() || m.stuck():
		return s.pass(ctx, m, nonce, errors.New("the machine's host does not answer, or its state does not change"))
	default:
		return s.start(ctx, m, nonce)
	}
}

// take claims a stopped machine, brings it to the generation, and starts it.
func (s *search) take(ctx context.Context, m machine, nonce string) error {
	if !m.waits() || m.pending() {
		return errAgain
	}
	c := newClaim(s.order.Intent, m.latest())
	r := request{action: actionClaim, method: http.MethodPost, id: m.ID, path: "/metadata/" + metaClaim, nonce: nonce, body: map[string]string{"value": c.String()}}
	if m.meta(metaGeneration) != s.order.Generation {
		r = request{action: actionUpdate, method: http.MethodPost, id: m.ID, nonce: nonce, body: map[string]any{"config": s.wanted(s.order.Generation, c), "skip_launch": true}}
	}
	if err := s.client.do(ctx, r); err != nil {
		if full(err) || is(err, http.StatusConflict, http.StatusPreconditionFailed, http.StatusNotFound) {
			s.passed[m.ID] = true
			return &errPassed{err}
		}
		return err
	}
	if err := s.alone(ctx, m, nonce); err != nil {
		return err
	}
	return s.start(ctx, m, nonce)
}

// alone looks whether another machine has the order too, and then withdraws from this one.
func (s *search) alone(ctx context.Context, m machine, nonce string) error {
	machines, err := s.roster.since(ctx, time.Now())
	if err != nil {
		return err
	}
	for _, other := range machines {
		if other.ID != m.ID && s.has(&other) {
			if err := s.withdraw(ctx, m, nonce); err != nil {
				return err
			}
			return errAgain
		}
	}
	return nil
}

// start starts a claimed machine.
func (s *search) start(ctx context.Context, m machine, nonce string) error {
	for tries := 0; ; tries++ {
		err := s.client.do(ctx, request{action: actionStart, method: http.MethodPost, id: m.ID, path: "/start", nonce: nonce})
		switch {
		case err == nil:
			return nil
		case full(err) || is(err, http.StatusNotFound):
			return s.pass(ctx, m, nonce, err)
		case passing(err):
			return err
		case !is(err, http.StatusConflict, http.StatusPreconditionFailed):
			return errors.Join(err, s.withdraw(ctx, m, nonce))
		}
		now, looked := s.get(ctx, m.ID)
		switch {
		case looked != nil:
			return looked
		case now.claim().intent == s.order.Intent && now.ran():
			return nil
		case !now.reachable() || now.stuck() || now.state() == fleet.Failed:
			return s.pass(ctx, m, nonce, err)
		}
		if cause := s.client.backOff(ctx, tries); cause != nil {
			return fmt.Errorf("%w: %w", err, cause)
		}
	}
}

// pass gives a machine up that cannot be started.
func (s *search) pass(ctx context.Context, m machine, nonce string, why error) error {
	if err := s.withdraw(ctx, m, nonce); err != nil && m.reachable() {
		return err
	}
	s.passed[m.ID] = true
	if m.Name == s.name() {
		s.region++
	}
	return &errPassed{why}
}

// withdraw takes the order from a machine. One that was made for it goes: its name would be in the way of the next.
func (s *search) withdraw(ctx context.Context, m machine, nonce string) error {
	if m.Name == s.name() {
		return s.destroy(ctx, m.ID, nonce)
	}
	return missing(s.client.do(ctx, request{
		action: actionWithdraw, method: http.MethodDelete, id: m.ID, path: "/metadata/" + metaClaim, nonce: nonce,
	}))
}

// name is of the machine that is made for an order.
func (s *search) name() string { return "freshet-" + s.order.Intent.String() }

// create makes a machine, in the first region that has room. It is started when the next look finds it.
func (s *search) create(ctx context.Context) error {
	regions := s.config.Regions
	if len(regions) == 0 {
		regions = []string{""}
	}
	if s.region == len(regions) {
		return fmt.Errorf("%w: no region has room: %w", fleet.ErrRefused, s.why)
	}
	body := map[string]any{"name": s.name(), "config": s.wanted(s.order.Generation, newClaim(s.order.Intent, 0)), "skip_launch": true}
	if region := regions[s.region]; region != "" {
		body["region"] = region
	}
	defer s.touch()
	err := s.client.do(ctx, request{action: actionCreate, method: http.MethodPost, body: body})
	switch {
	case full(err):
		s.region++
		return &errPassed{err}
	case err == nil || is(err, http.StatusConflict): // its name is taken by what was made before
		return errAgain
	default:
		return err
	}
}
