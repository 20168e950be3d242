//go:build unfenced

package postgres

// fenced lets every write pass. It is the negative control of package faults, which must notice.
const fenced = `true`
