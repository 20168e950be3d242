package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"freshet/jobs"
)

const userColumns = `name, admin, created_at, password_changed_at, disabled_at, last_login_at`

func scanUser(row pgx.CollectableRow) (jobs.User, error) {
	var user jobs.User
	err := row.Scan(&user.Name, &user.Admin, &user.CreatedAt, &user.PasswordChangedAt, &user.DisabledAt, &user.LastLoginAt)
	return user, err
}

// CreateUser stores a new user with the hash of the password. Errors: jobs.ErrExists.
func (s *Store) CreateUser(ctx context.Context, name, password string, admin bool) (jobs.User, error) {
	rows, _ := s.pool.Query(ctx, `INSERT INTO freshet.users (name, password, admin) VALUES ($1, $2, $3)
		ON CONFLICT DO NOTHING RETURNING `+userColumns, name, password, admin) // CollectExactlyOneRow tells of errors
	user, err := pgx.CollectExactlyOneRow(rows, scanUser)
	if errors.Is(err, pgx.ErrNoRows) {
		err = jobs.ErrExists
	}
	if err != nil {
		return jobs.User{}, fmt.Errorf("create user %s: %w", name, err)
	}
	return user, nil
}

// Users lists the users by name.
func (s *Store) Users(ctx context.Context) ([]jobs.User, error) {
	rows, err := s.pool.Query(ctx, `SELECT `+userColumns+` FROM freshet.users ORDER BY name`)
	if err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	users, err := pgx.CollectRows(rows, scanUser)
	if err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	return users, nil
}

// ChangeUser changes a user, and ends all sessions of the user. Errors: jobs.ErrNotFound.
func (s *Store) ChangeUser(ctx context.Context, name string, change jobs.UserChange) (jobs.User, error) {
	rows, _ := s.pool.Query(ctx, `WITH changed AS (
			UPDATE freshet.users SET generation = generation + 1,
				password = coalesce($2, password),
				password_changed_at = CASE WHEN $2 IS NULL THEN password_changed_at ELSE clock_timestamp() END,
				admin = coalesce($3, admin),
				disabled_at = CASE WHEN $4::boolean IS NULL THEN disabled_at
					WHEN $4 THEN coalesce(disabled_at, clock_timestamp()) END
			WHERE name = $1 RETURNING *
		), ended AS (
			DELETE FROM freshet.sessions WHERE user_name = (SELECT name FROM changed)
		)
		SELECT `+userColumns+` FROM changed`,
		name, change.Password, change.Admin, change.Disabled) // CollectExactlyOneRow tells of errors
	user, err := pgx.CollectExactlyOneRow(rows, scanUser)
	if err = noRows(err); err != nil {
		return jobs.User{}, fmt.Errorf("change user %s: %w", name, err)
	}
	return user, nil
}

// RemoveUser deletes a user and all sessions of the user. Errors: jobs.ErrNotFound.
func (s *Store) RemoveUser(ctx context.Context, name string) error {
	tag, err := s.pool.Exec(ctx, `DELETE FROM freshet.users WHERE name = $1`, name)
	if err == nil && tag.RowsAffected() == 0 {
		err = jobs.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("remove user %s: %w", name, err)
	}
	return nil
}

// Password reads the hash of the password of a user who may sign in. Errors: jobs.ErrNotFound.
func (s *Store) Password(ctx context.Context, name string) (hash string, err error) {
	err = s.pool.QueryRow(ctx, `SELECT password FROM freshet.users WHERE name = $1 AND disabled_at IS NULL`, name).Scan(&hash)
	if err = noRows(err); err != nil {
		return "", fmt.Errorf("password of a user: %w", err)
	}
	return hash, nil
}

// Unfinished lists the ids of an owner's tasks that have not ended and whose cancel nobody has requested: at
// most limit of them, ascending, behind after.
func (s *Store) Unfinished(ctx context.Context, owner string, after uuid.UUID, limit int) ([]uuid.UUID, error) {
	rows, err := s.pool.Query(ctx, `SELECT task_id FROM freshet.attempts
		WHERE owner = $1 AND task_id > $2 AND state <> 'ended' AND cancel_requested_at IS NULL
		ORDER BY task_id LIMIT $3`, owner, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list unfinished tasks: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return nil, fmt.Errorf("list unfinished tasks: %w", err)
	}
	return ids, nil
}
