package config

import "slices"

// later tells whether a place of the file is for a version to come. The table is the only thing that
// knows of them; a version that brings a key takes its line out.
func later(pattern string) bool {
	return slices.Contains([]string{
		"kinds[].claude",
		"credentials",
	}, pattern)
}
