//go:build race

package worker_test

// usefulPerSpare is how many workers must have worked for each that was started for nothing: the race detector slows
// their second look beyond what it is waited for.
const usefulPerSpare = 5
