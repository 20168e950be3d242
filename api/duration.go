package api

import (
	"strconv"
	"strings"
	"time"
)

// longest is more than any duration of the API may be, and small enough to add to any time.
const longest = 10 * 366 * 24 * time.Hour

// parseDuration reads 30s, 1h30m, 250ms or 7d, and nothing negative.
func parseDuration(text string) (time.Duration, bool) {
	var duration time.Duration
	if days, isDays := strings.CutSuffix(text, "d"); isDays {
		count, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return 0, false
		}
		duration = time.Duration(count) * 24 * time.Hour
	} else {
		var err error
		if duration, err = time.ParseDuration(text); err != nil || strings.HasPrefix(text, "-") {
			return 0, false
		}
	}
	return duration, duration <= longest
}
