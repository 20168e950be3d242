package migrations

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// first makes and drops the table of the record, so its files end differently.
const first = 1

func TestEachFileRecordsItsVersion(t *testing.T) {
	t.Parallel()
	for _, name := range names(embedded) {
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
		body, err := embedded.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if oldest := contracts(string(body)); oldest != "" {
			want = fmt.Sprintf("INSERT INTO freshet.schema_versions (version, oldest) VALUES (%d, %s);", version, oldest)
		}
		if !strings.HasSuffix(strings.TrimSpace(string(body)), "\n"+want) {
			t.Errorf("the last line of %s is not\n%s", name, want)
		}
	}
}

// contracts returns the oldest schema that a file leaves alive, empty if it does not contract.
func contracts(body string) string {
	found := regexp.MustCompile(`(?m)\A(?:--.*\n)*SELECT freshet\.contract\((\d+)\);$`).FindStringSubmatch(body)
	if found == nil {
		return ""
	}
	return found[1]
}

// removes tells whether a file takes away what a program of before may use.
func removes(body string) bool {
	code := regexp.MustCompile(`--.*`).ReplaceAllString(body, "")
	return regexp.MustCompile(`(?i)\bDROP\s+(TABLE|COLUMN|VIEW|SCHEMA)\b|\bRENAME\b`).MatchString(code)
}

// mechanism is the version from which on a file can contract.
const mechanism = 116

func TestFilesThatRemoveContract(t *testing.T) {
	t.Parallel()
	for _, name := range names(embedded) {
		body, err := embedded.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		version, err := versionOf(name)
		if err == nil && version > mechanism && strings.HasSuffix(name, ".up.sql") && removes(string(body)) && contracts(string(body)) == "" {
			t.Errorf("%s removes something, and does not begin with SELECT freshet.contract(…)", name)
		}
	}
}

func TestWhatContracts(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]struct {
		oldest  string
		removes bool
	}{
		"-- Hosts are gone.\nSELECT freshet.contract(120);\nALTER TABLE freshet.workers\n    drop  column host;": {"120", true},
		"ALTER TABLE freshet.workers DROP COLUMN host;\nSELECT freshet.contract(120);":                           {"", true},
		"ALTER TABLE freshet.workers RENAME host TO machine;":                                                    {"", true},
		"ALTER TABLE freshet.workers ADD COLUMN room text;  -- do not drop table or rename":                      {"", false},
	} {
		if got := contracts(body); got != want.oldest {
			t.Errorf("%q leaves alive from %q, want %q", body, got, want.oldest)
		}
		if got := removes(body); got != want.removes {
			t.Errorf("%q removes: %v", body, got)
		}
	}
}

func TestFilesComeInPairs(t *testing.T) {
	t.Parallel()
	byVersion := make(map[uint][]string)
	for _, name := range names(embedded) {
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
	for _, name := range names(embedded) {
		body, err := embedded.ReadFile(name)
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
