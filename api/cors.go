package api

import (
	"net/http"
	"slices"
)

const (
	anyOrigin      = "*"
	corsMethods    = "GET, HEAD, POST, DELETE"
	corsHeaders    = "Authorization, Content-Type, If-None-Match, X-Request-Id"
	corsExposed    = "ETag, Idempotency-Replayed, Location, Retry-After, X-Request-Id"
	corsMaxSeconds = "600"
)

// crossOrigin lets web pages of the given origins call the API: those exactly, or all of them. Keys
// are sent as a header that pages set themselves, so credentials of the browser are never asked for.
func crossOrigin(origins []string) func(http.Handler) http.Handler {
	wildcard := slices.Contains(origins, anyOrigin)
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
			case origin != "" && slices.Contains(origins, origin):
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
