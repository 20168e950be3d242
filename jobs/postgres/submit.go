package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"freshet/jobs"
)

// submitSQL stores tasks with their payload, first attempt, River job and first event. A task whose
// idempotency key is taken is not stored; keys are taken in one order, so that two batches with the
// same keys cannot wait for each other.
const submitSQL = `
WITH input AS MATERIALIZED (
	SELECT i.*, nextval('river.river_job_id_seq') AS river_job_id, 1 AS number,
		k.paused_at IS NOT NULL OR p.paused_at IS NOT NULL OR ` + blocked + ` AS paused,
		coalesce(i.scheduled_at > clock_timestamp(), false) AS scheduled,
		coalesce(k.max_total, k.max_per_owner) IS NOT NULL AS limited
	FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int[], $7::text[], $8::smallint[],
		$9::text[], $10::text[], $11::bigint[], $12::uuid[], $13::text[], $14::timestamptz[], $15::timestamptz[],
		$16::text[], $17::bool[], $18::bytea[], $19::timestamptz[], $20::text[], $21::text[], $22::text[])
		AS i(task_id, owner, kind, kind_hash, pool, max_tries, priority, river_priority,
			tags, metadata, timeout_ms, rerun_of, input, scheduled_at, expires_at,
			key, key_active, fingerprint, created_at, webhook_url, webhook_key, trace)
	LEFT JOIN freshet.kinds k ON k.name = i.kind
	LEFT JOIN freshet.pools p ON p.name = i.pool
), keyed AS (
	INSERT INTO freshet.idempotency_keys (owner, key, fingerprint, task_id)
	SELECT owner, key, fingerprint, task_id FROM input WHERE key IS NOT NULL ORDER BY owner, key
	ON CONFLICT (owner, key) DO NOTHING
	RETURNING task_id
), fresh AS MATERIALIZED (
	SELECT *, paused OR scheduled OR limited AS held FROM input WHERE key IS NULL OR task_id IN (SELECT task_id FROM keyed)
), task AS (
	INSERT INTO freshet.tasks AS t (id, owner, kind, kind_hash, pool, state, seq, max_tries, priority, tags, metadata,
		timeout_ms, rerun_of, idempotency_key, key_active, created_at, scheduled_at, webhook_url, webhook_key, input_bytes)
	SELECT task_id, owner, kind, kind_hash, pool, 'pending', 1, max_tries, priority, tags::text[], metadata::json,
		timeout_ms, rerun_of, key, key_active, created_at, scheduled_at, webhook_url, webhook_key, octet_length(input)
	FROM fresh
	RETURNING t.id, t.created_at, ` + toldTask + `
), payload AS (
	INSERT INTO freshet.task_payloads (task_id, input, trace) SELECT task_id, input::json, trace FROM fresh
), attempt AS (
	INSERT INTO freshet.attempts (task_id, number, run, state, owner, kind, pool, river_priority,
		limited, hold, due_at, expires_at, river_job_id, since)
	SELECT task_id, number, 1, CASE WHEN held THEN 'held' ELSE 'queued' END, owner, kind, pool, river_priority,
		limited, CASE WHEN scheduled THEN 'scheduled' WHEN paused THEN 'paused' WHEN limited THEN 'kind_limit' END,
		CASE WHEN scheduled THEN scheduled_at WHEN held THEN created_at END,
		expires_at, CASE WHEN NOT held THEN river_job_id END, created_at
	FROM fresh
), queued AS (
	SELECT * FROM fresh WHERE NOT held
), job AS (
	` + insertRiverJobs + `queued
), told AS (
	SELECT id AS task_id, 1 AS seq, 1 AS attempt, created_at AS at, 'task.created' AS type, NULL::json AS data, NULL::text AS output, task FROM task
), ` + tellSQL + `
SELECT task_id, held, ` + someTold + ` FROM fresh`

// Submit stores a task together with others that arrive meanwhile. Its answer tells a replay and a
// conflict of the idempotency key from a new task; neither changes anything.
func (s *Store) Submit(ctx context.Context, submission jobs.Submission) (jobs.Submitted, error) {
	submitted, err := s.submits.Do(ctx, submission)
	if err != nil {
		return jobs.Submitted{}, fmt.Errorf("submit task: %w", err)
	}
	return submitted, nil
}

// SubmitAll stores all tasks or none. When any answer is a conflict nothing was stored.
func (s *Store) SubmitAll(ctx context.Context, submissions []jobs.Submission) ([]jobs.Submitted, error) {
	var answers []jobs.Submitted
	var fresh map[uuid.UUID]stored
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		var err error
		if fresh, err = insertTasks(ctx, tx, submissions); err != nil {
			return err
		}
		if answers, err = answerSubmits(ctx, tx, submissions, fresh); err != nil {
			return err
		}
		if slices.ContainsFunc(answers, func(a jobs.Submitted) bool { return a.Conflict }) {
			return pgx.ErrTxCommitRollback
		}
		return nil
	})
	if err != nil && err != pgx.ErrTxCommitRollback { //nolint:errorlint // our own sentinel, returned as it is
		return nil, fmt.Errorf("submit tasks: %w", err)
	}
	if err == nil {
		s.announce(submissions, fresh)
	}
	return answers, nil
}

func (s *Store) submitBatch(ctx context.Context, submissions []jobs.Submission) ([]jobs.Submitted, error) {
	fresh, err := insertTasks(ctx, s.pool, submissions)
	switch {
	case len(submissions) == 1 && storedBefore(err):
		return []jobs.Submitted{{ID: submissions[0].ID}}, nil
	case err != nil:
		return nil, err
	}
	s.announce(submissions, fresh)
	return answerSubmits(ctx, s.pool, submissions, fresh)
}

// storedBefore tells that a batch whose answer was lost has stored the task: all that is unique about a
// task, but for its idempotency key, is its id, and nobody else has that.
func storedBefore(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && refused.Code == "23505"
}

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// stored is what became of a task that was stored.
type stored struct {
	held bool // it is not queued
	told bool // somebody is to be told of it
}

// insertTasks returns the tasks that were stored.
func insertTasks(ctx context.Context, db querier, subs []jobs.Submission) (map[uuid.UUID]stored, error) {
	type sub = jobs.Submission
	rows, err := db.Query(ctx, submitSQL,
		column(subs, func(s sub) uuid.UUID { return s.ID }),
		column(subs, func(s sub) string { return s.Owner }),
		column(subs, func(s sub) string { return s.Kind }),
		column(subs, func(s sub) string { return s.KindHash }),
		column(subs, func(s sub) string { return s.Pool }),
		column(subs, func(s sub) int { return s.MaxTries }),
		column(subs, func(s sub) string { return string(s.Priority) }),
		column(subs, func(s sub) int16 { return s.Priority.River() }),
		column(subs, func(s sub) string { return textArray(s.Tags) }),
		column(subs, func(s sub) *string { return nullJSON(s.Metadata) }),
		column(subs, func(s sub) *int64 { return nullMillis(s.Timeout) }),
		column(subs, func(s sub) *uuid.UUID { return nullUUID(s.RerunOf) }),
		column(subs, func(s sub) string { return string(s.Input) }),
		column(subs, func(s sub) *time.Time { return s.ScheduledAt }),
		column(subs, func(s sub) *time.Time { return s.ExpiresAt }),
		column(subs, idempotencyKey),
		column(subs, func(s sub) bool { return s.Idempotency != nil && s.Idempotency.Scope == jobs.Active }),
		column(subs, fingerprint),
		column(subs, func(s sub) time.Time { return createdAt(s.ID) }),
		column(subs, func(s sub) *string { return nullText(s.Webhook.URL) }),
		column(subs, func(s sub) *string { return nullText(s.Webhook.Key) }),
		column(subs, func(s sub) *string { return nullText(s.Trace) }),
	)
	if err != nil {
		return nil, err
	}
	fresh := make(map[uuid.UUID]stored, len(subs))
	var id uuid.UUID
	var task stored
	_, err = pgx.ForEachRow(rows, []any{&id, &task.held, &task.told}, func() error {
		fresh[id] = task
		return nil
	})
	return fresh, err
}

// answerSubmits looks up, in a second statement with a younger snapshot, who took the keys of the
// tasks that were not stored. A key that was freed in between is one the caller can try again with.
func answerSubmits(ctx context.Context, db querier, subs []jobs.Submission, fresh map[uuid.UUID]stored) ([]jobs.Submitted, error) {
	answers := make([]jobs.Submitted, len(subs))
	var owners, keys []string
	for i, sub := range subs {
		answers[i].ID = sub.ID
		if _, known := fresh[sub.ID]; !known {
			owners, keys = append(owners, sub.Owner), append(keys, sub.Idempotency.Key)
		}
	}
	if len(keys) == 0 {
		return answers, nil
	}
	rows, err := db.Query(ctx, `SELECT k.owner, k.key, k.fingerprint, k.task_id FROM freshet.idempotency_keys k
		JOIN unnest($1::text[], $2::text[]) AS i(owner, key) USING (owner, key)`, owners, keys)
	if err != nil {
		return nil, err
	}
	type taken struct {
		fingerprint []byte
		task        uuid.UUID
	}
	holders := make(map[[2]string]taken, len(keys))
	var owner, key string
	var holder taken
	_, err = pgx.ForEachRow(rows, []any{&owner, &key, &holder.fingerprint, &holder.task}, func() error {
		holders[[2]string{owner, key}] = taken{bytes.Clone(holder.fingerprint), holder.task}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i, sub := range subs {
		if _, known := fresh[sub.ID]; known {
			continue
		}
		holder, found := holders[[2]string{sub.Owner, sub.Idempotency.Key}]
		same := found && bytes.Equal(holder.fingerprint, sub.Idempotency.Fingerprint[:])
		answers[i] = jobs.Submitted{ID: holder.task, Replayed: same, Conflict: !same}
	}
	return answers, nil
}

// announce sends the hints of new tasks: their queues to River's workers, their ids to those who watch.
func (s *Store) announce(subs []jobs.Submission, fresh map[uuid.UUID]stored) {
	for _, sub := range subs {
		task, known := fresh[sub.ID]
		if !known {
			continue
		}
		s.notifier.task(sub.ID)
		if task.told {
			s.notifier.delivery()
		}
		if task.held {
			s.notifier.control()
		} else {
			s.notifier.queue(sub.Pool)
		}
	}
}

func idempotencyKey(sub jobs.Submission) *string {
	if sub.Idempotency == nil {
		return nil
	}
	return &sub.Idempotency.Key
}

func fingerprint(sub jobs.Submission) []byte {
	if sub.Idempotency == nil {
		return nil
	}
	return sub.Idempotency.Fingerprint[:]
}

// createdAt is the time in a UUIDv7, so that a filter by time can be a bound of the id.
func createdAt(id uuid.UUID) time.Time {
	seconds, nanos := id.Time().UnixTime()
	return time.Unix(seconds, nanos).UTC()
}
