package api

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"freshet/api/issuer"
	"freshet/jobs"
	"freshet/jobs/postgres"
)

const (
	challenge      = `Bearer realm="freshet"`
	challengeWrong = challenge + `, error="invalid_token"`
	maxKeyBytes    = 512
	// keyMemory is how long a key that was found good is not looked up again, and so how long a revoked
	// one still works.
	keyMemory = 5 * time.Second
	maxKeys   = 10_000
)

// guard lets only those through whom an operation is for, gives the work its deadline, and sees that what it
// changed is written down.
func (s *Server) guard(op operation) func(huma.Context, func(huma.Context)) {
	names := op.parameters()
	return func(ctx huma.Context, next func(huma.Context)) {
		if !storable(callOf(ctx.Context()).request.URL) {
			writeProblem(ctx.Context(), newProblem(codeInvalidAddress, ""))
			return
		}
		if op.method != http.MethodGet {
			for _, name := range names {
				callOf(ctx.Context()).about(ctx.Param(name))
			}
			defer s.witness(ctx.Context(), op.id, op.plain)
		}
		if op.access != public {
			if err := s.admit(ctx.Context(), op, ctx.Header("Authorization")); err != nil {
				writeProblem(ctx.Context(), problemOf(err))
				return
			}
			ctx.SetHeader("Freshet-Version", s.version)
			ctx = huma.WithContext(ctx, seenBy(ctx.Context()))
		}
		if err := s.takeBody(callOf(ctx.Context()), op); err != nil {
			writeProblem(ctx.Context(), problemOf(err))
			return
		}
		if !op.long {
			limited, cancel := context.WithTimeout(ctx.Context(), s.limits.Work)
			defer cancel()
			ctx = huma.WithContext(ctx, limited)
		}
		if _, streams := op.content[streamType]; streams {
			aside(func() { next(ctx) })
			return
		}
		next(ctx)
	}
}

// takeBody reads the body of an operation that has one, when it is known who sends it, and before the time of
// the work begins.
func (s *Server) takeBody(c *call, op operation) (err error) {
	if op.body != nil {
		c.bodyOptional = op.bodyOptional
		c.body, err = c.read(s.limits.bytes(op.bodySize), s.limits.BodyTime)
	}
	return err
}

// seenBy has the database show a caller who sees one owner's rows no others, where it can.
func seenBy(ctx context.Context) context.Context {
	if identity := caller(ctx); !identity.ForEveryone() {
		return postgres.As(ctx, identity.Owner)
	}
	return ctx
}

// admit finds out who calls, and whether they may call this.
func (s *Server) admit(ctx context.Context, op operation, header string) error {
	limited, cancel := context.WithTimeout(ctx, s.limits.Work)
	defer cancel()
	identity, known := jobs.Identity{}, false
	if op.probe && s.asleep() {
		identity, known = s.keys.remembered(header)
	}
	if !known {
		var err error
		if identity, err = s.identify(limited, header); err != nil {
			return err
		}
	}
	callOf(ctx).identity = identity
	switch {
	case op.access == admin && !identity.Admin:
		return newProblem(codeForbidden, "This needs an admin's key.")
	case identity.IsToken() && !op.browser:
		return newProblem(codeForbidden, "This needs an API key, not a token.")
	case !identity.Has(op.scope):
		return newProblem(codeForbidden, "This needs the scope "+string(op.scope)+".")
	}
	return nil
}

// identify finds out who sent a request: an Authorization header says it, or else the browser's session.
func (s *Server) identify(ctx context.Context, header string) (jobs.Identity, error) {
	scheme, text, _ := strings.Cut(header, " ")
	text = strings.TrimSpace(text)
	switch {
	case header == "":
		return s.sessions.identify(ctx, callOf(ctx).request)
	case !strings.EqualFold(scheme, "Bearer") || text == "":
		return jobs.Identity{}, wrongKey()
	case strings.HasPrefix(text, tokenPrefix) && len(text) <= maxTokenBytes:
		return s.tokens.identify(ctx, text)
	case issuer.Resembles(text):
		return s.issued(ctx, text)
	case strings.HasPrefix(text, sessionPrefix) && len(text) <= maxKeyBytes:
		return s.sessions.known(ctx, sha256.Sum256([]byte(text)))
	case len(text) > maxKeyBytes:
		return jobs.Identity{}, wrongKey()
	default:
		callOf(ctx).let = sha256.Sum256([]byte(text))
		return s.keys.identify(ctx, callOf(ctx).let)
	}
}

// storable tells whether all that an address says could be kept as text: PostgreSQL takes neither NUL
// nor what is no UTF-8.
func storable(address *url.URL) bool {
	query, err := url.QueryUnescape(address.RawQuery)
	text := address.Path + query
	return err == nil && utf8.ValidString(text) && !strings.ContainsRune(text, 0)
}

// keyring knows whose a key is. It remembers good keys for a moment, and never remembers a bad one, so
// that nobody can fill it with guesses.
type keyring struct {
	store *postgres.Store

	mu    sync.Mutex
	known map[credential]knownKey
}

type knownKey struct {
	identity jobs.Identity
	until    time.Time
}

// identify finds out whose a key is.
func (k *keyring) identify(ctx context.Context, hash credential) (jobs.Identity, error) {
	if identity, known := k.recall(hash); known {
		return identity, nil
	}
	identity, err := k.store.Identify(ctx, hash)
	if errors.Is(err, jobs.ErrNotFound) {
		return jobs.Identity{}, wrongKey()
	}
	if err == nil {
		k.remember(hash, identity)
	}
	return identity, err
}

func wrongKey() *problem { return notLetIn("The API key is not known here.") }

func notLetIn(detail string) *problem {
	return newProblem(codeUnauthorized, detail).with("WWW-Authenticate", challengeWrong)
}

func (k *keyring) recall(hash credential) (jobs.Identity, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key, known := k.known[hash]
	return key.identity, known && time.Now().Before(key.until)
}

// remembered finds out whose a key was that was good a while ago, and has not ended by itself since.
func (k *keyring) remembered(header string) (jobs.Identity, bool) {
	scheme, text, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return jobs.Identity{}, false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	key, known := k.known[sha256.Sum256([]byte(strings.TrimSpace(text)))]
	return key.identity, known && (key.identity.Until.IsZero() || time.Now().Before(key.identity.Until))
}

func (k *keyring) remember(hash credential, identity jobs.Identity) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.known == nil || len(k.known) >= maxKeys {
		k.known = map[credential]knownKey{} // rarer than it is worth to be clever about
	}
	k.known[hash] = knownKey{identity, time.Now().Add(keyMemory)}
}
