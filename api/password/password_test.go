package password_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"freshet/api/password"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCheck(t *testing.T) {
	t.Parallel()
	h := password.New(2)
	const mine = "correct horse"
	hash, err := h.Hash(t.Context(), mine)
	if err != nil || !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") || strings.Contains(hash, mine) {
		t.Fatalf("%s, error %v", hash, err)
	}
	if again, err := h.Hash(t.Context(), mine); err != nil || again == hash {
		t.Errorf("the same salt twice, error %v", err)
	}
	for text, want := range map[string]bool{
		mine: true, "Correct horse": false, mine + " ": false, "": false, "correct horse\x00": false, strings.Repeat("x", 4000): false,
	} {
		if got, err := h.Check(t.Context(), text, hash); got != want || err != nil {
			t.Errorf("%.20q: %v, error %v", text, got, err)
		}
		if got, err := h.Check(t.Context(), text, ""); got || err != nil {
			t.Errorf("%.20q is the password of nobody: error %v", text, err)
		}
	}
	for _, damaged := range []string{"x", hash[:len(hash)-1], strings.Replace(hash, "t=2", "t=1", 1), strings.Replace(hash, "argon2id", "argon2i", 1), hash + "$"} {
		if got, err := h.Check(t.Context(), mine, damaged); got || !errors.Is(err, password.ErrDamaged) {
			t.Errorf("%s: %v, error %v", damaged, got, err)
		}
	}
}

// A keyboard may write é as one character or as two.
func TestNormalForms(t *testing.T) {
	t.Parallel()
	h := password.New(2)
	const composed, decomposed = "caf\u00e9 caf\u00e9", "cafe\u0301 cafe\u0301"
	hash, err := h.Hash(t.Context(), decomposed)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{composed: true, decomposed: true, "cafe cafe": false, "\uff43afé café": false} {
		if got, err := h.Check(t.Context(), text, hash); got != want || err != nil {
			t.Errorf("%+q: %v, error %v", text, got, err)
		}
	}
}

func TestLengths(t *testing.T) {
	t.Parallel()
	h := password.New(2)
	for text, fit := range map[string]bool{
		"": false, "1234567": false, "12345678": true, "ééééééé": false, "éééééééé": true,
		strings.Repeat("e\u0301", 7): false, strings.Repeat("e\u0301", 128): true,
		strings.Repeat("😀", 128): true, strings.Repeat("x", 129): false,
	} {
		if _, err := h.Hash(t.Context(), text); (err == nil) != fit || !fit && !errors.Is(err, password.ErrUnfit) {
			t.Errorf("%.20q: error %v", text, err)
		}
	}
}

// Who waits for a place leaves when its context ends, and those who have one are not harmed.
func TestWaitingEnds(t *testing.T) {
	t.Parallel()
	h := password.New(1)
	gone, leave := context.WithCancel(t.Context())
	leave()
	var all sync.WaitGroup
	refused := make(chan error, 8)
	for range cap(refused) {
		all.Go(func() {
			_, err := h.Check(gone, "password", "")
			refused <- err
		})
	}
	hash, err := h.Hash(t.Context(), "password")
	all.Wait()
	close(refused)
	for got := range refused {
		if got != nil && !errors.Is(got, context.Canceled) {
			t.Errorf("error %v", got)
		}
	}
	if ok, checked := h.Check(t.Context(), "password", hash); !ok || err != nil || checked != nil {
		t.Errorf("%v, errors %v, %v", ok, err, checked)
	}
}
