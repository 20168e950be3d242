package cron

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// set is some of the numbers from 0 to 63.
type set uint64

func (s set) has(n int) bool { return s&(1<<n) != 0 }

// between is each step-th number from low to high.
func between(low, high, step int) set {
	var s set
	for n := low; n <= high; n += step {
		s |= 1 << n
	}
	return s
}

// column is one of the five fields: its numbers, and their names from the lowest on.
type column struct {
	name      string
	low, high int
	names     []string
}

func columns() [5]column {
	return [5]column{
		{"minute", 0, 59, nil},
		{"hour", 0, 23, nil},
		{"day of month", 1, 31, nil},
		{"month", 1, 12, []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
		{"day of week", 0, 7, []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}}, // 7 is a Sunday, too
	}
}

// parse reads a field: a list of numbers, ranges and steps.
func (c column) parse(field string) (set, error) {
	var all set
	for item := range strings.SplitSeq(field, ",") {
		some, err := c.parseItem(item)
		if err != nil {
			return 0, err
		}
		all |= some
	}
	if c.high == 7 && all.has(7) {
		all = all&^(1<<7) | 1<<0
	}
	return all, nil
}

func (c column) parseItem(item string) (set, error) {
	span, stepText, stepped := strings.Cut(item, "/")
	lowText, highText, ranged := strings.Cut(span, "-")
	low, high, err := c.ends(lowText, highText, ranged)
	switch {
	case err != nil:
		return 0, err
	case !stepped:
		return between(low, high, 1), nil
	case !ranged && span != "*":
		return 0, fmt.Errorf("%q: a step is of * or of a range, such as %s-%d/%s", item, span, c.high, stepText)
	}
	step, ok := number(stepText)
	if !ok || step < 1 || step > c.high {
		return 0, fmt.Errorf("%q: the step must be a number from 1 to %d", item, c.high)
	}
	return between(low, high, step), nil
}

// ends are the first and the last of a *, a number or a range.
func (c column) ends(lowText, highText string, ranged bool) (low, high int, err error) {
	if lowText == "*" && !ranged {
		return c.low, c.all(), nil
	}
	if low, err = c.value(lowText); err != nil || !ranged {
		return low, low, err
	}
	if high, err = c.value(highText); err != nil {
		return 0, 0, err
	}
	if c.high == 7 && high == 0 { // a week may end with its Sunday
		high = 7
	}
	if low > high {
		return 0, 0, fmt.Errorf("%s-%s goes backwards", lowText, highText)
	}
	return low, high, nil
}

// all is the last number of a *: of a week, Saturday.
func (c column) all() int {
	if c.high == 7 {
		return 6
	}
	return c.high
}

func (c column) value(text string) (int, error) {
	if i := slices.Index(c.names, strings.ToLower(text)); i >= 0 {
		return c.low + i, nil
	}
	n, ok := number(text)
	switch {
	case !ok && c.names != nil:
		return 0, fmt.Errorf("%q is neither a number from %d to %d nor a name such as %s", text, c.low, c.high, c.names[1])
	case !ok:
		return 0, fmt.Errorf("%q is not a number from %d to %d", text, c.low, c.high)
	case n < c.low || n > c.high:
		return 0, fmt.Errorf("%d is not from %d to %d", n, c.low, c.high)
	default:
		return n, nil
	}
}

// number reads digits alone.
func number(text string) (int, bool) {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(text)
	return n, err == nil
}
