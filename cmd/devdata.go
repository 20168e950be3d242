package cmd

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"freshet/cmd/builtin"
)

// devData is the folder in which freshet dev keeps its state:
//
//	api-key         the admin's API key
//	secret-key      wraps the secrets in the database
//	webhook-secret  signs what Freshet sends to the user's app
//	url             where the API listens, while it does
//	postgres/       the database's own folder
//	crew/           what the keeper of the workers must know after a crash
//	logs/           of the API, the workers and the database
//	examples/       the built-in kinds, when the project has no freshet.yaml
//	bin/            this program under its own name, for commands that call it
type devData struct{ path string }

// devEntries are what --reset removes: nothing else that someone keeps there.
func devEntries() []string {
	return []string{"api-key", "secret-key", "webhook-secret", "url", "postgres", "crew", "logs", "examples", "bin"}
}

func openDevFolder(path string, reset bool) (*devData, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	folder := &devData{path}
	if reset {
		for _, entry := range devEntries() {
			if err := os.RemoveAll(folder.file(entry)); err != nil {
				return nil, fmt.Errorf("reset the data folder: %w", err)
			}
		}
	}
	for _, path := range []string{path, folder.file("logs"), folder.file("bin")} {
		if err := os.MkdirAll(path, 0o700); err != nil {
			return nil, fmt.Errorf("make the data folder: %w", err)
		}
	}
	// Whoever puts the project under version control must not put this there.
	if err := os.WriteFile(folder.file(".gitignore"), []byte("*\n"), 0o600); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	return folder, folder.linkSelf()
}

func (d *devData) file(name string) string { return filepath.Join(d.path, name) }

// linkSelf makes bin/freshet this very program.
func (d *devData) linkSelf() error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	link := filepath.Join(d.path, "bin", "freshet")
	if err := os.Remove(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("link this program: %w", err)
	}
	if err := os.Symlink(self, link); err != nil {
		return fmt.Errorf("link this program: %w", err)
	}
	return nil
}

// unpackExamples writes the built-in kinds and returns the path of their freshet.yaml.
func (d *devData) unpackExamples() (string, error) {
	folder := d.file("examples")
	files, err := builtin.Files()
	if err != nil {
		return "", err
	}
	if err := os.RemoveAll(folder); err != nil {
		return "", fmt.Errorf("unpack the example kinds: %w", err)
	}
	if err := os.CopyFS(folder, files); err != nil {
		return "", fmt.Errorf("unpack the example kinds: %w", err)
	}
	return filepath.Join(folder, configFile), nil
}

// serverKeys are the keys that an API server starts with.
type serverKeys struct {
	admin   string // the admin's API key; empty: the database has all there are
	secret  string // wraps the secrets in the database, as text
	webhook string // signs what is sent to the webhooks of tasks that the admin submits; may be empty
}

// devKeys are those of the data folder, but for a webhook secret that the environment has.
func (a *app) devKeys(folder *devData) (serverKeys, error) {
	admin, err := folder.secret("api-key", func() string { return "fr_" + rand.Text() + rand.Text() })
	if err != nil {
		return serverKeys{}, err
	}
	wrap, err := folder.secret("secret-key", randomKey)
	if err != nil {
		return serverKeys{}, err
	}
	webhook := a.env("FRESHET_WEBHOOK_SECRET")
	if webhook == "" {
		webhook, err = folder.secret("webhook-secret", func() string { return "whsec_" + randomKey() })
	}
	return serverKeys{admin, wrap, webhook}, err
}

// randomKey is 32 random bytes in base64.
func randomKey() string {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return base64.StdEncoding.EncodeToString(key)
}

// secret reads a key from a file that only its owner can read, and makes it the first time.
func (d *devData) secret(name string, fresh func() string) (string, error) {
	text, err := os.ReadFile(d.file(name))
	if err == nil && len(strings.TrimSpace(string(text))) > 0 {
		return strings.TrimSpace(string(text)), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	key := fresh()
	if err := os.WriteFile(d.file(name), []byte(key+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("write %s: %w", name, err)
	}
	return key, nil
}

// announce tells clients in this folder where the API is; retract takes that back.
func (d *devData) announce(address string) error {
	if err := os.WriteFile(d.file("url"), []byte(address+"\n"), 0o600); err != nil {
		return fmt.Errorf("write the address: %w", err)
	}
	return nil
}

func (d *devData) retract() { _ = os.Remove(d.file("url")) }

// maxLog is the size from which a log file is put aside at the next start.
const maxLog = 32 << 20

func (d *devData) logFile(name string) (*os.File, error) {
	path := filepath.Join(d.path, "logs", name+".log")
	if info, err := os.Stat(path); err == nil && info.Size() > maxLog {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, fmt.Errorf("put the old log aside: %w", err)
		}
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	return file, nil
}
