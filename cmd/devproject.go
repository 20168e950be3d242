package cmd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"freshet/config"
)

// devProject is the freshet.yaml that freshet dev serves, as it was when it was last right.
type devProject struct {
	app      *app
	path     string         // of the file, which need not be there yet
	sources  []string       // all that it is made of, whether it is there or not
	version  string         // of the sources that were read last
	settings *config.Config // never changed, only replaced
}

// openProject reads the project's freshet.yaml, or takes the built-in examples where there is none.
func (a *app) openProject(flag string, folder *devData) (*devProject, error) {
	p := &devProject{app: a, path: a.configPath(flag), sources: []string{a.configPath(flag)}}
	if a.hasConfig(flag) {
		return p, p.load()
	}
	p.version = version(p.sources)
	var err error
	p.settings, err = a.devSettings(flag, folder)
	return p, err
}

// devSettings are those of the project's freshet.yaml, or of the built-in examples where there is none.
func (a *app) devSettings(flag string, folder *devData) (*config.Config, error) {
	if a.hasConfig(flag) {
		return a.settings(flag)
	}
	examples, err := folder.unpackExamples()
	if err != nil {
		return nil, err
	}
	return a.settings(examples)
}

// hasConfig says whether a freshet.yaml was named, or is there.
func (a *app) hasConfig(flag string) bool {
	_, err := os.Stat(configFile)
	return flag != "" || a.env("FRESHET_CONFIG") != "" || !errors.Is(err, fs.ErrNotExist)
}

// load reads the file and what it names. After an error the settings are those of before.
func (p *devProject) load() error {
	before := version(p.sources) // what changes from here on is a change
	settings, sources, err := p.app.settingsOf(p.path)
	sources = append(sources, p.dotenvFiles()...)
	if strings.Join(sources, "\n") != strings.Join(p.sources, "\n") {
		p.sources, before = sources, version(sources)
	}
	p.version = before
	if err != nil {
		return err
	}
	if err := p.app.workersCanStart(settings); err != nil {
		return &exitError{exitConfig, err}
	}
	p.settings = settings
	return nil
}

// dotenvFiles are where commands may have variables from.
func (p *devProject) dotenvFiles() []string {
	folder := filepath.Dir(p.path)
	return []string{filepath.Join(folder, ".env"), filepath.Join(folder, ".env.local")}
}

// workersCanStart refuses early what a worker would refuse.
func (a *app) workersCanStart(settings *config.Config) error {
	lookup, err := a.commandLookup(settings, true)
	if err != nil {
		return err
	}
	for _, pool := range settings.Pools {
		if pool.Provider != config.ProviderProcess {
			continue
		}
		if err := variablesSet(settings, pool.Name, lookup); err != nil {
			return err
		}
		if err := sandboxesPossible(settings, pool.Name, ""); err != nil {
			return err
		}
	}
	return nil
}

// version tells states of files apart. Looking is cheap, and sees what notifications of the system miss:
// files that are not there yet, and folders that are mounted from elsewhere.
func version(files []string) string {
	var text strings.Builder
	for _, file := range files {
		if info, err := os.Stat(file); err == nil {
			fmt.Fprintf(&text, "%s %d %d\n", file, info.Size(), info.ModTime().UnixNano())
		}
	}
	return text.String()
}
