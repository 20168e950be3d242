package cmd_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func testSchedules(t *testing.T, p *program) {
	t.Helper()
	wantIn(t, p.must(0, "schedules").stdout, "leap-day", "talk", "0 12 29 2 *", "Asia/Tokyo", "file", "open")
	wantIn(t, p.must(0, "schedules", "pause", "leap-day").stdout, "schedule leap-day paused")
	wantIn(t, p.must(0, "schedules").stdout, "paused for")
	resumed := parse[struct{ NextAt time.Time }](p, p.must(0, "schedules", "resume", "leap-day", "--json").stdout)
	if resumed.NextAt.Month() != time.February || resumed.NextAt.Day() != 29 || resumed.NextAt.Hour() != 3 {
		t.Errorf("resumed: %+v", resumed)
	}
	made := parse[task](p, p.must(0, "schedules", "run", "leap-day", "--json").stdout)
	p.must(0, "get", made.ID, "--wait")
	words := strings.Fields(p.must(0, "schedules", "run", "leap-day").stdout)
	if len(words) < 2 || len(words[0]) != 36 {
		t.Errorf("run printed %q", words)
	}
	p.must(1, "schedules", "run", "none")
	p.must(2, "schedules", "none")
}

// A schedule of a freshet.yaml that is changed while the program runs is there at once, and makes a task
// at its time.
func TestScheduleMakesATask(t *testing.T) {
	t.Parallel()
	p := newProgram(t, trueKinds).start()
	text := trueKinds + "schedules:\n  - {name: often, cron: '* * * * *', kind: nothing, tags: [mine]}\n"
	if err := os.WriteFile(filepath.Join(p.folder, "freshet.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p.until("it has made a task", func() bool {
		return strings.Contains(p.client("tasks", "--tag", "mine", "--state", "completed", "--json").stdout, `"schedule":"often"`)
	})
	if r := p.must(0, "schedules"); strings.Contains(r.stdout, "failed") {
		t.Errorf("schedules: %s", r.stdout)
	}
	if err := os.WriteFile(filepath.Join(p.folder, "freshet.yaml"), []byte(trueKinds), 0o600); err != nil {
		t.Fatal(err)
	}
	p.until("it is gone", func() bool { return !strings.Contains(p.must(0, "schedules").stdout, "often") })
}
