package postgres_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"freshet/jobs"
)

func (b *bench) endpoint() jobs.Endpoint {
	b.t.Helper()
	e := jobs.Endpoint{ID: uuid.New(), Owner: "ada", URL: "https://example.com", Events: jobs.Ends(), Kinds: []string{}, Enabled: true}
	e.Signing.Secrets = []byte("x")
	b.ok(b.CreateEndpoint(b.t.Context(), e, 10))
	return e
}

// Each change stands on the one before: what two change at once is changed by both.
func TestChangesOfAnEndpointAreNotLost(t *testing.T) {
	t.Parallel()
	const writers, each = 4, 10
	b := newBench(t)
	e := b.endpoint()
	var all sync.WaitGroup
	for writer := range writers {
		all.Go(func() {
			for i := range each {
				b.ok(b.ChangeEndpoint(t.Context(), e.ID, func(e *jobs.Endpoint, _ time.Time) error {
					e.Kinds = append(e.Kinds, fmt.Sprintf("kind-%d-%d", writer, i))
					return nil
				}))
			}
		})
	}
	all.Wait()
	now, err := b.Endpoint(t.Context(), e.ID)
	b.ok(err)
	if len(now.Kinds) != writers*each {
		t.Errorf("%d of %d changes are left", len(now.Kinds), writers*each)
	}
}

func TestRefusedChangeOfAnEndpointChangesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	e := b.endpoint()
	refusal := errors.New("refused")
	err := b.ChangeEndpoint(t.Context(), e.ID, func(e *jobs.Endpoint, _ time.Time) error { e.URL = "https://else.where"; return refusal })
	if !errors.Is(err, refusal) {
		t.Errorf("error %v", err)
	}
	if now, err := b.Endpoint(t.Context(), e.ID); err != nil || now.URL != e.URL || !now.UpdatedAt.Equal(now.CreatedAt) {
		t.Errorf("after a refused change: %+v, %v", now, err)
	}
	if err := b.ChangeEndpoint(t.Context(), uuid.New(), nil); !errors.Is(err, jobs.ErrNotFound) {
		t.Errorf("change of none: %v", err)
	}
}

// A key has two secrets while it is rotated. What it signs with changes in the same transaction, or nothing does.
func TestRotatedKeySignsWithAnother(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first, second := jobs.KeySecret{Hash: [32]byte{1}, Prefix: "a"}, jobs.KeySecret{Hash: [32]byte{2}, Prefix: "b"}
	b.ok(b.CreateKey(t.Context(), jobs.Key{Name: "web-app", Owner: "web-app", Secrets: []jobs.KeySecret{first}, Signing: []byte("old")}))
	refusal := errors.New("refused")
	refuse := func(jobs.Signing, time.Time) (jobs.Signing, error) { return jobs.Signing{}, refusal }
	if err := b.RotateKey(t.Context(), "web-app", second, time.Hour, refuse); !errors.Is(err, refusal) {
		t.Errorf("error %v", err)
	}
	if keys, err := b.Keys(t.Context()); err != nil || len(keys) != 1 || len(keys[0].Secrets) != 1 {
		t.Errorf("after a rotation that failed: %+v, %v", keys, err)
	}
	b.ok(b.RotateKey(t.Context(), "web-app", second, time.Hour, func(before jobs.Signing, now time.Time) (jobs.Signing, error) {
		if string(before.Secrets) != "old" {
			t.Errorf("before it signed with %q", before.Secrets)
		}
		return jobs.Signing{Secrets: []byte("new"), Until: &now}, nil
	}))
	keys, err := b.Keys(t.Context())
	b.ok(err)
	if secrets := keys[0].Secrets; len(secrets) != 2 || secrets[0].Prefix != "b" || secrets[0].ExpiresAt != nil || secrets[1].ExpiresAt == nil {
		t.Errorf("after the rotation: %+v", secrets)
	}
	if n := b.count(`SELECT count(*) FROM freshet.api_keys WHERE signing = 'new' AND signing_until IS NOT NULL`); n != 1 {
		t.Error("it does not sign with another")
	}
}
