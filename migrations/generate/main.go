// Command generate writes River's migrations as golang-migrate files, one pair per River version.
//
//	go run ./migrations/generate
//
// One file per version, because River adds an enum value in one and uses it in a later one, which
// one transaction cannot do. River's version 1 is left out: it only makes River's own record of
// migrations, which golang-migrate keeps here.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// numbers gives each River version its place among all migrations. Databases exist that have
// everything up to the highest file there is today. A later River version therefore gets the next
// free number after that file, never one in between, where golang-migrate would not look again.
func numbers() map[int]int {
	return map[int]int{2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 7, 8: 8}
}

func main() {
	if err := write("migrations"); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func write(folder string) error {
	files, err := riverFiles()
	if err != nil {
		return err
	}
	for name, body := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(body), 0o644); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}

// riverFiles returns the text of each of River's files by its name.
func riverFiles() (map[string]string, error) {
	river, err := rivermigrate.New(riverpgxv5.New(nil), &rivermigrate.Config{})
	if err != nil {
		return nil, fmt.Errorf("read River's migrations: %w", err)
	}
	return filesOf(river.AllVersions(), numbers())
}

func filesOf(versions []rivermigrate.Migration, numbers map[int]int) (map[string]string, error) {
	files := make(map[string]string)
	var missing []error
	for _, v := range versions {
		if v.Version == 1 {
			continue
		}
		number, ok := numbers[v.Version]
		if !ok {
			missing = append(missing, fmt.Errorf(
				"River's version %d (%s) has no number: give it the next free one after all files", v.Version, v.Name))
			continue
		}
		name := fmt.Sprintf("%06d_river_v%d", number, v.Version)
		files[name+".up.sql"] = body(v, v.SQLUp,
			fmt.Sprintf("INSERT INTO freshet.schema_versions (version) VALUES (%d);", number))
		files[name+".down.sql"] = body(v, v.SQLDown,
			fmt.Sprintf("DELETE FROM freshet.schema_versions WHERE version = %d;", number))
	}
	return files, errors.Join(missing...)
}

// body makes one file: River's text in the schema river, and the statement that records it.
func body(v rivermigrate.Migration, text, record string) string {
	text = strings.ReplaceAll(text, "/* TEMPLATE: schema */", "river.")
	header := fmt.Sprintf("-- River's version %d (%s). Written by migrations/generate; do not edit.", v.Version, v.Name)
	return header + "\n\n" + trimLines(text) + "\n\n" + record + "\n"
}

// trimLines takes away blanks at the ends of lines, which editors and diffs stumble over.
func trimLines(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " \t\r")
	}
	return strings.Join(lines, "\n")
}
