//go:build unix && !linux

package process

import "os"

// binary is the running binary.
func binary() (string, error) { return os.Executable() }

// Adopt does nothing here: there are no subreapers.
func Adopt() error { return nil }
