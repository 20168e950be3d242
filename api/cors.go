package api

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

const (
	anyOrigin      = "*"
	corsMethods    = "GET, HEAD, POST, PATCH, DELETE"
	corsHeaders    = "Authorization, Content-Type, If-None-Match, Last-Event-ID, X-Request-Id"
	corsExposed    = "ETag, Idempotency-Replayed, Location, Retry-After, X-Request-Id"
	corsMaxSeconds = "600"

	// anyPort stands at the end of an origin that is allowed with whatever port.
	anyPort = ":*"
)

// crossOrigin lets web pages of the given origins call the API: those exactly, those before a ":*" with
// any port, or all of them. Keys are sent as a header that pages set themselves, so credentials of the
// browser are never asked for.
func crossOrigin(origins []string) func(http.Handler) http.Handler {
	wildcard := slices.Contains(origins, anyOrigin)
	allowed := func(origin string) bool {
		return slices.Contains(origins, origin) || slices.Contains(origins, withAnyPort(origin))
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			header, origin := w.Header(), r.Header.Get("Origin")
			preflight := r.Method == http.MethodOptions && origin != "" && r.Header.Get("Access-Control-Request-Method") != ""
			if !wildcard {
				header.Add("Vary", "Origin")
			}
			switch {
			case wildcard:
				header.Set("Access-Control-Allow-Origin", anyOrigin)
			case origin != "" && allowed(origin):
				header.Set("Access-Control-Allow-Origin", origin)
			case preflight:
				w.WriteHeader(http.StatusNoContent) // without the headers it is a refusal
				return
			default:
				next.ServeHTTP(w, r)
				return
			}
			if preflight {
				header.Set("Access-Control-Allow-Methods", corsMethods)
				header.Set("Access-Control-Allow-Headers", corsHeaders)
				header.Set("Access-Control-Max-Age", corsMaxSeconds)
				w.WriteHeader(http.StatusNoContent)
				return
			}
			header.Set("Access-Control-Expose-Headers", corsExposed)
			next.ServeHTTP(w, r)
		})
	}
}

// withAnyPort is the pattern that an origin with a port matches; without one it is no pattern.
func withAnyPort(origin string) string {
	at := strings.LastIndexByte(origin, ':')
	if at < 0 {
		return origin
	}
	if _, err := strconv.ParseUint(origin[at+1:], 10, 16); err != nil {
		return origin
	}
	return origin[:at] + anyPort
}
