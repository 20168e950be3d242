package fly

import (
	"fmt"
	"strconv"
	"strings"
)

// DefaultSize is the size of a machine for which none is given: Fly's own default.
const DefaultSize = "shared-cpu-1x"

// guest is how large a machine is.
type guest struct {
	CPUKind  string `json:"cpu_kind"`
	CPUs     int    `json:"cpus"`
	MemoryMB int    `json:"memory_mb"`
}

// sized is the guest of one of Fly's sizes, with the memory that Fly gives with it.
func sized(size string) (*guest, error) {
	for _, known := range []struct {
		prefix, kind string
		memory       int // MB for each CPU
		most         int // CPUs
	}{{"shared-cpu-", "shared", 256, 8}, {"performance-", "performance", 2048, 16}} {
		count, found := strings.CutPrefix(strings.TrimSuffix(size, "x"), known.prefix)
		cpus, err := strconv.Atoi(count)
		even := cpus == 1 || cpus%2 == 0
		if found && err == nil && strings.HasSuffix(size, "x") && cpus >= 1 && cpus <= known.most && even {
			return &guest{CPUKind: known.kind, CPUs: cpus, MemoryMB: cpus * known.memory}, nil
		}
	}
	return nil, fmt.Errorf("fly: there is no size %q", size)
}
