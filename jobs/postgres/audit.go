package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"freshet/jobs"
)

// SaveAct writes an act into the audit log. Its id is given here.
func (s *Store) SaveAct(ctx context.Context, act jobs.Act) error {
	_, err := s.pool.Exec(ctx, `INSERT INTO freshet.audit_log (actor, owner, action, object, address, user_agent, request_id, status)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		act.Actor, act.Owner, act.Action, act.Object, act.Address, act.UserAgent, act.RequestID, act.Status)
	if err != nil {
		return fmt.Errorf("write down %s: %w", act.Action, err)
	}
	return nil
}

// Acts lists the audit log, newest first: what the filter lets through and what is older than before, which
// is zero for the first page.
func (s *Store) Acts(ctx context.Context, filter jobs.ActFilter, before uuid.UUID, limit int) ([]jobs.Act, error) {
	conditions, arguments := []string{"true"}, []any{limit}
	add := func(condition string, argument any) {
		arguments = append(arguments, argument)
		conditions = append(conditions, fmt.Sprintf(condition, len(arguments)))
	}
	if filter.Actor != "" {
		add("actor = $%d", filter.Actor)
	}
	if filter.Action != "" {
		add("action = $%d", filter.Action)
	}
	if !filter.Since.IsZero() {
		add("id >= $%d", firstID(filter.Since))
	}
	if before != uuid.Nil {
		add("id < $%d", before)
	}
	rows, err := s.pool.Query(ctx, `SELECT id, actor, owner, action, object, address, user_agent, request_id, status
		FROM freshet.audit_log WHERE `+strings.Join(conditions, " AND ")+` ORDER BY id DESC LIMIT $1`, arguments...)
	if err != nil {
		return nil, fmt.Errorf("list acts: %w", err)
	}
	acts, err := pgx.CollectRows(rows, pgx.RowToStructByPos[jobs.Act])
	if err != nil {
		return nil, fmt.Errorf("list acts: %w", err)
	}
	return acts, nil
}

// RemoveOldActs deletes what was written down longer than age ago, at most limit lines, and tells how many.
func (s *Store) RemoveOldActs(ctx context.Context, age time.Duration, limit int) (int, error) {
	tag, err := s.pool.Exec(ctx, `DELETE FROM freshet.audit_log WHERE id IN (
		SELECT id FROM freshet.audit_log WHERE id < $1 ORDER BY id LIMIT $2)`, firstID(time.Now().Add(-age)), limit)
	if err != nil {
		return 0, fmt.Errorf("remove old acts: %w", err)
	}
	return int(tag.RowsAffected()), nil
}
