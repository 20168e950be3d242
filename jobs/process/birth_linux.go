package process

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Birth is a text that tells a living process from every other one that had or will have its number,
// after a restart of the machine too. The error is os.ErrNotExist, or the like, when there is none.
func Birth(pid int) (string, error) {
	line, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return "", fmt.Errorf("birth of process %d: %w", pid, err)
	}
	// Field 22 is the start in ticks since the machine's. Fields 1 and 2 end with the last parenthesis.
	const start = 22 - 3
	fields := bytes.Fields(line[bytes.LastIndexByte(line, ')')+1:])
	if len(fields) <= start || fields[0][0] == 'Z' || fields[0][0] == 'X' {
		return "", fmt.Errorf("birth of process %d: %w", pid, os.ErrNotExist)
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("birth of process %d: %w", pid, err)
	}
	return strings.TrimSpace(string(boot)) + " " + string(fields[start]), nil
}
