package migrations

import (
	"fmt"
	"strings"
	"testing"
)

// first makes and drops the table of the record, so its files end differently.
const first = 1

func TestEachFileRecordsItsVersion(t *testing.T) {
	t.Parallel()
	for _, name := range names() {
		version, err := versionOf(name)
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("INSERT INTO freshet.schema_versions (version) VALUES (%d);", version)
		switch down := strings.HasSuffix(name, ".down.sql"); {
		case down && version == first:
			want = "DROP TABLE freshet.schema_versions;"
		case down:
			want = fmt.Sprintf("DELETE FROM freshet.schema_versions WHERE version = %d;", version)
		}
		body, err := files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(strings.TrimSpace(string(body)), "\n"+want) {
			t.Errorf("the last line of %s is not\n%s", name, want)
		}
	}
}

func TestFilesComeInPairs(t *testing.T) {
	t.Parallel()
	byVersion := make(map[uint][]string)
	for _, name := range names() {
		version, err := versionOf(name)
		if err != nil {
			t.Fatal(err)
		}
		byVersion[version] = append(byVersion[version], name)
	}
	for version, pair := range byVersion {
		if len(pair) != 2 || strings.TrimSuffix(pair[0], ".down.sql") != strings.TrimSuffix(pair[1], ".up.sql") {
			t.Errorf("version %d is not a pair of up and down: %v", version, pair)
		}
	}
}

// One implicit transaction per file is what the record stands on.
func TestNoFileLeavesItsTransaction(t *testing.T) {
	t.Parallel()
	for _, name := range names() {
		body, err := files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(body)) {
			code, _, _ := strings.Cut(strings.ToUpper(line), "--")
			switch words := strings.Fields(code); {
			case strings.Contains(code, "CONCURRENTLY"), len(words) > 0 && words[0] == "COMMIT;", len(words) > 0 && words[0] == "BEGIN;":
				t.Errorf("%s: %s", name, strings.TrimSpace(line))
			}
		}
	}
}

func TestVersionOf(t *testing.T) {
	t.Parallel()
	if version, err := versionOf("000100_freshet.up.sql"); err != nil || version != 100 {
		t.Errorf("got %d, %v", version, err)
	}
	if _, err := versionOf("freshet.up.sql"); err == nil {
		t.Error("a name without a version is accepted")
	}
}

func TestHashIsStable(t *testing.T) {
	t.Parallel()
	if one, again := Hash(), Hash(); one != again || len(one) != 64 {
		t.Errorf("got %s, then %s", one, again)
	}
}
