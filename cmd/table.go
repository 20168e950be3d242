package cmd

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// How many characters of a text are shown where it has company, and where it has not.
const (
	widestCell  = 60
	longestLine = 200
)

// table prints rows in columns; of each cell at most so many characters.
func table(w io.Writer, widest int, rows [][]string) error {
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i, cell := range row {
			row[i] = line(cell, widest)
		}
		fmt.Fprintln(columns, strings.TrimRight(strings.Join(row, "\t"), "\t"))
	}
	return columns.Flush()
}

// age is how long ago something was, in its largest unit.
func age(at time.Time) string { return short(time.Since(at)) }

// short is a duration in its largest unit: 45s, 12m, 3h, 9d.
func short(d time.Duration) string {
	const day = 24 * time.Hour
	switch d = max(d, 0); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 2*day:
		return fmt.Sprintf("%dh", d/time.Hour)
	default:
		return fmt.Sprintf("%dd", d/day)
	}
}

// size is a number of bytes for people.
func size(bytes int64) string {
	value, unit := float64(bytes), "B"
	for _, larger := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if value < 1024 {
			break
		}
		value, unit = value/1024, larger
	}
	if unit == "B" {
		return fmt.Sprintf("%d B", bytes)
	}
	return fmt.Sprintf("%.1f %s", value, unit)
}

func moment(at time.Time) string { return at.Local().Format("2006-01-02 15:04:05") }
