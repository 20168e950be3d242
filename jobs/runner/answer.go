package runner

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"freshet/jobs"
	"freshet/jobs/redact"
)

const (
	maxAnswer   = maxEventFile    // bytes of an answer in lines, altogether
	maxRefusal  = 4 << 10         // bytes that are kept of an answer that is no success
	refusalTime = 5 * time.Second // for those bytes to come
)

// answer is what a route answers. What stands below lines is set when lines is closed.
type answer struct {
	hangUp    context.CancelFunc
	secrets   *redact.Redactor
	connected atomic.Bool // whether the request may have reached the route
	lines     chan []byte // of an answer in lines, as they come

	whole      []byte        // an answer in one piece
	unsent     error         // why there was no connection
	cut        error         // how the answer ended too early, not in the middle of a line
	failure    *jobs.Failure // what else is wrong with it
	retryAfter time.Duration
}

// receive sends the request and reads the answer to its end.
func (n *answer) receive(request *http.Request) {
	defer close(n.lines)
	transport := newTransport()
	defer transport.CloseIdleConnections()
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { n.connected.Store(true) }}
	// RoundTrip and no http.Client: no redirects, no cookies, and no errors that show the address.
	response, err := transport.RoundTrip(request.WithContext(httptrace.WithClientTrace(request.Context(), trace)))
	switch {
	case err == nil:
		defer response.Body.Close()
		n.read(response)
	case n.connected.Load():
		n.failure = fail(jobs.CodeUnfinished, "the connection ended before an answer came: %s", err)
	default:
		n.unsent = unreachableError{err}
	}
}

// read reads an answer of whatever status and type.
func (n *answer) read(response *http.Response) {
	switch {
	case response.StatusCode/100 != 2:
		n.refuse(response)
	case response.StatusCode == http.StatusNoContent:
	case response.Header.Get("Content-Encoding") != "" && response.Header.Get("Content-Encoding") != "identity":
		n.failure = fail(jobs.CodeBadOutput, "the answer is compressed (%s), which was not asked for", n.excerpt(response.Header.Get("Content-Encoding")))
	default:
		given := response.Header.Get("Content-Type")
		switch media, _, _ := mime.ParseMediaType(given); media {
		case typeJSON:
			n.readWhole(response)
		case typeLines:
			n.readLines(response)
		default:
			n.failure = fail(jobs.CodeBadOutput, "the answer is %q; it must be %s or %s, or have status 204", n.excerpt(given), typeJSON, typeLines)
		}
	}
}

// refuse keeps the status of an answer that is no success, and how its body begins.
func (n *answer) refuse(response *http.Response) {
	status := response.StatusCode
	defer time.AfterFunc(refusalTime, n.hangUp).Stop()
	beginning, _ := io.ReadAll(io.LimitReader(response.Body, maxRefusal)) // as much as there is
	n.failure = fail(jobs.CodeHTTPStatus, "the route answered %d %s", status, http.StatusText(status))
	if to := response.Header.Get("Location"); status/100 == 3 && to != "" {
		n.failure.Message += fmt.Sprintf(", to %q; redirects are not followed", n.excerpt(to))
	}
	stream := n.secrets.Stream()
	detail := string(stream.Pass(beginning))
	if len(beginning) < maxRefusal { // else what is held back may be a secret that was cut
		detail += string(stream.Rest())
	}
	n.failure.Detail = strings.TrimSpace(clean(detail))
	n.failure.Retryable = retryable(status)
	if n.failure.Retryable {
		n.retryAfter = parseRetryAfter(response.Header.Get("Retry-After"), time.Now())
	}
}

// retryable tells whether a status is one that may pass.
func retryable(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	default:
		return status >= http.StatusInternalServerError
	}
}

// parseRetryAfter reads the header of that name, seconds or a date, as RFC 9110 has it.
func parseRetryAfter(header string, now time.Time) time.Duration {
	var delay time.Duration
	if seconds, err := strconv.ParseUint(header, 10, 31); err == nil {
		delay = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(header); err == nil {
		delay = at.Sub(now)
	}
	return min(max(delay, 0), maxRetryAfter)
}

// readWhole reads an answer that is the output.
func (n *answer) readWhole(response *http.Response) {
	output, err := io.ReadAll(io.LimitReader(response.Body, maxLine+1))
	if err == nil && len(output) <= maxLine && !json.Valid(output) {
		err = untimely(io.EOF, response)
	}
	switch {
	case err != nil:
		n.failure = fail(jobs.CodeUnfinished, "the answer broke off after %d bytes: %s", len(output), err)
	case len(output) > maxLine:
		n.failure = fail(jobs.CodeBadOutput, "the answer is longer than %d bytes", maxLine)
	default:
		n.whole = output
	}
}

// readLines hands on the lines of an answer. One that is no JSON ends it: whoever writes such a line
// does not know the protocol, and what follows cannot be trusted.
func (n *answer) readLines(response *http.Response) {
	body := &io.LimitedReader{R: response.Body, N: maxAnswer + 1}
	reader := bufio.NewReader(body)
	for number := 1; n.failure == nil; number++ {
		line, err := readLine(reader)
		blank := len(bytes.TrimSpace(line)) == 0
		switch {
		case body.N <= 0:
			n.failure = fail(jobs.CodeBadOutput, "the answer is longer than %d bytes", maxAnswer)
		case errors.Is(err, errLongLine):
			n.failure = fail(jobs.CodeBadOutput, "line %d of the answer is longer than %d bytes", number, maxLine)
		case !blank && !json.Valid(line) && err != nil:
			n.failure = fail(jobs.CodeUnfinished, "the answer broke off in the middle of line %d", number)
		case !blank && !json.Valid(line):
			n.failure = fail(jobs.CodeBadOutput, "line %d of the answer is not JSON: %q", number, n.excerpt(string(line)))
		default:
			n.lines <- line
		}
		if err != nil && n.failure == nil {
			n.cut = untimely(err, response)
			return
		}
	}
}

// untimely tells an answer that was cut from one that came to its end. One without a length or chunks
// ends with the connection, so that nobody can know.
func untimely(err error, response *http.Response) error {
	switch {
	case !errors.Is(err, io.EOF):
		return err
	case response.ContentLength < 0 && len(response.TransferEncoding) == 0:
		return errNoEnd
	default:
		return nil
	}
}

var (
	errNoEnd    = errors.New("the connection ended, and nothing said that the answer was whole")
	errLongLine = errors.New("line is too long")
)

// readLine reads a line, at most maxLine of it. With an error comes what there is of the last line.
func readLine(reader *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		piece, err := reader.ReadSlice('\n')
		line = append(line, piece...)
		switch {
		case len(bytes.TrimRight(line, "\r\n")) > maxLine:
			return nil, errLongLine
		case !errors.Is(err, bufio.ErrBufferFull):
			return line, err
		}
	}
}

// excerpt is enough of a text to know it by.
func (n *answer) excerpt(text string) string {
	const enough = 80
	return clip(clean(n.secrets.String(text)), enough)
}
