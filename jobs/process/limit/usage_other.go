//go:build unix && !linux

package limit

func resident(int) int64 { return 0 }

func proportional(int) int64 { return 0 }
