package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	connectTimeout = 5 * time.Second
	// callTimeout is what a server may take for an answer.
	callTimeout = 20 * time.Second
	// maxAnswer bounds what is read of an answer: the last lines of a long log are the largest.
	maxAnswer = 256 << 20
	// maxRefusal bounds what is read of a refusal.
	maxRefusal = 64 << 10
)

// Client is a connection to one server, as the bearer of one API key. It is safe for use by many
// goroutines.
type Client struct {
	base *url.URL
	key  string
	http *http.Client
}

// New makes a client for the server at an address such as https://tasks.example.com. Nothing is sent
// yet. It fails when the address is none.
func New(address, key string) (*Client, error) {
	base, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("address of the server: %w", err)
	}
	if base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, fmt.Errorf("address of the server: %q does not look like https://tasks.example.com", address)
	}
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: connectTimeout}).DialContext,
		TLSHandshakeTimeout:   connectTimeout,
		ResponseHeaderTimeout: callTimeout,
		ForceAttemptHTTP2:     true,
	}
	// A redirect would turn a POST into a GET, so it is shown instead of followed.
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{base, key, &http.Client{Transport: transport, CheckRedirect: stay}}, nil
}

// Close drops connections that are kept for later calls.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Address is where the server is.
func (c *Client) Address() string { return c.base.String() }

// Unreachable is an error for which no Freshet server gave an answer.
type Unreachable struct {
	Address string
	Err     error
}

func (u *Unreachable) Error() string {
	return fmt.Sprintf("no Freshet server answers at %s: %v", u.Address, plain(u.Err))
}

func (u *Unreachable) Unwrap() error { return u.Err }

// plain drops what a *url.Error repeats: the method and the whole address.
func plain(err error) error {
	if wrapped, found := errors.AsType[*url.Error](err); found {
		return wrapped.Err
	}
	return err
}

// call is one request. path is below the server's address, already escaped.
type call struct {
	method, path string
	query        url.Values
	body         any // nil: none
}

func (c *Client) get(ctx context.Context, path string, query url.Values, into any) error {
	return c.do(ctx, call{method: http.MethodGet, path: path, query: query}, into)
}

func (c *Client) post(ctx context.Context, path string, body, into any) error {
	return c.do(ctx, call{method: http.MethodPost, path: path, body: body}, into)
}

// do sends a request and reads the JSON of its answer; into is nil when there is none to read.
func (c *Client) do(ctx context.Context, call call, into any) error {
	limited, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	request, err := c.request(limited, call)
	if err != nil {
		return err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return c.unanswered(ctx, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return c.unanswered(ctx, err)
	}
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return problem(response, body)
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(body, into); err != nil {
		return &Unreachable{c.Address(), fmt.Errorf("what answers there is something else: %w", err)}
	}
	return nil
}

func (c *Client) request(ctx context.Context, call call) (*http.Request, error) {
	target := c.base.JoinPath(call.path)
	target.RawQuery = call.query.Encode()
	var body io.Reader
	if call.body != nil {
		text, err := json.Marshal(call.body)
		if err != nil {
			return nil, fmt.Errorf("write the request: %w", err)
		}
		body = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, call.method, target.String(), body)
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Authorization", "Bearer "+c.key)
	return request, nil
}

// unanswered is the error for a request that the network or the caller ended.
func (c *Client) unanswered(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = errors.New("no answer in time")
	}
	return &Unreachable{c.Address(), err}
}

// path joins escaped segments below /v1.
func path(segments ...string) string {
	for i, segment := range segments {
		segments[i] = url.PathEscape(segment)
	}
	return "v1/" + strings.Join(segments, "/")
}
