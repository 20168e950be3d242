package webhook

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"
)

const (
	maxRetryAfter  = 24 * time.Hour
	maxExplanation = 300 // bytes
)

var errLate = errors.New("the receiver did not answer in time")

const errUnsignable = refusedError("the message has no secret to be signed with, or an id with a dot")

// Answer is what became of one sending. If Err is empty then Status is known, good or bad.
type Answer struct {
	Status     int
	Body       []byte        // of the answer, 4 KiB at most; any bytes, not text
	Err        string        // why there is no answer, for people; shows no header and no secret
	RetryAfter time.Duration // what the receiver asked for: 0 to 24 h
	Took       time.Duration
}

// OK tells whether the receiver has taken the message: with any status of 2xx, and with no other.
func (a Answer) OK() bool { return a.Status >= 200 && a.Status <= 299 }

// Gone tells whether the receiver wants no more messages: with 410.
func (a Answer) Gone() bool { return a.Status == http.StatusGone }

// retryAfter reads a Retry-After of either form. What cannot be read, or has passed, is 0.
func retryAfter(text string, now time.Time) time.Duration {
	seconds, err := strconv.ParseUint(text, 10, 64)
	if err == nil || errors.Is(err, strconv.ErrRange) {
		return min(time.Duration(min(seconds, uint64(maxRetryAfter/time.Second)))*time.Second, maxRetryAfter)
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), maxRetryAfter)
}

// explain says why there is no answer. The words are ours but for the system's and those of TLS: the
// transport's own name addresses of this machine's network, and repeat what the receiver has sent, which
// may be the headers that it was given.
func explain(ctx context.Context, err error) string {
	var refusal refusedError
	var resolving *net.DNSError
	var number syscall.Errno
	switch {
	case errors.As(err, &refusal):
		return refusal.Error()
	case errors.Is(context.Cause(ctx), errLate):
		return errLate.Error()
	case ctx.Err() != nil:
		return "the sending was broken off"
	case errors.As(err, &resolving) && resolving.IsNotFound:
		return "DNS: there is no such host"
	case errors.As(err, &resolving):
		return "DNS: the host's name cannot be resolved now"
	case errors.As(err, &number):
		return number.Error()
	}
	return explainProtocol(err)
}

// explainProtocol is explain for what went wrong after the connection was made.
func explainProtocol(err error) string {
	var certificate *tls.CertificateVerificationError
	var alert tls.AlertError
	var record tls.RecordHeaderError
	var network net.Error
	switch {
	case errors.As(err, &certificate):
		return "TLS: " + plain(certificate.Err.Error())
	case errors.As(err, &alert):
		return "TLS: the receiver refuses: " + plain(alert.Error())
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &record):
		return "TLS: the receiver speaks another protocol at this port"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the receiver closed the connection without an answer"
	case errors.As(err, &network) && network.Timeout():
		return errLate.Error()
	}
	return "the receiver's answer is not valid HTTP, or has too large a header"
}

// plain is text of somebody else as one short line.
func plain(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, strings.ToValidUTF8(text, ""))
	if len(text) > maxExplanation {
		text = strings.ToValidUTF8(text[:maxExplanation], "") + "…"
	}
	return text
}
