package cmd

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"freshet/migrations"
)

// TestMigrateRefused says what to do where somebody is in the way, and there alone.
func TestMigrateRefused(t *testing.T) {
	t.Parallel()
	inUse := migrateRefused(fmt.Errorf("migrate: %w:\nworker w", migrations.ErrInUse))
	if !errors.Is(inUse, migrations.ErrInUse) || !strings.Contains(inUse.Error(), "\nworker w\n") || !strings.Contains(inUse.Error(), "--force") {
		t.Errorf("it says %v", inUse)
	}
	if other := errors.New("no connection"); migrateRefused(other) != other { //nolint:errorlint // the very same
		t.Error("something is added to another error")
	}
}
