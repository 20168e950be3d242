package cron

import (
	"fmt"
	"time"
	_ "time/tzdata" // a container may have no files of time zones
)

// Zone finds a time zone by its name, such as Europe/Berlin.
func Zone(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if name == "" || name == "Local" || err != nil { // Local would be another one on each machine
		return nil, fmt.Errorf("%q is no known time zone; it must be a name such as UTC or Europe/Berlin", name)
	}
	return zone, nil
}

// In reads an expression for the time zone of a name.
func In(expression, zone string) (Schedule, error) {
	location, err := Zone(zone)
	if err != nil {
		return Schedule{}, fmt.Errorf("time zone: %w", err)
	}
	return Parse(expression, location)
}
