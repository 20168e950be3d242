package issuer

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"freshet/jobs"
)

const (
	// freshLeast and freshMost bound how long fetched keys are not asked for again.
	freshLeast = 5 * time.Minute
	freshMost  = time.Hour
	// mourning is how long keys serve that could not be refreshed.
	mourning = time.Hour
	// pause is between two fetches, and pauseWithout where there are no keys to go on with.
	pause        = time.Minute
	pauseWithout = 5 * time.Second

	fetchTimeout = 5 * time.Second
	maxSet       = 256 << 10 // bytes
)

// keySet is the keys of one issuer, fetched when they are needed.
type keySet struct {
	issuer jobs.Issuer
	client *http.Client
	logger *slog.Logger
	now    func() time.Time
	turn   chan struct{} // holds a token while somebody fetches

	mu     sync.Mutex
	keys   map[string]key
	fresh  time.Time // until when they need not be fetched again
	usable time.Time // until when they serve all the same
	asked  time.Time // when they were fetched last, or should have been
	failed error     // of the last fetch
}

func newKeySet(issuer jobs.Issuer, client *http.Client, logger *slog.Logger, now func() time.Time) *keySet {
	return &keySet{issuer: issuer, client: client, logger: logger, now: now, turn: make(chan struct{}, 1)}
}

// newClient makes the client for all issuers. It follows no redirect: only the configured address is
// trusted. It keeps no connection, for it is used every few minutes.
func newClient() *http.Client {
	return &http.Client{
		Timeout:   fetchTimeout,
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
}

// find gives the key of a kid, and fetches the keys before where that is due. Errors: ErrRefused, ErrAway,
// and the context's.
func (s *keySet) find(ctx context.Context, id string) (key, error) {
	known, due := s.look(id)
	switch {
	case !due:
	case known: // it serves, whoever may be fetching
		select {
		case s.turn <- struct{}{}:
			s.fetchInTurn(ctx, id)
		default:
		}
	default:
		select {
		case s.turn <- struct{}{}:
			s.fetchInTurn(ctx, id)
		case <-ctx.Done():
			return key{}, context.Cause(ctx)
		}
	}
	return s.get(id)
}

// look tells whether the kid is known, and whether the keys are to be fetched for it.
func (s *keySet) look(id string) (known, due bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if !now.Before(s.usable) {
		s.keys = nil
	}
	_, known = s.keys[id]
	wait := pause
	if len(s.keys) == 0 && s.failed != nil {
		wait = pauseWithout
	}
	stale := !known || !now.Before(s.fresh)
	return known, stale && (s.asked.IsZero() || now.Sub(s.asked) >= wait)
}

func (s *keySet) get(id string) (key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, known := s.keys[id]
	switch {
	case known:
		return k, nil
	case s.failed != nil:
		return key{}, fmt.Errorf("%w: %w", ErrAway, s.failed)
	default:
		return key{}, refused("unknown kid")
	}
}

// fetchInTurn fetches the keys, unless another did while the caller waited for its turn, which it gives
// back. The fetch does not end with the request that needs it: others wait for it too.
func (s *keySet) fetchInTurn(ctx context.Context, id string) {
	defer func() { <-s.turn }()
	if _, due := s.look(id); !due {
		return
	}
	asked := s.now()
	keys, age, err := s.fetch(context.WithoutCancel(ctx))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked, s.failed = asked, err
	if err == nil {
		s.keys, s.fresh, s.usable = keys, asked.Add(age), asked.Add(age+mourning)
		return
	}
	s.logger.Warn("the keys of an issuer could not be fetched", "issuer", s.issuer.Name, "error", err, "usableUntil", s.usable)
}

// fetch asks the issuer for its keys, and tells how long they are fresh.
func (s *keySet) fetch(ctx context.Context) (keys map[string]key, age time.Duration, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.issuer.KeysURL, http.NoBody)
	if err != nil {
		return nil, 0, fmt.Errorf("fetch keys: %w", err)
	}
	request.Header.Set("Accept", "application/jwk-set+json, application/json")
	response, err := s.client.Do(request)
	if err != nil {
		return nil, 0, fmt.Errorf("fetch keys: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, 0, fmt.Errorf("fetch keys: %s answers %s", s.issuer.KeysURL, response.Status)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxSet+1))
	switch {
	case err != nil:
		return nil, 0, fmt.Errorf("fetch keys: %w", err)
	case len(text) > maxSet:
		return nil, 0, fmt.Errorf("fetch keys: %s answers more than %d bytes", s.issuer.KeysURL, maxSet)
	}
	if keys, err = readKeys(text, s.issuer.Algorithms); err != nil {
		return nil, 0, err
	}
	return keys, freshFor(response.Header.Get("Cache-Control")), nil
}

// freshFor is how long an answer is fresh, within bounds.
func freshFor(cacheControl string) time.Duration {
	for directive := range strings.SplitSeq(cacheControl, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		if !strings.EqualFold(name, "max-age") {
			continue
		}
		if seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31); err == nil {
			return min(max(time.Duration(seconds)*time.Second, freshLeast), freshMost)
		}
	}
	return freshLeast
}
