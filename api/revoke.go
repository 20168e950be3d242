package api

import (
	"context"
	"crypto/sha256"
	"time"
)

// credential is the SHA-256 of the key or the session that let a caller in. It is zero for a JWT and for a
// token that was not made in a session: they end by themselves.
type credential [sha256.Size]byte

// runRevoke closes, again and again until ctx ends, the streams of keys and sessions that are good no
// more.
func (s *Server) runRevoke(ctx context.Context) {
	ticker := time.NewTicker(s.limits.Revoke)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := s.revoke(ctx); err != nil && ctx.Err() == nil {
			s.logger.Warn("open streams were not compared with the keys; the next look does it", "error", err)
		}
	}
}

func (s *Server) revoke(ctx context.Context) error {
	open := s.streams.credentials()
	if len(open) == 0 {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, s.limits.Work)
	defer cancel()
	good, err := s.store.GoodCredentials(limited, open)
	if err != nil {
		return err
	}
	for _, hash := range open { // not those that were opened meanwhile
		if c := credential(hash); !good[c] {
			s.streams.end(c)
		}
	}
	return nil
}
