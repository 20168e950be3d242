package limit

import (
	"bytes"
	"os"
	"strconv"
	"strings"
)

// resident answers the pages of a process that are in memory, in bytes.
func resident(pid int) int64 {
	content, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(content))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

// proportional is resident with each shared page divided by those who share it, where it may be read.
func proportional(pid int) int64 {
	content, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/smaps_rollup")
	if err != nil {
		return resident(pid)
	}
	for line := range bytes.Lines(content) {
		if fields := strings.Fields(string(line)); len(fields) == 3 && fields[0] == "Pss:" {
			kib, _ := strconv.ParseInt(fields[1], 10, 64)
			return kib << 10
		}
	}
	return resident(pid)
}
