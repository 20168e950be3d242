package cron

import "time"

// Wall-clock times, what clocks show, are times in UTC here: their arithmetic knows no change of clocks.

const (
	// horizon is more than the longest time between two matches: that of a 29th of February on a given day
	// of the week, around a year such as 2100.
	horizon = 41
	// earliest is before any place on earth has a wall-clock time of UTC's.
	earliest = 26 * time.Hour
)

// Next is the first time after another that the schedule is due, in its time zone.
func (s Schedule) Next(after time.Time) time.Time {
	after = after.In(s.zone)
	if s.real {
		return s.nextReal(after)
	}
	return s.nextLocal(after)
}

// Latest is the last time that the schedule is due of those up to a time. first must be one of them.
func (s Schedule) Latest(first, until time.Time) time.Time {
	latest := first
	for back := time.Minute; ; back *= 2 {
		from := until.Add(-back)
		if !from.After(first) {
			from = first
		}
		next := s.Next(from)
		for ; !next.After(until); next = s.Next(next) {
			latest = next
		}
		if latest.After(first) || from.Equal(first) {
			return latest
		}
	}
}

// nextReal looks for a match between each two changes of the clocks, where wall-clock time and real time
// go together.
func (s Schedule) nextReal(after time.Time) time.Time {
	for from := after.Add(1); ; {
		match := s.match(wall(from))
		if match.IsZero() {
			return match
		}
		due := from.Add(match.Sub(wall(from)))
		_, change := from.ZoneBounds()
		if change.IsZero() || due.Before(change) {
			return due
		}
		from = change
	}
}

// nextLocal takes the matches one by one. None up to what the clocks show now can be due later.
func (s Schedule) nextLocal(after time.Time) time.Time {
	for from := wall(after).Add(1); ; {
		match := s.match(from)
		if match.IsZero() {
			return match
		}
		if due := s.moment(match); due.After(after) {
			return due
		}
		from = match.Add(1)
	}
}

// wall is what the clocks show at a time.
func wall(t time.Time) time.Time {
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	return time.Date(year, month, day, hour, minute, second, t.Nanosecond(), time.UTC)
}

// moment is the first time at which the clocks show a wall-clock time or a later one.
func (s Schedule) moment(shown time.Time) time.Time {
	for t := shown.Add(-earliest).In(s.zone); ; {
		due := t.Add(shown.Sub(wall(t)))
		if due.Before(t) { // t is a change that skipped it
			return t
		}
		_, change := t.ZoneBounds()
		if change.IsZero() || due.Before(change) {
			return due
		}
		t = change
	}
}

// match is the first wall-clock time from another on that fits; the zero time if there is none.
func (s Schedule) match(from time.Time) time.Time {
	year, month, day := from.Date()
	end := year + horizon
	for today := time.Date(year, month, day, 0, 0, 0, 0, time.UTC); today.Year() <= end; {
		if !s.months.has(int(today.Month())) {
			today = time.Date(today.Year(), today.Month()+1, 1, 0, 0, 0, 0, time.UTC)
			continue
		}
		if s.fits(today) {
			if found := s.matchWithin(today, from); !found.IsZero() {
				return found
			}
		}
		today = today.AddDate(0, 0, 1)
	}
	return time.Time{}
}

// fits tells whether a day of a month that fits does so, too.
func (s Schedule) fits(day time.Time) bool {
	byMonth, byWeek := s.days.has(day.Day()), s.weekdays.has(int(day.Weekday()))
	if s.eitherDay {
		return byMonth || byWeek
	}
	return byMonth && byWeek
}

// matchWithin is the first match of a day from a time on; the zero time if there is none.
func (s Schedule) matchWithin(day, from time.Time) time.Time {
	for hour := range 24 {
		start := day.Add(time.Duration(hour) * time.Hour)
		if !s.hours.has(hour) || !start.Add(time.Hour).After(from) {
			continue
		}
		for minute := range 60 {
			found := start.Add(time.Duration(minute) * time.Minute)
			if s.minutes.has(minute) && !found.Before(from) {
				return found
			}
		}
	}
	return time.Time{}
}
