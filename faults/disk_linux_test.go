package faults_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestDatabaseDiskFull fills the disk under PostgreSQL while tasks run. What cannot be stored is refused, the
// server may go down, and when there is room again all that was acknowledged is done, once.
func TestDatabaseDiskFull(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root may mount a small disk")
	}
	small := t.TempDir()
	if err := os.Chmod(filepath.Dir(small), 0o755); err != nil { // PostgreSQL runs as another user
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", small, "tmpfs", 0, "size=192m"); err != nil {
		t.Skip("cannot mount a small disk:", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(small, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	s := newServerIn(t, filepath.Join(small, "data"))
	r := newRun(t, s.url, 4, time.Minute)
	c := r.readyAPI()
	for range 2 {
		r.worker(r.database)
	}
	for i := range 20 {
		r.submit(work(i, "1"), c)
	}
	filler := filepath.Join(small, "filler")
	fill(t, filler)
	refused := 0
	padding := make([]byte, 64<<10)
	for i := 0; refused < 200 && i < 1000; i++ { // what room there is in files that exist is soon taken
		_, _ = rand.Read(padding) // never fails
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		large := order("work", i, map[string]string{"seconds": "0", "padding": hex.EncodeToString(padding)})
		answer, err := c.Submit(ctx, large)
		cancel()
		switch status := statusOf(err); {
		case err == nil:
			r.acknowledge(answer.Value.ID, large)
		case status >= http.StatusInternalServerError || status == 0: // refused, or there was no answer in time
			refused++
		default:
			t.Fatalf("a submit to a full disk: %v", err)
		}
	}
	if refused == 0 {
		t.Error("the disk was never full: this tested nothing")
	}
	r.ok(os.Remove(filler))
	s.revive()
	r.settle()
	r.verify(c)
}

// fill takes all the room that there is.
func fill(t *testing.T, path string) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }() // full as it is
	block := make([]byte, 64<<10)
	for {
		if _, err := file.Write(block); errors.Is(err, unix.ENOSPC) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
