package scaffold

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// File is one file to write.
type File struct {
	Path    string // with slashes, from the project's folder
	Content []byte
	Edited  bool // it is there already, and this is its new content
}

// ExistsError names the files that are there already. Nothing was written.
type ExistsError struct{ Paths []string }

func (e *ExistsError) Error() string {
	return "nothing was written, because there is already: " + strings.Join(e.Paths, ", ")
}

// Write writes the files below a folder, or none of them. It writes over no file but the edited ones, and
// over those last. Errors: *ExistsError, and those of the file system.
func Write(folder string, files []File) (err error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return fmt.Errorf("open the project's folder: %w", err)
	}
	defer root.Close()
	created := slices.DeleteFunc(slices.Clone(files), func(f File) bool { return f.Edited })
	edited := slices.DeleteFunc(slices.Clone(files), func(f File) bool { return !f.Edited })
	if err := vacant(root, created); err != nil {
		return err
	}
	var written []string
	defer func() {
		if err != nil {
			for _, path := range slices.Backward(written) {
				_ = root.Remove(path) // of a folder it fails where something else is in it
			}
		}
	}()
	for _, file := range created {
		made, err := create(root, file)
		written = append(written, made...)
		if err != nil {
			return fmt.Errorf("write %s: %w", file.Path, err)
		}
	}
	for _, file := range edited {
		if err := replace(root, file); err != nil {
			return fmt.Errorf("write %s: %w", file.Path, err)
		}
	}
	return nil
}

// vacant refuses places where something is.
func vacant(root *os.Root, files []File) error {
	var taken []string
	for _, file := range files {
		_, err := root.Lstat(filepath.FromSlash(file.Path))
		switch {
		case err == nil:
			taken = append(taken, file.Path)
		case !errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("look for %s: %w", file.Path, err)
		}
	}
	if len(taken) > 0 {
		return &ExistsError{taken}
	}
	return nil
}

// create writes a new file and answers what it made, folders first.
func create(root *os.Root, file File) (made []string, err error) {
	path := filepath.FromSlash(file.Path)
	for i := range path {
		if path[i] != filepath.Separator {
			continue
		}
		switch err := root.Mkdir(path[:i], 0o755); {
		case err == nil:
			made = append(made, path[:i])
		case !errors.Is(err, fs.ErrExist):
			return made, err
		}
	}
	f, err := root.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return made, err
	}
	_, err = f.Write(file.Content)
	return append(made, path), errors.Join(err, f.Close())
}

// replace writes a file anew beside the old one, and then moves it there.
func replace(root *os.Root, file File) error {
	path := filepath.FromSlash(file.Path)
	info, err := root.Stat(path)
	if err != nil {
		return err
	}
	if err := root.WriteFile(path+".new", file.Content, info.Mode().Perm()); err != nil {
		return err
	}
	return root.Rename(path+".new", path)
}
