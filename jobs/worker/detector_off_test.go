//go:build !race

package worker_test

// usefulPerSpare is how many workers must have worked for each that was started for nothing.
const usefulPerSpare = 20
