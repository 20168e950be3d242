package tracing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

const (
	uploadTime = 10 * time.Second
	// maxReply bounds what is read of a collector's answer, so that its connection can be used again.
	maxReply = 64 << 10
)

// uplink sends spans as OTLP over HTTP, in protobuf. OpenTelemetry's own does the same, and brings all of gRPC
// with it: eight megabytes of program for one request.
type uplink struct {
	address string
	headers map[string]string
	client  *http.Client
}

func newUplink(options Options) *uplink {
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &uplink{
		address: strings.TrimRight(options.Collector, "/") + "/v1/traces", headers: options.Headers,
		client: &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment}, Timeout: uploadTime, CheckRedirect: stay},
	}
}

// Start implements otlptrace.Client.
func (*uplink) Start(context.Context) error { return nil }

// Stop implements otlptrace.Client.
func (u *uplink) Stop(context.Context) error {
	u.client.CloseIdleConnections()
	return nil
}

// UploadTraces implements otlptrace.Client. TracesData is, on the wire, the request that collectors take.
func (u *uplink) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	body, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: spans})
	if err != nil {
		return fmt.Errorf("encode spans: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, u.address, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("send spans: %w", err)
	}
	request.Header.Set("Content-Type", "application/x-protobuf")
	for name, value := range u.headers {
		request.Header.Set(name, value)
	}
	answer, err := u.client.Do(request)
	if err != nil {
		return fmt.Errorf("send spans: %w", plain(err))
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, maxReply)) // only the status matters
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("send spans: the collector answers %s", answer.Status)
	}
	return nil
}

// plain drops the address, whose path may be a secret with some collectors.
func plain(err error) error {
	if wrapped, found := errors.AsType[*url.Error](err); found {
		return wrapped.Err
	}
	return err
}
