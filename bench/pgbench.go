package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"freshet/jobs/process"
)

// insertScript is the yardstick: one durable row of a kilobyte in a transaction of its own.
const insertScript = `INSERT INTO yardstick (data) VALUES (jsonb_build_object('text', repeat('x', 1000)));
`

// pgbenchInserts runs pgbench and returns its transactions a second.
func pgbenchInserts(ctx context.Context, pgbench, url string, length time.Duration) (float64, error) {
	folder, err := os.MkdirTemp("", "freshet-bench-")
	if err != nil {
		return 0, fmt.Errorf("make a folder: %w", err)
	}
	defer os.RemoveAll(folder)
	script := filepath.Join(folder, "insert.sql")
	if err := os.WriteFile(script, []byte(insertScript), 0o600); err != nil {
		return 0, fmt.Errorf("write the script: %w", err)
	}
	output, err := process.Output(ctx, process.DaemonSpec{
		Args: []string{
			pgbench, "--no-vacuum", "--protocol=prepared", "--file=" + script, "--jobs=2",
			"--client=" + strconv.Itoa(clients), "--time=" + strconv.Itoa(int(length.Seconds())), url,
		},
		Env: os.Environ(),
	})
	if err != nil {
		return 0, fmt.Errorf("run pgbench: %w", err)
	}
	found := regexp.MustCompile(`tps = ([0-9.]+)`).FindSubmatch(output)
	if found == nil {
		return 0, fmt.Errorf("pgbench printed no rate: %s", output)
	}
	return strconv.ParseFloat(string(found[1]), 64)
}
