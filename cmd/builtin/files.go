package builtin

import (
	"embed"
	"fmt"
	"io/fs"
)

//go:embed files
var embedded embed.FS

// Files is the folder of the example kinds: freshet.yaml and what its commands need beside it. The
// commands also need a freshet and, for csv-summary, a node in their PATH.
func Files() (fs.FS, error) {
	files, err := fs.Sub(embedded, "files")
	if err != nil {
		return nil, fmt.Errorf("open the example kinds: %w", err)
	}
	return files, nil
}
