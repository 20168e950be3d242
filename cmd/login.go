package cmd

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"time"

	"freshet/jobs"
	"freshet/jobs/postgres"
)

// loginLife is how long a link that signs a browser in is good, unless it is used before.
const loginLife = time.Hour

// loginLink makes a link that signs a browser in as the admin, once.
func loginLink(ctx context.Context, store *postgres.Store, address string) (string, error) {
	code := rand.Text() + rand.Text()
	err := store.SaveLoginLink(ctx, jobs.Session{
		Hash: sha256.Sum256([]byte(code)), Owner: jobs.GivenKey, Admin: true, ExpiresAt: time.Now().Add(loginLife),
	})
	return address + "/login#code=" + code, err
}
