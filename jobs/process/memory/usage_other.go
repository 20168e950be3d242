//go:build unix && !linux

package memory

func resident(int) int64 { return 0 }

func proportional(int) int64 { return 0 }
