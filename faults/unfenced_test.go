//go:build unfenced

package faults_test

// fenced: the writes of workers are not. TestZombie has to notice.
const fenced = false
