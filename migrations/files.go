package migrations

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

//go:embed *.sql
var embedded embed.FS

// Latest is the version a fully migrated database has. It is also this program's schema: what the database
// looked like when the program was made.
func Latest() uint { return latest(embedded) }

func latest(files fs.FS) uint {
	var latest uint
	for _, name := range names(files) {
		if version, _ := versionOf(name); version > latest {
			latest = version
		}
	}
	return latest
}

// Hash identifies the content of all files, for those that keep a migrated database for reuse.
func Hash() string {
	sum := sha256.New()
	for _, name := range names(embedded) {
		body, _ := embedded.ReadFile(name)
		fmt.Fprintf(sum, "%s %d\n%s", name, len(body), body)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// names returns the names of all files, sorted. Reading an embedded folder cannot fail.
func names(files fs.FS) []string {
	found, _ := fs.Glob(files, "*.sql")
	return found
}

// versionOf returns the version a file's name begins with.
func versionOf(name string) (uint, error) {
	number, _, _ := strings.Cut(name, "_")
	version, err := strconv.ParseUint(number, 10, 31)
	if err != nil {
		return 0, fmt.Errorf("file %s does not begin with a version: %w", name, err)
	}
	return uint(version), nil
}
