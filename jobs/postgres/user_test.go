package postgres_test

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"freshet/jobs"
)

func login(account, address string) jobs.Login {
	return jobs.Login{Account: sha256.Sum256([]byte(account)), Address: sha256.Sum256([]byte(address))}
}

func newSession() jobs.Session {
	session := jobs.Session{ExpiresAt: time.Now().Add(time.Hour)}
	_, _ = rand.Read(session.Hash[:])
	return session
}

// Somebody signs in with the old password while it is changed. Whichever comes first, nobody is signed in
// by the old password afterwards.
func TestSignInRacesWithChange(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, err := b.CreateUser(t.Context(), "ada", "hash 0", false)
	b.ok(err)
	opened := 0
	for i := range 100 {
		old, fresh := fmt.Sprintf("hash %d", i), fmt.Sprintf("hash %d", i+1)
		sessions := []jobs.Session{newSession(), newSession(), newSession()}
		before := newSession()
		_, err := b.SignIn(t.Context(), "ada", old, before, login("ada", "x"))
		b.ok(err)
		var both sync.WaitGroup
		for _, session := range sessions {
			both.Go(func() {
				_, err := b.SignIn(t.Context(), "ada", old, session, login("ada", "x"))
				if err != nil && !errors.Is(err, jobs.ErrNotFound) {
					t.Error(err)
				}
			})
		}
		both.Go(func() {
			_, err := b.ChangeUser(t.Context(), "ada", jobs.UserChange{Password: &fresh})
			if err != nil {
				t.Error(err)
			}
		})
		both.Wait()
		for _, session := range append(sessions, before) {
			if _, err := b.Session(t.Context(), session.Hash); !errors.Is(err, jobs.ErrNotFound) {
				t.Fatalf("round %d: a session of the old password is good: %v", i, err)
			}
			good, err := b.GoodCredentials(t.Context(), [][]byte{session.Hash[:]})
			b.ok(err)
			if len(good) != 0 {
				t.Fatalf("round %d: a stream of the old password goes on", i)
			}
		}
		var rows int
		b.ok(b.Pool().QueryRow(t.Context(), `SELECT count(*) FROM freshet.sessions`).Scan(&rows))
		opened += rows
	}
	t.Logf("%d sessions were stored behind the back of a change, and are good for nothing", opened)
}

// Tries of the same names and addresses come in any order at once: none is lost, and nothing deadlocks.
func TestCountsAddUp(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, err := b.CreateUser(t.Context(), "name 0", "hash", false)
	b.ok(err)
	limits := jobs.LoginLimits{Account: 40, Address: 60, Span: time.Hour}
	var all sync.WaitGroup
	var mu sync.Mutex
	passed := map[string]int{}
	for i := range 8 {
		all.Go(func() {
			for j := range 40 {
				name, address := fmt.Sprintf("name %d", (i+j)%3), fmt.Sprintf("address %d", (i*j)%4)
				wait, err := b.CountLogin(t.Context(), login(name, address), limits)
				if err != nil {
					t.Error(err)
					return
				}
				if wait < 0 || wait > time.Hour {
					t.Errorf("wait %v", wait)
				}
				mu.Lock()
				if wait == 0 {
					passed[name]++
					passed[address]++
				}
				mu.Unlock()
				if _, err := b.SignIn(t.Context(), name, "wrong", newSession(), login(name, address)); !errors.Is(err, jobs.ErrNotFound) {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	for key, n := range passed {
		if limit := map[byte]int{'n': limits.Account, 'a': limits.Address}[key[0]]; n > limit {
			t.Errorf("%s: %d tries got through, and %d may", key, n, limit)
		}
	}
	for i := range 3 {
		if n := passed[fmt.Sprintf("name %d", i)]; n != limits.Account {
			t.Errorf("name %d: %d tries got through", i, n)
		}
	}
}

func TestForgottenLogins(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, err := b.CreateUser(t.Context(), "ada", "hash", false)
	b.ok(err)
	fresh, late := newSession(), newSession()
	late.ExpiresAt = time.Now().Add(-time.Second)
	for _, session := range []jobs.Session{fresh, late} {
		_, err := b.SignIn(t.Context(), "ada", "hash", session, login("ada", "x"))
		b.ok(err)
		b.ok(b.SaveLoginLink(t.Context(), session))
	}
	for name, span := range map[string]time.Duration{"fresh": time.Hour, "late": 0} {
		_, err := b.CountLogin(t.Context(), login(name, "at "+name), jobs.LoginLimits{Account: 1, Address: 1, Span: span})
		b.ok(err)
	}
	b.ok(b.ForgetExpired(t.Context()))
	for table, want := range map[string]int{"sessions": 1, "login_links": 1, "rate_counters": 2} {
		var rows int
		b.ok(b.Pool().QueryRow(t.Context(), `SELECT count(*) FROM freshet.`+table).Scan(&rows))
		if rows != want {
			t.Errorf("%s: %d rows, want %d", table, rows, want)
		}
	}
}
