package fly

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"
)

// DefaultURL is where the Machines API is for everybody. Inside a private network of Fly it is also
// http://_api.internal:4280.
const DefaultURL = "https://api.machines.dev"

const (
	answerTimeout = 30 * time.Second // of one request
	answerBytes   = 32 << 20         // a machine with its events is some kilobytes

	actionList     = "list machines"
	actionGet      = "get machine"
	actionCreate   = "create machine"
	actionUpdate   = "update machine"
	actionStart    = "start machine"
	actionStop     = "stop machine"
	actionDestroy  = "destroy machine"
	actionLease    = "lease machine"
	actionRelease  = "release machine"
	actionClaim    = "claim machine"
	actionWithdraw = "withdraw from machine"
)

// client speaks the Machines API for one app. It sends a request again for as long as that is of use.
type client struct {
	http          *http.Client
	base          string // up to the app's machines
	authorization string
	pace          *pace
}

// request is one call. A nil body and a nil answer are none.
type request struct {
	action string
	method string
	id     string // of the machine; empty: of the app
	path   string // below it
	query  url.Values
	nonce  string // of the lease that the caller holds
	body   any
	answer any
	busy   bool // a lease of somebody else's is waited for
}

func newClient(c Config) *client {
	return &client{
		http:          &http.Client{Timeout: answerTimeout, Transport: c.Transport},
		base:          cmp.Or(c.BaseURL, DefaultURL) + "/v1/apps/" + url.PathEscape(c.App) + "/machines",
		authorization: authorization(c.Token),
		pace:          &pace{every: cmp.Or(c.Pace, time.Second), next: map[string]time.Time{}},
	}
}

// do sends a request until it is answered for good, or ctx ends.
func (c *client) do(ctx context.Context, r request) error {
	for tries := 0; ; tries++ {
		err := c.once(ctx, r)
		again := passing(err) || r.busy && is(err, http.StatusConflict)
		if err == nil || !again {
			return err
		}
		if cause := c.backOff(ctx, tries); cause != nil {
			return fmt.Errorf("%w, given up: %w", err, cause)
		}
	}
}

// backOff waits before the next of some tries: a quarter of a second, twice as long each time, up to eight, and
// less by chance.
func (c *client) backOff(ctx context.Context, tries int) error {
	pause := c.pace.every / 4 << min(tries, 5)
	return rest(ctx, pause-rand.N(pause/2+1)) //nolint:gosec // no secret
}

func (c *client) once(ctx context.Context, r request) error {
	if r.action != actionList { // the roster waits for all who want a list
		if err := c.pace.wait(ctx, r.action, r.id); err != nil {
			return fmt.Errorf("fly: %s: %w", r.action, err)
		}
	}
	sent, err := c.compose(ctx, r)
	if err != nil {
		return fmt.Errorf("fly: %s: %w", r.action, err)
	}
	response, err := c.http.Do(sent)
	if err != nil {
		return fmt.Errorf("fly: %s: %w", r.action, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, answerBytes))
	switch {
	case err != nil:
		return fmt.Errorf("fly: %s: %w", r.action, err)
	case response.StatusCode >= 300:
		return refusal(r.action, response, body)
	case r.answer == nil:
		return nil
	}
	if err := json.Unmarshal(body, r.answer); err != nil {
		return fmt.Errorf("fly: %s: the answer is not understood: %w", r.action, err)
	}
	return nil
}

func (c *client) compose(ctx context.Context, r request) (*http.Request, error) {
	address := c.base
	if r.id != "" {
		address += "/" + url.PathEscape(r.id) + r.path
	}
	if r.query != nil {
		address += "?" + r.query.Encode()
	}
	var body io.Reader
	if r.body != nil {
		written, err := json.Marshal(r.body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(written)
	}
	sent, err := http.NewRequestWithContext(ctx, r.method, address, body)
	if err != nil {
		return nil, err
	}
	sent.Header.Set("Authorization", c.authorization)
	sent.Header.Set("User-Agent", "freshet")
	if body != nil {
		sent.Header.Set("Content-Type", "application/json")
	}
	if r.nonce != "" {
		sent.Header.Set("Fly-Machine-Lease-Nonce", r.nonce)
	}
	return sent, nil
}

// refusal reads what the API says instead of an answer, which is not always JSON.
func refusal(action string, response *http.Response, body []byte) error {
	const longest = 500
	var said struct {
		Error   string `json:"error"`
		Message string `json:"message"`
		Status  string `json:"status"`
	}
	if err := json.Unmarshal(body, &said); err != nil {
		said.Error = string(body[:min(len(body), longest)])
	}
	return &Error{
		Action: action, Status: response.StatusCode, Code: said.Status,
		Message: cmp.Or(said.Error, said.Message), RequestID: response.Header.Get("Fly-Request-Id"),
	}
}
