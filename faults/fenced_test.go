//go:build !unfenced

package faults_test

const fenced = true
