package api

import (
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"freshet/jobs"
)

// problemOf finds the answer to an error.
func problemOf(err error) *problem {
	if ready, ok := errors.AsType[*problem](err); ok {
		return ready
	}
	var answer *problem
	switch {
	case errors.Is(err, jobs.ErrNotFound):
		answer = newProblem(codeNotFound, "")
	case errors.Is(err, jobs.ErrEnded):
		answer = newProblem(codeTaskEnded, "")
	case errors.Is(err, jobs.ErrNotEnded):
		answer = newProblem(codeNotEnded, "")
	case errors.Is(err, jobs.ErrBusy):
		answer = newProblem(codeBusy, "").with("Retry-After", retrySoon)
	case errors.Is(err, context.Canceled):
		answer = newProblem(codeClientGone, "")
	case databaseAway(err):
		answer = newProblem(codeUnavailable, "").with("Retry-After", retrySoon)
	default:
		answer = newProblem(codeInternal, "")
	}
	answer.cause = err
	return answer
}

// databaseAway tells a database that does not answer from one that refuses a statement.
func databaseAway(err error) bool {
	var network net.Error
	var refused interface{ SQLState() string }
	var unsent interface{ SafeToRetry() bool } // a connection that was dead before it was used
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network), errors.Is(err, io.ErrUnexpectedEOF):
		return true
	case errors.As(err, &unsent) && unsent.SafeToRetry():
		return true
	case errors.As(err, &refused):
		state := refused.SQLState() // connection, resources, operator's intervention
		return strings.HasPrefix(state, "08") || strings.HasPrefix(state, "53") || strings.HasPrefix(state, "57")
	default:
		return false
	}
}

// writeProblem answers a call outside of huma.
func writeProblem(ctx context.Context, p *problem) {
	c := callOf(ctx)
	c.note(p)
	p.RequestID = c.id
	header := c.writer.Header()
	maps.Copy(header, p.headers)
	header.Set("Content-Type", problemType)
	c.writer.WriteHeader(p.Status)
	_ = marshal(c.writer, p) // the client may be gone
}

// note keeps for the log what the client is not told.
func (c *call) note(p *problem) {
	if p.cause != nil && p.Status >= http.StatusInternalServerError {
		c.failure = p.cause
	}
}

// complete is the last step of each answer that huma writes: its own errors become problems, and all
// problems get the request's id.
func complete(ctx huma.Context, _ string, answer any) (any, error) {
	c := callOf(ctx.Context())
	var p *problem
	switch refused := answer.(type) {
	case *problem:
		p = refused
	case *huma.ErrorModel:
		p = fromHuma(refused)
	default:
		return answer, nil
	}
	c.note(p)
	p.RequestID = c.id
	return p, nil
}

// fromHuma translates what huma found wrong with the parameters: it reads nothing else of a request.
func fromHuma(refused *huma.ErrorModel) *problem {
	if refused.Status != http.StatusUnprocessableEntity {
		p := newProblem(codeInternal, "")
		p.cause = refused
		return p
	}
	faults := make([]fault, len(refused.Errors))
	for i, detail := range refused.Errors {
		pointer := "/" + strings.ReplaceAll(detail.Location, ".", "/")
		faults[i] = fault{Pointer: pointer, Code: "invalid", Message: detail.Message}
	}
	return newProblem(codeInvalidParameter, "", faults...)
}
