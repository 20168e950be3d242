package embedded

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"freshet/jobs/process"
)

// oldest is the lowest major version that Freshet's SQL runs on.
const oldest = 14

// binaries is a folder with the programs of PostgreSQL.
type binaries struct {
	bin   string
	major int
}

// program returns the path of one of the programs.
func (b binaries) program(name string) string { return filepath.Join(b.bin, name) }

// find looks for PostgreSQL: in the folder that was given and nowhere else, or on the PATH, in the
// usual folders, and at last in the npm package for this platform. If major is not zero it must be
// of that version, because the data is.
func find(ctx context.Context, o Options, major int) (binaries, error) {
	if o.BinDir != "" {
		b, err := probe(ctx, o.BinDir)
		if err == nil {
			err = b.fits(major)
		}
		if err != nil {
			return binaries{}, fmt.Errorf("PostgreSQL in %s: %w", o.BinDir, err)
		}
		return b, nil
	}
	for _, dir := range slices.Concat(searchPath(o.Environ), usualFolders()) {
		if b, err := probe(ctx, dir); err == nil && b.fits(major) == nil {
			return b, nil
		}
	}
	b, err := fetched(ctx, o, major)
	if err != nil {
		return binaries{}, errors.Join(fmt.Errorf("no usable PostgreSQL found: %s", advice(major)), err)
	}
	return b, nil
}

func (b binaries) fits(major int) error {
	if major != 0 && b.major != major {
		return fmt.Errorf("the data was made by PostgreSQL %d, this is %d", major, b.major)
	}
	if b.major < oldest {
		return fmt.Errorf("version %d is too old, %d or later is needed", b.major, oldest)
	}
	return nil
}

// probe looks whether the folder has what is needed, and which version it is. Links are followed:
// a link to postgres alone stands in many a PATH.
func probe(ctx context.Context, dir string) (binaries, error) {
	server, err := filepath.EvalSymlinks(filepath.Join(dir, "postgres"))
	if err != nil {
		return binaries{}, err
	}
	b := binaries{bin: filepath.Dir(server)}
	if _, err := os.Stat(b.program("initdb")); err != nil {
		return binaries{}, err
	}
	text, err := process.Output(ctx, account{}.command(server, "--version"))
	if err != nil {
		return binaries{}, err
	}
	match := regexp.MustCompile(`^postgres \(PostgreSQL\) (\d+)`).FindStringSubmatch(string(text))
	if match == nil {
		return binaries{}, fmt.Errorf("unknown version %q", strings.TrimSpace(string(text)))
	}
	b.major, err = strconv.Atoi(match[1])
	return b, err
}

// searchPath returns the absolute folders of the PATH.
func searchPath(environ []string) []string {
	var path string
	for _, entry := range environ {
		if value, found := strings.CutPrefix(entry, "PATH="); found {
			path = value
		}
	}
	return slices.DeleteFunc(filepath.SplitList(path), func(dir string) bool { return !filepath.IsAbs(dir) })
}

// usualFolders returns where packages put PostgreSQL without a link on the PATH, newest first.
func usualFolders() []string {
	var found []string
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", // Debian
		"/usr/pgsql-*/bin",          // the PostgreSQL project's RPMs
		"/opt/homebrew/opt/postgresql@*/bin",
		"/usr/local/opt/postgresql@*/bin",
		"/Applications/Postgres.app/Contents/Versions/*/bin",
	} {
		matches, _ := filepath.Glob(pattern)
		slices.SortFunc(matches, func(a, b string) int { return cmp.Compare(versionIn(b), versionIn(a)) })
		found = append(found, matches...)
	}
	return found
}

// versionIn returns the number in a folder's path, zero if it has none.
func versionIn(dir string) int {
	version, _ := strconv.Atoi(regexp.MustCompile(`\d+`).FindString(dir))
	return version
}

// advice says in one line what to install.
func advice(major int) string {
	debian, brew := "postgresql", "postgresql@17"
	if major != 0 {
		debian, brew = fmt.Sprintf("postgresql-%d", major), fmt.Sprintf("postgresql@%d", major)
	}
	if runtime.GOOS == "darwin" {
		return "run `brew install " + brew + "`, or set DATABASE_URL"
	}
	return "run `apt-get install " + debian + "`, or your system's like, or set DATABASE_URL"
}
