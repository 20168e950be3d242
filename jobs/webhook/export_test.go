package webhook

import (
	"net"
	"net/http"
)

// RetryAfter reads that header.
var RetryAfter = retryAfter

// Dialer is what the sender connects with.
func (s *Sender) Dialer() *net.Dialer { return s.dialer }

// Transport is what the sender sends with.
func (s *Sender) Transport() *http.Transport { return s.transport }
