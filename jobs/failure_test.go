package jobs_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"freshet/jobs"
)

// TestRulesAreDocumented compares the table of codes with that of docs/failures.md: the same rows, in the
// same order.
func TestRulesAreDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/failures.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "| code | meaning | costs a try | retried | waits first |\n|---|---|---|---|---|\n")
	table, _, ended := strings.Cut(table, "\n\n")
	if !found || !ended {
		t.Fatal("docs/failures.md has no table of codes")
	}
	said := map[bool]string{true: "yes", false: "no"}
	var want []string
	for _, rule := range jobs.Rules() {
		waits := map[bool]string{true: "backoff", false: "no"}[rule.Backoff]
		if !rule.Retried {
			waits = "–"
		}
		want = append(want, fmt.Sprintf("| `%s` | %s | %s | %s | %s |", rule.Code, rule.Meaning, said[rule.CostsTry], said[rule.Retried], waits))
	}
	for i, row := range strings.Split(table, "\n") {
		if i >= len(want) || row != want[i] {
			t.Errorf("row %d of docs/failures.md is not in the code:\n%s", i+1, row)
		}
	}
	if rows := strings.Count(table, "\n") + 1; rows != len(want) {
		t.Errorf("%d rows, and %d codes", rows, len(want))
	}
}

// TestFollow goes through the rules: who gets another attempt, after what, and at what cost.
func TestFollow(t *testing.T) {
	t.Parallel()
	retry := jobs.Retry{MaxAttempts: 3, Initial: time.Second, Factor: 2, Max: time.Minute}
	for _, rule := range jobs.Rules() {
		failure := jobs.Failure{Code: rule.Code, Retryable: rule.Retried}
		next := jobs.Follow(failure, 0, 3, retry, 0, 0)
		if (next != nil) != rule.Retried {
			t.Errorf("%s: followed by %+v", rule.Code, next)
		}
		if next != nil && (next.CostsTry != rule.CostsTry || (next.Delay > 0) != rule.Backoff) {
			t.Errorf("%s: followed by %+v", rule.Code, next)
		}
		if last := jobs.Follow(failure, 2, 3, retry, 0, 0); (last != nil) != (rule.Retried && !rule.CostsTry) {
			t.Errorf("%s: the last try is followed by %+v", rule.Code, last)
		}
		if after := jobs.Follow(failure, 0, 3, retry, time.Hour, 0); after != nil && after.Delay != time.Hour {
			t.Errorf("%s: retryAfter is not obeyed: %+v", rule.Code, after)
		}
		failure.Retryable = false
		if next := jobs.Follow(failure, 0, 3, retry, time.Hour, 0); next != nil {
			t.Errorf("%s: retry false is followed by %+v", rule.Code, next)
		}
	}
}
