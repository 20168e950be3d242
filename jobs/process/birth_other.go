//go:build unix && !linux

package process

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Birth is a text that tells a living process from others that had or will have its number, unless they
// were born in the same second. The error is os.ErrNotExist, or the like, when there is none.
func Birth(pid int) (string, error) {
	line, err := Output(context.Background(), DaemonSpec{
		Args: []string{"ps", "-o", "lstart=", "-p", strconv.Itoa(pid)}, Env: []string{"PATH=/bin:/usr/bin", "LC_ALL=C"},
	})
	text := strings.TrimSpace(string(line))
	if err != nil || text == "" {
		return "", fmt.Errorf("birth of process %d: %w", pid, os.ErrNotExist)
	}
	return text, nil
}
