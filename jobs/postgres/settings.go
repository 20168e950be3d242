package postgres

import (
	"context"
	"fmt"
	"time"

	"freshet/jobs"
)

// inMaintenance is a condition: nothing may start.
const inMaintenance = `EXISTS (SELECT FROM freshet.settings WHERE maintenance_at IS NOT NULL)`

// Settings reads what is true for all processes.
func (s *Store) Settings(ctx context.Context) (jobs.Settings, error) {
	var settings jobs.Settings
	var since *time.Time
	var message *string
	err := s.pool.QueryRow(ctx, `SELECT maintenance_at, maintenance_message, reload FROM freshet.settings`).
		Scan(&since, &message, &settings.Reload)
	if err != nil {
		return jobs.Settings{}, fmt.Errorf("settings: %w", err)
	}
	if since != nil {
		settings.Maintenance = &jobs.Maintenance{Since: *since}
		if message != nil {
			settings.Maintenance.Message = *message
		}
	}
	return settings, nil
}

// Maintain begins a maintenance, or changes the message of the one there is; or ends it.
func (s *Store) Maintain(ctx context.Context, enabled bool, message string) error {
	_, err := s.pool.Exec(ctx, `UPDATE freshet.settings SET
		maintenance_at = CASE WHEN $1 THEN coalesce(maintenance_at, clock_timestamp()) END,
		maintenance_message = CASE WHEN $1 THEN $2 END`, enabled, nullText(message))
	if err != nil {
		return fmt.Errorf("maintenance: %w", err)
	}
	s.notifier.control()
	return nil
}

// AskReload has every process read its freshet.yaml again.
func (s *Store) AskReload(ctx context.Context) error {
	if _, err := s.pool.Exec(ctx, `UPDATE freshet.settings SET reload = reload + 1`); err != nil {
		return fmt.Errorf("ask for a reload: %w", err)
	}
	s.notifier.control()
	return nil
}

// Install names this installation: what providers label its machines with.
func (s *Store) Install(ctx context.Context) (string, error) {
	var install string
	if err := s.pool.QueryRow(ctx, `SELECT install::text FROM freshet.settings`).Scan(&install); err != nil {
		return "", fmt.Errorf("name of the installation: %w", err)
	}
	return install, nil
}
