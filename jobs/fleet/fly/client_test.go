package fly_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"freshet/jobs/fleet/fly"
)

func TestTokensHaveTheirScheme(t *testing.T) {
	t.Parallel()
	for token, want := range map[string]string{
		"fm2_abc":               "FlyV1 fm2_abc",
		"FlyV1 fm2_abc":         "FlyV1 fm2_abc",
		"Bearer fm2_abc,fm2_d":  "FlyV1 fm2_abc,fm2_d",
		" flyv1  fm1r_a,fo1_b ": "FlyV1 fm1r_a,fo1_b",
		"fo1_abc":               "Bearer fo1_abc",
		"bearer fo1_abc":        "Bearer fo1_abc",
		"fo1_abc,fm2_d":         "FlyV1 fo1_abc,fm2_d",
	} {
		if got := fly.Authorization(token); got != want {
			t.Errorf("%q: got %q, want %q", token, got, want)
		}
	}
}

func TestSizes(t *testing.T) {
	t.Parallel()
	for size, want := range map[string]string{
		"shared-cpu-1x": "shared 1 256", "shared-cpu-8x": "shared 8 2048",
		"performance-1x": "performance 1 2048", "performance-16x": "performance 16 32768",
	} {
		kind, cpus, memory, err := fly.Size(size)
		if got := fmt.Sprint(kind, " ", cpus, " ", memory); err != nil || got != want {
			t.Errorf("%s: got %s, %v", size, got, err)
		}
	}
	for _, size := range []string{"", "shared", "shared-cpu-3x", "shared-cpu-16x", "performance-2", "performance-18x", "performance--2x"} {
		if _, _, _, err := fly.Size(size); err == nil {
			t.Errorf("%q is a size", size)
		}
	}
}

func TestConfigsThatCannotWork(t *testing.T) {
	t.Parallel()
	good := fly.Config{App: "a", Token: "t", Image: "i", Install: "here", Pool: "p"}
	if _, err := fly.New(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*fly.Config){
		"no app": func(c *fly.Config) { c.App = "" }, "no token": func(c *fly.Config) { c.Token = " " },
		"no image": func(c *fly.Config) { c.Image = "" }, "no installation": func(c *fly.Config) { c.Install = "" },
		"no pool": func(c *fly.Config) { c.Pool = "" }, "no such size": func(c *fly.Config) { c.Size = "big" },
	} {
		bad := good
		change(&bad)
		if _, err := fly.New(bad); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// Three at once and one a second is what Fly lets through for each action on each machine.
func TestRequestsAreHeldBackByMachine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		wait, begin := fly.Paced(), time.Now()
		after := func(action, key string, times int) time.Duration {
			t.Helper()
			for range times {
				if err := wait(t.Context(), action, key); err != nil {
					t.Fatal(err)
				}
			}
			return time.Since(begin)
		}
		if took := after(fly.ActionStart, "a", 3); took != 0 {
			t.Errorf("a burst took %v", took)
		}
		for i := range 300 {
			if took := after(fly.ActionStart, fmt.Sprint("other ", i), 1); took != 0 {
				t.Fatalf("another machine waited %v", took)
			}
		}
		if took := after(fly.ActionStart, "a", 2); took != 2*time.Second {
			t.Errorf("two more took %v", took)
		}
		if took := after(fly.ActionGet, "a", 15) - 2*time.Second; took != time.Second {
			t.Errorf("15 looks took %v", took)
		}
		cause := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(cause)
		if err := wait(ctx, fly.ActionStart, "new"); !errors.Is(err, cause) {
			t.Errorf("got %v", err)
		}
	})
}
