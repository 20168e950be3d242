package issuer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v3/jws/jwsbb"

	"freshet/jobs"
)

// What a token can fail with.
var (
	// ErrRefused: the token is not good here.
	ErrRefused = errors.New("token refused")
	// ErrAway: the issuer's keys cannot be had now, so it is not known whether the token is good.
	ErrAway = errors.New("the issuer's keys cannot be fetched")
)

const (
	// MaxBytes is how long a token may be.
	MaxBytes = 8 << 10
	// leeway is how far clocks may differ.
	leeway = 30 * time.Second
)

// Bearer is whom a token speaks for.
type Bearer struct {
	Subject string
	Until   time.Time // when the token ends, the leeway included
}

// Verifier knows the issuers whose tokens are taken. It is safe for use by many goroutines.
type Verifier struct {
	keys map[string]*keySet // by the issuer's name
	now  func() time.Time
}

// New makes a Verifier. It tells logger when an issuer does not answer; now is the clock.
func New(issuers []jobs.Issuer, logger *slog.Logger, now func() time.Time) *Verifier {
	v := &Verifier{keys: map[string]*keySet{}, now: now}
	client := newClient()
	for _, issuer := range issuers {
		v.keys[issuer.Name] = newKeySet(issuer, client, logger, now)
	}
	return v
}

// Resembles tells whether a text looks like a JWT, and like nothing else that lets somebody in.
func Resembles(text string) bool {
	return strings.HasPrefix(text, "ey") && strings.Count(text, ".") == 2
}

// Verify finds out whom a token speaks for. Errors: ErrRefused, ErrAway, and the context's.
func (v *Verifier) Verify(ctx context.Context, text string) (Bearer, error) {
	t, err := parse(text)
	if err != nil {
		return Bearer{}, err
	}
	set := v.keys[t.claims.Issuer]
	if set == nil {
		return Bearer{}, refused("unknown issuer")
	}
	key, err := set.find(ctx, t.header.KeyID)
	if err != nil {
		return Bearer{}, err
	}
	if t.header.Algorithm != key.algorithm {
		return Bearer{}, refused("the algorithm is not that of the key")
	}
	if err := jwsbb.Verify(key.public, key.algorithm, t.signed, t.signature); err != nil {
		return Bearer{}, refused("wrong signature")
	}
	return t.claims.check(set.issuer, v.now())
}

// check looks at the claims of a token whose signature is good.
func (c claims) check(issuer jobs.Issuer, now time.Time) (Bearer, error) {
	if c.Expires == nil {
		return Bearer{}, refused("no exp")
	}
	until := instant(*c.Expires).Add(leeway)
	switch {
	case !slices.Contains(c.Audience, issuer.Audience):
		return Bearer{}, refused("meant for another audience")
	case c.Subject == "":
		return Bearer{}, refused("no sub")
	case !now.Before(until):
		return Bearer{}, refused("expired")
	case c.NotBefore != nil && instant(*c.NotBefore).After(now.Add(leeway)):
		return Bearer{}, refused("not good yet")
	case c.IssuedAt != nil && instant(*c.IssuedAt).After(now.Add(leeway)):
		return Bearer{}, refused("issued in the future")
	}
	return Bearer{c.Subject, until}, nil
}

// instant is a NumericDate, whose seconds may have a fraction, as a time. Those that no clock will show are cut off.
func instant(seconds float64) time.Time {
	const latest = 1 << 36 // some two thousand years from now
	return time.UnixMilli(int64(min(max(seconds, 0), latest) * 1000))
}

func refused(reason string) error { return fmt.Errorf("%w: %s", ErrRefused, reason) }
