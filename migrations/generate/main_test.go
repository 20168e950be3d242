package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/riverqueue/river/rivermigrate"
)

// The committed files are what River's module says today, no more and no fewer.
func TestCommittedFilesAreRivers(t *testing.T) {
	t.Parallel()
	want, err := riverFiles()
	if err != nil {
		t.Fatal(err)
	}
	committed, err := filepath.Glob("../*_river_v*.sql")
	if err != nil || len(committed) != len(want) {
		t.Fatalf("%d files are committed (error %v), River has %d", len(committed), err, len(want))
	}
	for name, body := range want {
		got, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Error(err)
		} else if string(got) != body {
			t.Errorf("%s differs: run `go run ./migrations/generate`", name)
		}
	}
}

func TestWrite(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := write(folder); err != nil {
		t.Fatal(err)
	}
	written, err := filepath.Glob(filepath.Join(folder, "*.sql"))
	if err != nil || len(written) != 2*len(numbers()) {
		t.Fatalf("wrote %d files (error %v), want %d", len(written), err, 2*len(numbers()))
	}
}

// A River that brings a new version must not pass unnoticed.
func TestNewVersionNeedsANumber(t *testing.T) {
	t.Parallel()
	later := []rivermigrate.Migration{{Version: 1}, {Version: 8}, {Version: 9, Name: "something new"}}
	_, err := filesOf(later, numbers())
	if err == nil || !strings.Contains(err.Error(), "River's version 9 (something new) has no number") {
		t.Fatalf("got %v", err)
	}
}

func TestNothingOfTheTemplateIsLeft(t *testing.T) {
	t.Parallel()
	files, err := riverFiles()
	if err != nil {
		t.Fatal(err)
	}
	for name, body := range files {
		if strings.Contains(body, "TEMPLATE") {
			t.Errorf("%s has a place for the schema that was not filled in", name)
		}
	}
}
