//go:build unix

package limit

// Resident is how many bytes of a process are in memory, without its children; zero where the system
// does not tell.
func Resident(pid int) int64 { return resident(pid) }
