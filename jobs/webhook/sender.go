package webhook

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

const (
	sendTimeout    = 20 * time.Second
	connectTimeout = 10 * time.Second // to connect, and again for TLS
	idleTimeout    = 30 * time.Second // of a connection that waits for the next message
	idlePerHost    = 4
	idleTotal      = 100

	maxAnswerHeader = 64 << 10 // bytes
	maxAnswerRead   = 64 << 10 // bytes of a body; who sends more loses the connection
	maxAnswerKept   = 4 << 10  // bytes of a body
)

// Message is one sending of a message.
type Message struct {
	URL     string
	ID      string // stays the same each time that the message is sent; without a dot
	Body    []byte // JSON
	Secrets Secrets
	Header  http.Header // what the user wants sent too; what is Freshet's own to set is left out
}

// Sender sends messages to where its Policy lets it. It may be used by many at once.
type Sender struct {
	Timeout time.Duration // of one sending, from DNS to the end of the answer; 20 s

	policy    Policy
	dialer    *net.Dialer
	transport *http.Transport
}

// NewSender makes a Sender. Close it.
func NewSender(policy Policy) *Sender {
	dialer := &net.Dialer{Timeout: connectTimeout, Control: policy.Control}
	return &Sender{
		Timeout: sendTimeout,
		policy:  policy,
		dialer:  dialer,
		// A transport alone follows no redirect, keeps no cookies, and asks no proxy that is not named here.
		transport: &http.Transport{
			DialContext:            dialer.DialContext,
			TLSHandshakeTimeout:    connectTimeout,
			ForceAttemptHTTP2:      true,
			DisableCompression:     true, // a little gzip can be a lot of bytes
			MaxResponseHeaderBytes: maxAnswerHeader,
			MaxIdleConns:           idleTotal,
			MaxIdleConnsPerHost:    idlePerHost,
			IdleConnTimeout:        idleTimeout,
		},
	}
}

// Close closes the connections that wait for another message. Those in use are closed when their message
// is sent.
func (s *Sender) Close() { s.transport.CloseIdleConnections() }

// Send sends a message once and waits for the answer, until the Timeout or the end of ctx.
func (s *Sender) Send(ctx context.Context, message Message) Answer {
	start := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, s.Timeout, errLate)
	defer cancel()
	answer, err := s.exchange(ctx, message)
	if err != nil {
		answer.Err = explain(ctx, err)
	}
	answer.Took = time.Since(start)
	return answer
}

func (s *Sender) exchange(ctx context.Context, message Message) (Answer, error) {
	request, err := s.request(ctx, message)
	if err != nil {
		return Answer{}, err
	}
	response, err := s.transport.RoundTrip(request)
	if err != nil {
		return Answer{}, err
	}
	defer response.Body.Close()
	return Answer{
		Status:     response.StatusCode,
		Body:       excerpt(response),
		RetryAfter: retryAfter(response.Header.Get("Retry-After"), time.Now()),
	}, nil
}

// request makes the signed request. The URL is checked again: the policy may have been another when it was
// registered.
func (s *Sender) request(ctx context.Context, message Message) (*http.Request, error) {
	if !message.Secrets.Known() || message.ID == "" || strings.Contains(message.ID, ".") {
		return nil, errUnsignable
	}
	if err := s.policy.CheckURL(message.URL); err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, message.URL, bytes.NewReader(message.Body))
	if err != nil {
		return nil, refusedError("this is not a URL")
	}
	// A value without elements is not sent. It tells the transport that the message may go out twice, on a
	// new connection, if the receiver has just closed the old one: its id is the same.
	request.Header["Idempotency-Key"] = []string{}
	if err := addHeaders(request.Header, message.Header); err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "Freshet")
	message.Secrets.Sign(request.Header, message.ID, time.Now(), message.Body)
	return request, nil
}

// excerpt reads what is kept of an answer's body, and a little more, so that the connection can be used
// again. A body that breaks off or does not end takes nothing from the status, which came before it.
func excerpt(response *http.Response) []byte {
	if response.StatusCode < http.StatusOK {
		return nil // the connection now speaks another protocol, and no deadline watches it
	}
	kept, err := io.ReadAll(io.LimitReader(response.Body, maxAnswerKept))
	if err == nil {
		_, _ = io.CopyN(io.Discard, response.Body, maxAnswerRead-maxAnswerKept)
	}
	return kept
}
