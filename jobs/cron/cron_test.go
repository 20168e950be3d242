package cron_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"freshet/jobs/cron"
)

func schedule(t testing.TB, expression, zone string) cron.Schedule {
	t.Helper()
	s, err := cron.In(expression, zone)
	if err != nil {
		t.Fatalf("%s in %s: %v", expression, zone, err)
	}
	return s
}

// dues are the next times of a schedule, as the clocks show them, with their distance from UTC.
func dues(s cron.Schedule, after time.Time, n int) string {
	texts := make([]string, n)
	for i := range texts {
		after = s.Next(after)
		texts[i] = after.Format("01-02 15:04 -07")
		if _, offset := after.Zone(); offset%3600 != 0 {
			texts[i] = after.Format("01-02 15:04 -0700")
		}
	}
	return strings.Join(texts, ", ")
}

func TestNext(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ zone, expression, after, want string }{
		{"UTC", "*/15 * * * *", "2026-01-01T00:00:00Z", "01-01 00:15 +00, 01-01 00:30 +00, 01-01 00:45 +00, 01-01 01:00 +00"},
		{"UTC", "*/15 * * * *", "2026-01-01T00:14:59.9Z", "01-01 00:15 +00, 01-01 00:30 +00"},
		{"UTC", "5,7-9,20-40/10 0 * * *", "2026-01-01T00:00:00Z", "01-01 00:05 +00, 01-01 00:07 +00, 01-01 00:08 +00, 01-01 00:09 +00, 01-01 00:20 +00, 01-01 00:30 +00, 01-01 00:40 +00, 01-02 00:05 +00"},
		{"UTC", "0 9 * * MON-fri", "2026-01-02T09:00:00Z", "01-05 09:00 +00, 01-06 09:00 +00"},
		{"UTC", "0 9 * * sat-sun", "2026-01-01T00:00:00Z", "01-03 09:00 +00, 01-04 09:00 +00, 01-10 09:00 +00"},
		{"UTC", "0 9 * * 7", "2026-01-01T00:00:00Z", "01-04 09:00 +00, 01-11 09:00 +00"},
		{"UTC", "0 0 1 jan,JUL *", "2026-01-01T00:00:00Z", "07-01 00:00 +00, 01-01 00:00 +00"},
		{"UTC", "0 0 29 2 *", "2096-03-01T00:00:00Z", "02-29 00:00 +00"},
		// Days by month and by week: either; both, where one of them begins with *.
		{"UTC", "0 0 13 * 5", "2026-02-01T00:00:00Z", "02-06 00:00 +00, 02-13 00:00 +00, 02-20 00:00 +00, 02-27 00:00 +00, 03-06 00:00 +00, 03-13 00:00 +00"},
		{"UTC", "0 0 1 * 0", "2026-01-01T00:00:00Z", "01-04 00:00 +00, 01-11 00:00 +00, 01-18 00:00 +00, 01-25 00:00 +00, 02-01 00:00 +00"},
		{"UTC", "0 0 */2 * 1", "2026-01-01T00:00:00Z", "01-05 00:00 +00, 01-19 00:00 +00, 02-09 00:00 +00"},
		{"UTC", "0 0 30 2 1", "2026-01-01T00:00:00Z", "02-02 00:00 +00, 02-09 00:00 +00"},
		{"UTC", "0 0 29 2 */7", "2092-01-01T00:00:00Z", "02-29 00:00 +00"}, // a Sunday: next in 2128
		{"UTC", "@weekly", "2026-01-01T00:00:00Z", "01-04 00:00 +00, 01-11 00:00 +00"},
		{"UTC", "@Monthly", "2026-01-01T00:00:00Z", "02-01 00:00 +00"},
		{"Asia/Tokyo", "0 3 * * *", "2026-01-01T00:00:00Z", "01-02 03:00 +09, 01-03 03:00 +09"},

		// Spring: 02:00 becomes 03:00 on 2026-03-29.
		{"Europe/Berlin", "30 2 * * *", "2026-03-28T00:00:00Z", "03-28 02:30 +01, 03-29 03:00 +02, 03-30 02:30 +02"},
		{"Europe/Berlin", "0 3 * * *", "2026-03-28T12:00:00Z", "03-29 03:00 +02, 03-30 03:00 +02"},
		{"Europe/Berlin", "0,20,40 2 * * *", "2026-03-28T12:00:00Z", "03-29 03:00 +02, 03-30 02:00 +02, 03-30 02:20 +02"},
		{"Europe/Berlin", "*/20 2 * * *", "2026-03-28T12:00:00Z", "03-29 03:00 +02, 03-30 02:00 +02, 03-30 02:20 +02"},
		{"Europe/Berlin", "0 2,3 * * *", "2026-03-28T12:00:00Z", "03-29 03:00 +02, 03-30 02:00 +02, 03-30 03:00 +02"},
		{"Europe/Berlin", "0 1-4 * * *", "2026-03-28T12:00:00Z", "03-29 01:00 +01, 03-29 03:00 +02, 03-29 04:00 +02"},
		{"Europe/Berlin", "30 * * * *", "2026-03-29T00:00:00Z", "03-29 01:30 +01, 03-29 03:30 +02, 03-29 04:30 +02"},
		{"Europe/Berlin", "30 0-23 * * *", "2026-03-29T00:00:00Z", "03-29 01:30 +01, 03-29 03:30 +02"},
		{"Europe/Berlin", "0 */2 * * *", "2026-03-28T23:30:00Z", "03-29 04:00 +02, 03-29 06:00 +02"},
		// Autumn: 03:00 becomes 02:00 on 2026-10-25.
		{"Europe/Berlin", "30 2 * * *", "2026-10-24T12:00:00Z", "10-25 02:30 +02, 10-26 02:30 +01"},
		{"Europe/Berlin", "30 2 * * *", "2026-10-25T00:45:00Z", "10-26 02:30 +01"}, // between the two
		{"Europe/Berlin", "30 * * * *", "2026-10-24T23:45:00Z", "10-25 02:30 +02, 10-25 02:30 +01, 10-25 03:30 +01"},
		{"Europe/Berlin", "*/30 * * * *", "2026-10-25T00:15:00Z", "10-25 02:30 +02, 10-25 02:00 +01, 10-25 02:30 +01, 10-25 03:00 +01"},
		{"Europe/Berlin", "0 3 * * *", "2026-10-24T12:00:00Z", "10-25 03:00 +01, 10-26 03:00 +01"},
		{"America/New_York", "30 1 * * *", "2026-10-31T12:00:00Z", "11-01 01:30 -04, 11-02 01:30 -05"},
		{"America/New_York", "@hourly", "2026-11-01T04:30:00Z", "11-01 01:00 -04, 11-01 01:00 -05, 11-01 02:00 -05"},
		// Half an hour: 02:00 becomes 02:30 on 2026-10-04, and 01:30 on 2026-04-05.
		{"Australia/Lord_Howe", "15 2 * * *", "2026-10-03T00:00:00Z", "10-04 02:30 +11, 10-05 02:15 +11"},
		{"Australia/Lord_Howe", "45 1 * * *", "2026-04-04T00:00:00Z", "04-05 01:45 +11, 04-06 01:45 +1030"},
		{"Australia/Lord_Howe", "45 * * * *", "2026-04-04T14:00:00Z", "04-05 01:45 +11, 04-05 01:45 +1030, 04-05 02:45 +1030"},
		// A day that began at one o'clock, and one whose midnight came an hour late.
		{"America/Sao_Paulo", "0 0 * * *", "2018-11-03T12:00:00Z", "11-04 01:00 -02, 11-05 00:00 -02"},
		{"America/Sao_Paulo", "30 23 * * *", "2019-02-16T12:00:00Z", "02-16 23:30 -02, 02-17 23:30 -03"},
		{"America/Sao_Paulo", "0 0 * * *", "2019-02-16T12:00:00Z", "02-17 00:00 -03, 02-18 00:00 -03"},
		// An hour back for the month of Ramadan.
		{"Africa/Casablanca", "30 2 * * *", "2026-02-14T12:00:00Z", "02-15 02:30 +01, 02-16 02:30 +00"},
		{"Africa/Casablanca", "30 2 * * *", "2026-03-21T12:00:00Z", "03-22 03:00 +01, 03-23 02:30 +01"},
		// A day that there never was: its time is due at once.
		{"Pacific/Apia", "0 12 * * *", "2011-12-29T12:00:00Z", "12-29 12:00 -10, 12-31 00:00 +14, 12-31 12:00 +14"},
	} {
		after, err := time.Parse(time.RFC3339, c.after)
		if err != nil {
			t.Fatal(err)
		}
		if got := dues(schedule(t, c.expression, c.zone), after, strings.Count(c.want, ",")+1); got != c.want {
			t.Errorf("%s in %s\ngot  %s\nwant %s", c.expression, c.zone, got, c.want)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]string{
		"":                             "has 0 fields; it must have five: minute, hour, day of month, month, day of week",
		"* * * *":                      "has 4 fields; it must have five: minute, hour, day of month, month, day of week",
		"0 * * * * *":                  "has 6 fields; it must have five: minute, hour, day of month, month, day of week. There are no seconds",
		"60 * * * *":                   "minute: 60 is not from 0 to 59",
		"* 24 * * *":                   "hour: 24 is not from 0 to 23",
		"* * 0 * *":                    "day of month: 0 is not from 1 to 31",
		"* * * 13 *":                   "month: 13 is not from 1 to 12",
		"* * * janu *":                 `month: "janu" is neither a number from 1 to 12 nor a name such as feb`,
		"* * * * 8":                    "day of week: 8 is not from 0 to 7",
		"* * * * mo":                   `day of week: "mo" is neither a number from 0 to 7 nor a name such as mon`,
		"* * ? * *":                    `day of month: "?" is not a number from 1 to 31`,
		"* * L * *":                    `day of month: "L" is not a number from 1 to 31`,
		"-1 * * * *":                   `minute: "" is not a number from 0 to 59`,
		"+1 * * * *":                   `minute: "+1" is not a number from 0 to 59`,
		"1, * * * *":                   `minute: "" is not a number from 0 to 59`,
		"9-5 * * * *":                  "minute: 9-5 goes backwards",
		"*-5 * * * *":                  `minute: "*" is not a number from 0 to 59`,
		"1-2-3 * * * *":                `minute: "2-3" is not a number from 0 to 59`,
		"*/0 * * * *":                  `minute: "*/0": the step must be a number from 1 to 59`,
		"*/60 * * * *":                 `minute: "*/60": the step must be a number from 1 to 59`,
		"*/x * * * *":                  `minute: "*/x": the step must be a number from 1 to 59`,
		"5/10 * * * *":                 `minute: "5/10": a step is of * or of a range, such as 5-59/10`,
		"99999999999999999999 * * * *": `minute: "99999999999999999999" is not a number from 0 to 59`,
		"0 0 30 2 *":                   "day of month: there is no such day in these months, so it would never be due",
		"0 0 31 2,4,6,9,11 *":          "day of month: there is no such day in these months, so it would never be due",
		"@reboot":                      "@reboot is not known; there are @hourly, @daily, @weekly, @monthly and @yearly",
		"@every 5m":                    "has 2 fields; it must have five: minute, hour, day of month, month, day of week",
		strings.Repeat("1", 501):       "is longer than 500 bytes",
	} {
		if _, err := cron.Parse(expression, time.UTC); err == nil || err.Error() != want {
			t.Errorf("%q\ngot  %v\nwant %s", expression, err, want)
		}
	}
	for _, zone := range []string{"", "Local", "Mars/Olympus", "../etc/passwd", "/etc/localtime", "+09:00"} {
		if _, err := cron.In("* * * * *", zone); err == nil || !strings.Contains(err.Error(), "is no known time zone") {
			t.Errorf("%q: got %v", zone, err)
		}
	}
}

func TestLatest(t *testing.T) {
	t.Parallel()
	for _, expression := range []string{"* * * * *", "0 * * * *", "30 2 * * *", "0 0 29 2 *"} {
		s := schedule(t, expression, "Europe/Berlin")
		first := s.Next(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
		if got := s.Latest(first, first); !got.Equal(first) {
			t.Errorf("%s: at once %s", expression, got)
		}
		for _, away := range []time.Duration{time.Minute, 59 * time.Minute, 61 * time.Minute, 300 * time.Hour, 20 * 365 * 24 * time.Hour} {
			until := first.Add(away)
			got := s.Latest(first, until)
			if got.Before(first) || got.After(until) || !s.Next(got).After(until) {
				t.Errorf("%s, %s later: %s, and then %s", expression, away, got, s.Next(got))
			}
		}
	}
}

// zones have all kinds of changes in these years.
func zones() map[string]int {
	return map[string]int{
		"Europe/Berlin": 2024, "America/New_York": 2024, "Australia/Lord_Howe": 2024, "Asia/Tokyo": 2024,
		"America/Sao_Paulo": 2015, "Africa/Casablanca": 2024, "Asia/Kathmandu": 1985, "America/Havana": 2024,
	}
}

// A fixed local time is due on each date exactly once, at its time or, where that is skipped, at the change.
func TestDailyOncePerDate(t *testing.T) {
	t.Parallel()
	for zone, year := range zones() {
		for half := range 48 { // hours of the day
			s := schedule(t, fmt.Sprintf("%d %d * * *", half%2*30, half/2), zone)
			location, err := cron.Zone(zone)
			if err != nil {
				t.Fatal(err)
			}
			last := time.Date(year, 1, 1, 0, 0, 0, 0, location).Add(-1)
			for day := 1; day <= 365; day++ {
				next := s.Next(last)
				if date := time.Date(year, 1, day, 12, 0, 0, 0, location); next.Format(time.DateOnly) != date.Format(time.DateOnly) {
					t.Fatalf("%s: after %s comes %s", zone, last, next)
				}
				if change, _ := next.ZoneBounds(); (next.Hour() != half/2 || next.Minute() != half%2*30) && !next.Equal(change) {
					t.Fatalf("%s: %s is neither the time nor a change", zone, next)
				}
				last = next
			}
		}
	}
}

// An hourly schedule is due in each real hour. Only a change that is not of whole hours moves its minute.
func TestHourlyEachRealHour(t *testing.T) {
	t.Parallel()
	for zone, year := range zones() {
		for _, minute := range []int{0, 45} {
			s := schedule(t, fmt.Sprintf("%d * * * *", minute), zone)
			last := s.Next(time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC))
			for range 366 * 24 {
				next := s.Next(last)
				_, before := last.Zone()
				_, after := next.Zone()
				passed := next.Sub(last)
				whole := (after-before)%3600 == 0
				if next.Minute() != minute || whole && passed != time.Hour || passed <= 0 || passed >= 2*time.Hour {
					t.Fatalf("%s: %s is due %s after %s", zone, next, passed, last)
				}
				last = next
			}
		}
	}
}

// Whatever the schedule, the times rise, and asking between two of them gives the second.
func TestTimesRise(t *testing.T) {
	t.Parallel()
	for zone, year := range zones() {
		for _, expression := range []string{"*/40 * * * *", "*/20 1-3 * * *", "0 */3 * * *", "5 0,1,2,3 * * 0,1", "59 23 28-31 * *", "* 2 * * *"} {
			s := schedule(t, expression, zone)
			for last := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC); last.Year() < year+1; {
				next := s.Next(last)
				middle := last.Add(next.Sub(last) / 2)
				if !next.After(last) || !s.Next(middle).Equal(next) || !s.Next(next.Add(-1)).Equal(next) {
					t.Fatalf("%s in %s: %s, then %s, but from %s on %s", expression, zone, last, next, middle, s.Next(middle))
				}
				last = next
			}
		}
	}
}

// Whatever is accepted is due some day, at a minute, and has a time after that.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"0 3 * * *", "*/15 1-5/2 1,15 jan-dec mon", "@daily", "0 0 29 2 */7", "0 0 30 2 *", "59 23 31 12 7", ""} {
		f.Add(seed, int64(1_774_746_000))
	}
	berlin, err := cron.Zone("Europe/Berlin")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, expression string, seconds int64) {
		s, err := cron.Parse(expression, berlin)
		if err != nil {
			return
		}
		after := time.Unix(seconds%(1<<33), 0)
		first := s.Next(after)
		second := s.Next(first)
		if !first.After(after) || !second.After(first) || first.Nanosecond() != 0 {
			t.Errorf("%q: after %s come %s and %s", expression, after, first, second)
		}
	})
}

func BenchmarkNext(b *testing.B) {
	for _, expression := range []string{"* * * * *", "0 3 * * *", "0 0 29 2 *"} {
		b.Run(expression, func(b *testing.B) {
			s := schedule(b, expression, "Europe/Berlin")
			now := time.Date(2026, 3, 29, 0, 0, 0, 0, time.UTC)
			for b.Loop() {
				s.Next(now)
			}
		})
	}
}
