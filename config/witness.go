package config

import (
	"io/fs"
	"path/filepath"
)

// witness is a folder that remembers what it was asked for.
type witness struct {
	fs.FS

	folder string   // where it is
	opened []string // paths, in the order of asking
}

// Open remembers the name even if there is no such file: it may come to be.
func (w *witness) Open(name string) (fs.File, error) {
	w.opened = append(w.opened, filepath.Join(w.folder, filepath.FromSlash(name)))
	return w.FS.Open(name)
}
