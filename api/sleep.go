package api

import (
	"context"
	"net/http"
)

// Sleep is whoever lets the database sleep while nothing is to be done.
type Sleep interface {
	// Enter keeps the database awake, once it is, until leave is called.
	Enter(ctx context.Context) (entered context.Context, leave func())
	// Asleep tells whether the database is to be left alone.
	Asleep() bool
}

// asleep tells whether whoever only looks how things are must not ask the database.
func (s *Server) asleep() bool { return s.sleep != nil && s.sleep.Asleep() }

// attended has the database not fall asleep during a request. What looks, time and again, how the process is
// keeps nothing awake.
func (s *Server) attended(next http.Handler) http.Handler {
	if s.sleep == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isProbe(r) {
			next.ServeHTTP(w, r)
			return
		}
		ctx, leave := s.sleep.Enter(r.Context())
		defer leave()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}
