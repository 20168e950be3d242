package scaffold

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

const (
	configFile   = "freshet.yaml"
	typesFile    = "lib/freshet.gen.ts"
	sdkPath      = "vendor/freshet-sdk.tgz"
	manifestFile = "package.json"
)

// Next is what a Next.js app with an App Router, in TypeScript, gets: kinds, their code, the routes and a
// page. It looks at the app in folder and says what is missing there.
func Next(folder string, sdk []byte) ([]File, error) {
	app, err := inspect(folder)
	if err != nil {
		return nil, err
	}
	files, err := templates("next")
	if err != nil {
		return nil, err
	}
	for i := range files {
		files[i] = app.fit(files[i])
	}
	edited, err := app.manifest.withDependencies()
	if err != nil {
		return nil, fmt.Errorf("edit %s: %w", manifestFile, err)
	}
	return append(files,
		File{Path: sdkPath, Content: sdk},
		File{Path: manifestFile, Content: edited, Edited: true}), nil
}

// nextApp is the app that the files must fit into.
type nextApp struct {
	base     string // "src/" or empty
	alias    bool   // whether @/ stands for base
	manifest *manifest
}

func inspect(folder string) (*nextApp, error) {
	text, err := os.ReadFile(filepath.Join(folder, manifestFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("there is no package.json: run this in the root of a Next.js app")
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", manifestFile, err)
	}
	app := &nextApp{}
	if app.manifest, err = readManifest(text); err != nil {
		return nil, fmt.Errorf("read %s: %w", manifestFile, err)
	}
	if !app.manifest.needs("next") {
		return nil, errors.New("package.json has no dependency next: run this in the root of a Next.js app")
	}
	switch {
	case isFolder(folder, "app"):
	case isFolder(folder, "src/app"):
		app.base = "src/"
	default:
		return nil, errors.New("there is neither app/ nor src/app/: only the App Router of Next.js is supported")
	}
	config, err := os.ReadFile(filepath.Join(folder, "tsconfig.json"))
	if err != nil {
		return nil, fmt.Errorf("the files are TypeScript, and this app is not: %w", err)
	}
	app.alias = hasAlias(config, app.base)
	return app, nil
}

func isFolder(folder, name string) bool {
	info, err := os.Stat(filepath.Join(folder, filepath.FromSlash(name)))
	return err == nil && info.IsDir()
}

// hasAlias says whether @/ stands for the folder that all code is in. A tsconfig.json that is not plain
// JSON may have it: that is passed over, since relative paths are right everywhere.
func hasAlias(tsconfig []byte, base string) bool {
	var config struct {
		CompilerOptions struct {
			Paths map[string][]string `json:"paths"`
		} `json:"compilerOptions"`
	}
	if json.Unmarshal(tsconfig, &config) != nil {
		return false
	}
	targets := config.CompilerOptions.Paths["@/*"]
	return len(targets) > 0 && path.Clean(targets[0]) == path.Clean(base+"*")
}

// fit moves a template to its place in the app and adapts its references.
func (a *nextApp) fit(file File) File {
	text := string(file.Content)
	switch {
	case file.Path == configFile:
		text = strings.ReplaceAll(text, "tasks/report.ts", a.base+"tasks/report.ts")
		if a.base != "" {
			text = strings.ReplaceAll(text, "--config freshet.yaml", "--config freshet.yaml --out "+a.base+typesFile)
		}
		return File{Path: file.Path, Content: []byte(text)}
	case !a.alias:
		up := strings.Repeat("../", strings.Count(file.Path, "/"))
		text = strings.ReplaceAll(text, "'@/", "'"+up)
	}
	return File{Path: a.base + file.Path, Content: []byte(text)}
}
