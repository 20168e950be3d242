package api

import (
	"context"
	"net/http"
	"strings"
	"time"
	"unicode"

	"freshet/jobs"
)

const (
	// witnessTimeout is how long an answer waits for the audit log.
	witnessTimeout = 2 * time.Second
	maxActText     = 200 // bytes
	// refusalsPerSecond are written down of one owner, and at first so many: whoever tries over and over shall
	// not fill the log.
	refusalsPerSecond = 1
	refusalsAtFirst   = 20
)

// about tells the audit log what a call is about, besides what its path names.
func (c *call) about(objects ...string) { c.objects = append(c.objects, objects...) }

// witness writes into the audit log what a call did, after it was answered and before the answer is sent. An
// answer of which it is not known whether the act was done, because the client or the database went away,
// counts as done. Of plain operations only refusals are written.
func (s *Server) witness(ctx context.Context, action string, plain bool) {
	c := callOf(ctx)
	switch status := c.writer.status; {
	case status == http.StatusForbidden:
		if !s.allowed.mayRepeat(c.identity.Owner) {
			return // the log of requests has it
		}
	case plain, status < http.StatusOK, status >= http.StatusBadRequest && status < refusalOf(codeClientGone).Status:
		return
	}
	act := jobs.Act{
		Actor: c.identity.Key, Owner: c.identity.Owner, Action: action, Object: short(strings.Join(c.objects, " ")),
		Address: s.addressOf(c), UserAgent: short(c.request.UserAgent()), RequestID: c.id, Status: c.writer.status,
	}
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), witnessTimeout)
	defer cancel()
	if err := s.store.SaveAct(limited, act); err != nil {
		s.logger.Error("an act is missing in the audit log", "error", err, "actor", act.Actor, "owner", act.Owner,
			"action", act.Action, "object", act.Object, "address", act.Address, "requestId", act.RequestID, "status", act.Status)
	}
}

// witnessed is a handler outside of huma whose acts are in the audit log.
func (s *Server) witnessed(action string, handle http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		handle(w, r)
		s.witness(r.Context(), action, false)
	}
}

// addressOf is where a request came from.
func (s *Server) addressOf(c *call) string {
	client, _ := s.proxies.client(c.request)
	if !client.IsValid() {
		return short(c.request.RemoteAddr)
	}
	return client.String()
}

// short makes a text fit for the audit log: it is storable, printable and not long.
func short(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(text[:min(len(text), maxActText)], ""))
}

// mayRepeat tells whether another refusal of an owner's is written down.
func (a *allowances) mayRepeat(owner string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	of := a.of(owner, now)
	if of.refusals.wait(now, refusalsPerSecond, refusalsAtFirst) > 0 {
		return false
	}
	of.refusals.tokens--
	return true
}
