//go:build unfenced

package postgres

// fenced lets every write pass, and claimable every claim. They are the negative controls of package faults
// and of the tests here, which must notice.
const (
	fenced    = `true`
	claimable = `true`
)
