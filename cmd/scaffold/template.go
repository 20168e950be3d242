package scaffold

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
)

//go:embed plain next all:sdk
var embedded embed.FS

// ErrNoSDK: this program was built without the TypeScript SDK.
var ErrNoSDK = errors.New("this freshet was built without the SDK: build it with `make sdk build`")

// SDK is the packed TypeScript SDK. Errors: ErrNoSDK.
func SDK() ([]byte, error) {
	packed, err := embedded.ReadFile("sdk/freshet-sdk.tgz")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoSDK
	}
	return packed, err
}

// Plain is a freshet.yaml with one kind.
func Plain() ([]File, error) { return templates("plain") }

// templates are the files below one of the embedded folders.
func templates(name string) ([]File, error) {
	folder, err := fs.Sub(embedded, name)
	if err != nil {
		return nil, fmt.Errorf("open the templates: %w", err)
	}
	var files []File
	err = fs.WalkDir(folder, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(folder, path)
		files = append(files, File{Path: path, Content: content})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the templates: %w", err)
	}
	return files, nil
}
