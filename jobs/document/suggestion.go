package document

import "fmt"

// Suggestion is `; did you mean "x"?` for the known name that an unknown one was most likely meant to
// be, or nothing when none is near.
func Suggestion(name string, known []string) string {
	const longest = 64
	if len(name) > longest {
		return ""
	}
	best, distance := "", 1+(len(name)+2)/3
	for _, candidate := range known {
		if d := editDistance(name, candidate); d < distance {
			best, distance = candidate, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// editDistance counts the letters to add, drop or replace to make b of a; a letter in the wrong case
// counts nothing, so that the right spelling in the wrong case always comes first.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if lower(a[i]) != lower(b[j]) {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
