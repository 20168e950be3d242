package cloudrun

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"time"

	"golang.org/x/time/rate"
)

const (
	// Endpoint is where the API is.
	Endpoint = "https://run.googleapis.com"

	// requestTimeout bounds one request.
	requestTimeout = 20 * time.Second
	// requestsPerSecond and burst keep one process below any quota that is thinkable; the real ones are an
	// account's own, and answer with 429.
	requestsPerSecond = 5
	burst             = 20

	firstPause = 500 * time.Millisecond
	maxPause   = 30 * time.Second
	maxAnswer  = 64 << 20 // bytes: a thousand executions with their templates are some
)

// Options are what a Client is made of.
type Options struct {
	Endpoint  string // empty: Endpoint
	Tokens    Tokens
	Transport http.RoundTripper // nil: one that uses the proxy of the environment
	Pause     time.Duration     // before the first retry, twice as long before each further one; 0: 500 ms
	Rate      rate.Limit        // requests per second; 0: 5
}

// Client speaks version 2 of the REST API of Cloud Run, for all pools of a process. It may be used by many at
// once.
type Client struct {
	endpoint string
	tokens   Tokens
	http     *http.Client
	rate     *rate.Limiter
	pause    time.Duration
}

// NewClient makes a Client. Nothing is sent yet.
func NewClient(o Options) *Client {
	if o.Transport == nil {
		o.Transport = &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true}
	}
	// The API sends nobody elsewhere, and a token must not go there.
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{
		endpoint: cmp.Or(o.Endpoint, Endpoint),
		tokens:   o.Tokens,
		http:     &http.Client{Transport: o.Transport, CheckRedirect: stay, Timeout: requestTimeout},
		rate:     rate.NewLimiter(cmp.Or(o.Rate, requestsPerSecond), burst),
		pause:    cmp.Or(o.Pause, firstPause),
	}
}

// Close drops connections that are kept for the next request.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// once makes a request, to a path such as projects/p/locations/l/jobs/j:run, and reads its answer into out, if
// that is not nil.
func (c *Client) once(ctx context.Context, method, path string, in, out any) error {
	request, err := c.request(ctx, method, path, in)
	if err != nil {
		return laterError{err}
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return readError(answer)
	}
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxAnswer)).Decode(out); err != nil {
		return fmt.Errorf("answer of Cloud Run: %w", err)
	}
	return nil
}

// request makes a request that may be sent now.
func (c *Client) request(ctx context.Context, method, path string, in any) (*http.Request, error) {
	body := []byte("{}")
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return nil, err
		}
	}
	if method != http.MethodPost {
		body = nil
	}
	request, err := http.NewRequestWithContext(ctx, method, c.endpoint+"/v2/"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if err := c.rate.Wait(ctx); err != nil {
		return nil, err
	}
	token, err := c.tokens.Token(ctx)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "Freshet")
	return request, nil
}

// steadily makes requests that do no harm twice, until there is an answer or no time for another.
func (c *Client) steadily(ctx context.Context, request func() error) error {
	for try := 0; ; try++ {
		err := request()
		if err == nil || fateOf(err) == refused || !c.rest(ctx, try, err) {
			return err
		}
	}
}

// rest waits before the next try, as err demands. False, and at once: ctx ends before that.
func (c *Client) rest(ctx context.Context, try int, err error) bool {
	pause := min(c.pause<<min(try, 10), maxPause)
	pause += time.Duration(rand.Int64N(int64(pause/4 + 1))) //nolint:gosec // no secret
	pause = max(pause, retryAfter(err))
	if deadline, has := ctx.Deadline(); ctx.Err() != nil || has && time.Until(deadline) < pause {
		return false
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
