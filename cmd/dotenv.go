package cmd

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"

	"github.com/joho/godotenv"

	"freshet/config"
)

// lookup finds a variable for a command's environment.
type lookup = func(name string) (string, bool)

// commandLookup is where ${VAR} and passEnv are looked up: the environment, and with dotenv behind it
// .env.local and .env beside freshet.yaml, the first one that has the name. Freshet's own settings are
// never taken from these files.
func (a *app) commandLookup(settings *config.Config, dotenv bool) (lookup, error) {
	if !dotenv {
		return a.Lookup, nil
	}
	values := map[string]string{}
	for _, name := range []string{".env", ".env.local"} {
		read, err := godotenv.Read(filepath.Join(settings.Folder, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, &exitError{exitConfig, fmt.Errorf("read %s: %w", filepath.Join(settings.Folder, name), err)}
		}
		maps.Copy(values, read)
	}
	return func(name string) (string, bool) {
		if value, found := a.Lookup(name); found {
			return value, true
		}
		value, found := values[name]
		return value, found
	}, nil
}
