package webhook_test

import (
	"testing"
	"time"

	"freshet/jobs/webhook"
)

func TestDelay(t *testing.T) {
	t.Parallel()
	want := []time.Duration{
		0, 5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
		10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
	}
	var total time.Duration
	for failures, base := range want {
		total += base
		for _, random := range []float64{0, 0.5, 1} {
			latest := base + time.Duration(float64(base)*random/10)
			if got, again := webhook.Delay(failures, 0, random); !again || got != latest {
				t.Errorf("after %d failures with %v: %s, %t; want %s", failures, random, got, again, latest)
			}
		}
	}
	if total.Round(time.Hour) != 76*time.Hour {
		t.Errorf("%s in all", total)
	}
	for _, failures := range []int{10, 11, 1000} {
		if got, again := webhook.Delay(failures, time.Hour, 0); again || got != 0 {
			t.Errorf("after %d failures: %s, %t", failures, got, again)
		}
	}
}

func TestTheLongerDelayWins(t *testing.T) {
	t.Parallel()
	if got, _ := webhook.Delay(1, time.Minute, 0.5); got != time.Minute {
		t.Errorf("the receiver asked for a minute: %s", got)
	}
	if got, _ := webhook.Delay(2, time.Minute, 0); got != 5*time.Minute {
		t.Errorf("the schedule has 5 minutes: %s", got)
	}
}
