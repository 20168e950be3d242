package faults_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// beats are the times at which an attempt of the kind hold said that it lives, as whole lines tell them.
func (r *run) beats(task string, attempt int) (times []time.Time) {
	r.t.Helper()
	text, _ := os.ReadFile(filepath.Join(r.folder, "beats", fmt.Sprintf("%s.%d", task, attempt))) // none yet
	for line := range strings.Lines(string(text)) {
		nanos, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
		if err == nil && strings.HasSuffix(line, "\n") {
			times = append(times, time.Unix(0, nanos))
		}
	}
	return times
}

// effects is how many the ledger has.
func (r *run) effects() int {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join(r.folder, "ledger"))
	r.ok(err)
	return strings.Count(string(text), "\n")
}
