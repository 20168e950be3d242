package api

import (
	"context"
	"errors"

	"freshet/api/issuer"
	"freshet/jobs"
)

// issued finds out whom a JWT of another issuer speaks for: an owner, and never an admin. All that are
// refused get the same answer; the log says why.
func (s *Server) issued(ctx context.Context, text string) (jobs.Identity, error) {
	bearer, err := s.issuers.Verify(ctx, text)
	switch {
	case errors.Is(err, issuer.ErrRefused):
		callOf(ctx).failure = err
		return jobs.Identity{}, wrongToken()
	case errors.Is(err, issuer.ErrAway):
		answer := newProblem(codeUnavailable, "The keys of the token's issuer cannot be fetched. Try again soon.").with("Retry-After", retrySoon)
		answer.cause = err
		return jobs.Identity{}, answer
	case err != nil:
		return jobs.Identity{}, err
	case !jobs.ValidOwner(bearer.Subject):
		callOf(ctx).failure = errors.New("token refused: its sub cannot be an owner")
		return jobs.Identity{}, wrongToken()
	}
	return jobs.Identity{Owner: bearer.Subject, Key: "jwt", Until: bearer.Until}, nil
}
