package webhook_test

import (
	"testing"
	"time"

	"freshet/jobs/webhook"
)

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	tests := map[string]time.Duration{
		"":                                    0,
		"0":                                   0,
		"120":                                 2 * time.Minute,
		"86400":                               24 * time.Hour,
		"86401":                               24 * time.Hour,
		"9223372036854775807":                 24 * time.Hour,
		"99999999999999999999999999999999999": 24 * time.Hour,
		"-5":                                  0,
		"1.5":                                 0,
		"soon":                                0,
		"Fri, 02 Jan 2026 03:05:05 GMT":       time.Minute,
		"Friday, 02-Jan-26 03:05:05 GMT":      time.Minute,
		"Fri Jan  2 03:05:05 2026":            time.Minute,
		"Thu, 01 Jan 2026 03:04:05 GMT":       0,
		"Fri, 02 Jan 2126 03:04:05 GMT":       24 * time.Hour,
	}
	for text, want := range tests {
		if got := webhook.RetryAfter(text, now); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}
