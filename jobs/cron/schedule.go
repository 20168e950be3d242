// Package cron knows when a schedule is due: it reads five-field cron expressions and finds their times in
// a time zone, also where its clocks are changed. It does no input or output.
//
// An expression is minute, hour, day of the month, month and day of the week, as in Vixie's cron: lists,
// ranges, steps, names of months and days; days that are restricted both by the month and by the week
// match either. How a schedule goes through a change of the clocks depends on its hours:
//
//   - Hours that begin with * (and all 24 of them, however they are written) go by real time. The schedule
//     is due whenever the clocks show a minute that fits: "0 * * * *" each real hour, twice in the hour that
//     the clocks repeat, and not for an hour that they skip.
//   - Other hours are local times, each of which is due once. Of a time that the clocks show twice, the first
//     counts. One that they skip is due once at the moment of the change, together with all others that are
//     skipped, and with one that is due at that moment anyway.
package cron

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Schedule is a cron expression in a time zone. It is immutable.
type Schedule struct {
	minutes, hours, days, months, weekdays set
	eitherDay                              bool // a day fits by month or by week; else it must by both
	real                                   bool // by real time; else by local times
	zone                                   *time.Location
}

// MaxLength is how long an expression may be, in bytes.
const MaxLength = 500

// shorthand is what a word stands for.
func shorthand(word string) (fields string, known bool) {
	switch strings.ToLower(word) {
	case "@hourly":
		return "0 * * * *", true
	case "@daily":
		return "0 0 * * *", true
	case "@weekly":
		return "0 0 * * 0", true
	case "@monthly":
		return "0 0 1 * *", true
	case "@yearly":
		return "0 0 1 1 *", true
	default:
		return "", false
	}
}

// Parse reads an expression. The error says which field is wrong, and how.
func Parse(expression string, zone *time.Location) (Schedule, error) {
	if len(expression) > MaxLength {
		return Schedule{}, fmt.Errorf("is longer than %d bytes", MaxLength)
	}
	fields := strings.Fields(expression)
	if len(fields) == 1 && strings.HasPrefix(fields[0], "@") {
		text, known := shorthand(fields[0])
		if !known {
			return Schedule{}, fmt.Errorf("%s is not known; there are @hourly, @daily, @weekly, @monthly and @yearly", fields[0])
		}
		fields = strings.Fields(text)
	}
	if err := counted(fields); err != nil {
		return Schedule{}, err
	}
	s := Schedule{zone: zone}
	for i, target := range []*set{&s.minutes, &s.hours, &s.days, &s.months, &s.weekdays} {
		var err error
		if *target, err = columns()[i].parse(fields[i]); err != nil {
			return Schedule{}, fmt.Errorf("%s: %w", columns()[i].name, err)
		}
	}
	s.real = strings.HasPrefix(fields[1], "*") || s.hours == between(0, 23, 1)
	s.eitherDay = !strings.HasPrefix(fields[2], "*") && !strings.HasPrefix(fields[4], "*")
	return s, s.checkPossible()
}

// counted refuses what has not five fields.
func counted(fields []string) error {
	const five = "it must have five: minute, hour, day of month, month, day of week"
	switch len(fields) {
	case 5:
		return nil
	case 6:
		return errors.New("has 6 fields; " + five + ". There are no seconds")
	default:
		return fmt.Errorf("has %d fields; %s", len(fields), five)
	}
}

// checkPossible refuses days that no month has.
func (s Schedule) checkPossible() error {
	if s.eitherDay {
		return nil // each week has each of its days
	}
	for month := 1; month <= 12; month++ {
		longest := time.Date(2000, time.Month(month+1), 0, 0, 0, 0, 0, time.UTC).Day() // a leap year's
		if s.months.has(month) && s.days&between(1, longest, 1) != 0 {
			return nil
		}
	}
	return errors.New("day of month: there is no such day in these months, so it would never be due")
}
