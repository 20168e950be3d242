//go:build !linux

package sandbox

import "fmt"

// Supported tells that it takes Linux.
func Supported(Rules) error { return fmt.Errorf("%w: it takes Linux", ErrUnsupported) }

// KeepsSignals tells whether signals to processes outside are refused.
func KeepsSignals() bool { return false }

// Check is Supported.
func Check(r Rules) error { return Supported(r) }

// Apply confines nothing, and says so.
func Apply(r Rules) error { return Supported(r) }
