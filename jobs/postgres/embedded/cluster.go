package embedded

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"freshet/jobs/process"
)

// cluster is a folder of databases, and what is needed to serve it.
type cluster struct {
	binaries
	dir      string
	account  account
	password string
}

// openCluster finds PostgreSQL and makes the cluster unless it is there.
func openCluster(ctx context.Context, o Options) (*cluster, error) {
	dir := filepath.Join(o.DataDir, "cluster")
	c := &cluster{dir: dir, account: serverAccount(dir)}
	if err := stopLeftover(ctx, dir); err != nil {
		return nil, err
	}
	major, err := majorOf(dir)
	if err != nil {
		return nil, err
	}
	if c.binaries, err = find(ctx, o, major); err != nil {
		return nil, err
	}
	if c.password, err = loadPassword(filepath.Join(o.DataDir, "password"), major == 0); err != nil {
		return nil, err
	}
	if major == 0 {
		o.Progress("making a database in " + o.DataDir)
		if err := c.initialise(ctx); err != nil {
			return nil, fmt.Errorf("make a database: %w", err)
		}
	}
	return c, nil
}

// majorOf returns the major version of PostgreSQL that made the cluster, or zero if there is none.
func majorOf(dir string) (int, error) {
	text, err := os.ReadFile(filepath.Join(dir, "PG_VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the version of the data: %w", err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("read the version of the data: %w", err)
	}
	return major, nil
}

// initialise runs initdb beside the final place and moves the result there.
func (c *cluster) initialise(ctx context.Context) error {
	work, err := os.MkdirTemp(filepath.Dir(c.dir), "initdb-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer os.RemoveAll(work)
	secret := filepath.Join(work, "password")
	if err := os.WriteFile(secret, []byte(c.password), 0o600); err != nil {
		return fmt.Errorf("write the password: %w", err)
	}
	if err := errors.Join(c.account.give(work), c.account.give(secret)); err != nil {
		return err
	}
	made := filepath.Join(work, "cluster")
	initdb := c.account.command(c.program("initdb"), "-D", made, "-U", role, "--pwfile="+secret,
		"--auth=scram-sha-256", "--encoding=UTF8", "--locale=C")
	if _, err = process.Output(ctx, initdb); err != nil {
		return err
	}
	if err := os.Rename(made, c.dir); err != nil {
		return fmt.Errorf("move into place: %w", err)
	}
	return nil
}

// loadPassword returns the password in the file, which it makes for a cluster that is yet to be made.
func loadPassword(path string, fresh bool) (string, error) {
	text, err := os.ReadFile(path)
	if err == nil && len(text) > 0 {
		return string(text), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the password: %w", err)
	}
	if !fresh {
		return "", fmt.Errorf("%s is gone, and with it the way into the database: remove the data directory", path)
	}
	password := rand.Text()
	if err := os.WriteFile(path, []byte(password), 0o600); err != nil {
		return "", fmt.Errorf("write the password: %w", err)
	}
	return password, nil
}
