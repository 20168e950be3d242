package issuer_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"freshet/api/issuer"
)

// want fails the test unless Verify answers so; a nil error is a good token.
func want(t *testing.T, v *issuer.Verifier, token string, want error) {
	t.Helper()
	if _, err := v.Verify(t.Context(), token); !errors.Is(err, want) || want == nil && err != nil {
		t.Errorf("error %v, want %v", err, want)
	}
}

func (a *app) fetched(want int32) {
	a.t.Helper()
	if n := a.fetches.Load(); n != want {
		a.t.Errorf("the keys were fetched %d times, want %d", n, want)
	}
}

func TestUnknownKeysAreAskedForOnceAMinute(t *testing.T) {
	t.Parallel()
	first, second := newES256("first"), newES256("second")
	a := newApp(t, first.jwk())
	v := a.verifier("ES256")
	want(t, v, first.token(a.good()), nil)
	for range 100 { // somebody makes up kids
		want(t, v, second.token(a.good()), issuer.ErrRefused)
	}
	a.fetched(1)
	a.clock.advance(time.Minute)
	for range 100 {
		want(t, v, second.token(a.good()), issuer.ErrRefused)
	}
	a.fetched(2)
	// The issuer rotates: both keys are there for a while, then the first is not.
	a.publish(first.jwk(), second.jwk())
	a.clock.advance(time.Minute)
	want(t, v, second.token(a.good()), nil)
	want(t, v, first.token(a.good()), nil)
	a.fetched(3)
	a.publish(second.jwk())
	a.clock.advance(4 * time.Minute)
	want(t, v, first.token(a.good()), nil) // still fresh
	a.clock.advance(time.Minute)
	want(t, v, first.token(a.good()), issuer.ErrRefused)
	want(t, v, second.token(a.good()), nil)
	a.fetched(4)
}

func TestFreshness(t *testing.T) {
	t.Parallel()
	for header, fresh := range map[string]time.Duration{
		"": 5 * time.Minute, "no-store": 5 * time.Minute, "max-age=0": 5 * time.Minute, "max-age=x": 5 * time.Minute,
		"public, max-age=600, must-revalidate": 10 * time.Minute, `Max-Age="900"`: 15 * time.Minute,
		"max-age=99999999": time.Hour, "max-age=-5": 5 * time.Minute,
	} {
		es := newES256("es")
		a := newApp(t, es.jwk())
		a.answer(http.StatusOK, http.Header{"Cache-Control": {header}})
		v := a.verifier("ES256")
		want(t, v, es.token(a.good()), nil)
		a.clock.advance(fresh - time.Second)
		want(t, v, es.token(a.good()), nil)
		if n := a.fetches.Load(); n != 1 {
			t.Errorf("%q: fetched %d times before its time", header, n)
		}
		a.clock.advance(time.Second)
		want(t, v, es.token(a.good()), nil)
		if n := a.fetches.Load(); n != 2 {
			t.Errorf("%q: fetched %d times, and its time is over", header, n)
		}
	}
}

func TestIssuerIsAway(t *testing.T) {
	t.Parallel()
	es, other := newES256("es"), newES256("other")
	a := newApp(t, es.jwk())
	v := a.verifier("ES256")
	a.answer(http.StatusBadGateway, http.Header{})
	want(t, v, es.token(a.good()), issuer.ErrAway)
	want(t, v, es.token(a.good()), issuer.ErrAway)
	a.fetched(1)
	a.clock.advance(5 * time.Second)
	a.answer(http.StatusOK, http.Header{})
	want(t, v, es.token(a.good()), nil) // five seconds after it came back
	a.fetched(2)

	a.answer(http.StatusInternalServerError, http.Header{})
	a.clock.advance(5 * time.Minute)
	for range 10 {
		want(t, v, es.token(a.good()), nil) // the old keys serve
		want(t, v, other.token(a.good()), issuer.ErrAway)
	}
	a.fetched(3)
	a.clock.advance(time.Hour - time.Second)
	want(t, v, es.token(a.good()), nil)
	a.fetched(4)
	a.clock.advance(time.Second)
	want(t, v, es.token(a.good()), issuer.ErrAway) // an hour is over
	a.clock.advance(5 * time.Second)
	a.answer(http.StatusOK, http.Header{})
	want(t, v, es.token(a.good()), nil)
}

func TestAnswersThatAreNoKeys(t *testing.T) {
	t.Parallel()
	es := newES256("es")
	for name, change := range map[string]func(*app){
		"redirect": func(a *app) { a.answer(http.StatusFound, http.Header{"Location": {a.server.URL + "/elsewhere"}}) },
		"too long": func(a *app) { a.publish(es.jwk(), `"`+strings.Repeat("x", 256<<10)+`"`) },
		"HTML":     func(a *app) { a.mu.Lock(); a.set = "<html>"; a.mu.Unlock() },
		"nothing":  func(a *app) { a.mu.Lock(); a.set = ""; a.mu.Unlock() },
		"closed":   func(a *app) { a.server.Close() },
	} {
		a := newApp(t, es.jwk())
		change(a)
		if _, err := a.verifier("ES256").Verify(t.Context(), es.token(a.good())); !errors.Is(err, issuer.ErrAway) {
			t.Errorf("%s: %v", name, err)
		}
		if n := a.fetches.Load(); n > 1 {
			t.Errorf("%s: it was followed", name)
		}
	}
}

// Many requests come at once, and the keys are not there: one asks, and the others wait for it. Who gives
// up takes nothing from the others.
func TestOneFetchesForAll(t *testing.T) {
	t.Parallel()
	es := newES256("es")
	a := newApp(t, es.jwk())
	hold := make(chan struct{})
	a.hold = hold
	v := a.verifier("ES256")
	token := es.token(a.good())
	hasty, leave := context.WithCancel(t.Context())
	failures := make(chan error, 50)
	var all sync.WaitGroup
	for range cap(failures) {
		all.Go(func() {
			_, err := v.Verify(t.Context(), token)
			failures <- err
		})
	}
	left := make(chan error, 1)
	go func() {
		_, err := v.Verify(hasty, token)
		left <- err
	}()
	leave()
	close(hold)
	all.Wait()
	close(failures)
	for err := range failures {
		if err != nil {
			t.Errorf("one of them: %v", err)
		}
	}
	if err := <-left; err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("who gave up: %v", err)
	}
	a.fetched(1)
}
