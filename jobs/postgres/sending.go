package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"freshet/jobs"
)

// targetsCTE lists, by skipping through the index, to whom something is pending that may be sent.
const targetsCTE = `RECURSIVE step AS (
	(SELECT target FROM freshet.deliveries WHERE state = 'pending' ORDER BY target LIMIT 1)
	UNION ALL
	SELECT (SELECT d.target FROM freshet.deliveries d WHERE d.state = 'pending' AND d.target > step.target ORDER BY d.target LIMIT 1)
	FROM step WHERE step.target IS NOT NULL
), target AS MATERIALIZED (
	SELECT step.target FROM step
	LEFT JOIN freshet.endpoints e ON e.id = CASE WHEN step.target ~ '^[0-9a-f-]{36}$' THEN step.target::uuid END
	WHERE step.target !~ '^[0-9a-f-]{36}$' OR e.enabled AND e.paused_at IS NULL
)`

// idle: nobody sends the delivery d.
const idle = `(d.sending_until IS NULL OR d.sending_until <= clock_timestamp())`

// takeSQL takes what is due, in turn from each target, and no more of one than may be sent at once. Whose turn
// it is: the owner of whom the fewest are being sent, so that many slow receivers of one keep nobody else's waiting.
const takeSQL = `
WITH ` + targetsCTE + `, sending AS MATERIALIZED (
	SELECT target, owner, count(*) AS count FROM freshet.deliveries
	WHERE state = 'pending' AND sending_until > clock_timestamp() GROUP BY target, owner
), due AS MATERIALIZED (
	SELECT d.* FROM target CROSS JOIN LATERAL (
		SELECT d.id, d.tries, d.owner, d.due_at, row_number() OVER (ORDER BY d.due_at, d.id) AS turn FROM freshet.deliveries d
		WHERE d.target = target.target AND d.state = 'pending' AND d.due_at <= clock_timestamp() AND ` + idle + `
		ORDER BY d.due_at, d.id
		LIMIT greatest(0, $2 - (SELECT coalesce(sum(count), 0) FROM sending WHERE sending.target = target.target))
	) d
), chosen AS MATERIALIZED (
	SELECT id, tries FROM (
		SELECT due.*, row_number() OVER (PARTITION BY owner ORDER BY turn, due_at)
			+ (SELECT coalesce(sum(count), 0) FROM sending WHERE sending.owner = due.owner) AS place FROM due
	) d ORDER BY place, due_at LIMIT $1
), taken AS (
	UPDATE freshet.deliveries d SET tries = d.tries + 1, sending_until = clock_timestamp() + $3::bigint * interval '1 millisecond'
	FROM chosen WHERE d.id = chosen.id AND d.tries = chosen.tries AND d.state = 'pending'
	RETURNING d.*
)
SELECT d.id, d.message, d.endpoint_id, d.owner, d.type, d.at, d.task_id, coalesce(d.seq, 0), coalesce(d.attempt, 0), d.tries, d.failures, d.told, d.body,
	coalesce(d.url, e.url, ''), e.headers, coalesce(d.key, ''),
	coalesce(e.signing, k.signing), coalesce(e.signing_until, k.signing_until)
FROM taken d LEFT JOIN freshet.endpoints e ON e.id = d.endpoint_id LEFT JOIN freshet.api_keys k ON k.name = d.key`

// TakeDeliveries takes deliveries that are due, at most limit of them, each for a time in which nobody else
// sends it; a target has no more than perTarget at once, over all processes.
func (s *Store) TakeDeliveries(ctx context.Context, limit, perTarget int, within time.Duration) ([]jobs.Sending, error) {
	// Both statements are one transaction and one round trip. The lock makes the counts of targets exact.
	batch := &pgx.Batch{}
	batch.Queue(`SELECT pg_advisory_xact_lock(hashtextextended('freshet deliveries', 0))`)
	var sendings []jobs.Sending
	batch.Queue(takeSQL, limit, perTarget, within.Milliseconds()).Query(func(rows pgx.Rows) error {
		var err error
		sendings, err = pgx.CollectRows(rows, scanSending)
		return err
	})
	if err := s.pool.SendBatch(ctx, batch).Close(); err != nil {
		return nil, fmt.Errorf("take deliveries: %w", err)
	}
	return sendings, nil
}

func scanSending(row pgx.CollectableRow) (jobs.Sending, error) {
	var d jobs.Sending
	var endpoint, task *uuid.UUID
	var told []byte
	err := row.Scan(&d.ID, &d.Message, &endpoint, &d.Owner, &d.Type, &d.At, &task, &d.Seq, &d.Attempt, &d.Tries, &d.Failures, &told, &d.Body,
		&d.URL, &d.Headers, &d.Key, &d.Signing.Secrets, &d.Signing.Until)
	if err != nil {
		return d, err
	}
	if endpoint != nil {
		d.Endpoint = *endpoint
	}
	if task != nil {
		d.TaskID = *task
	}
	if d.Told, err = readTold(told); err != nil {
		return d, fmt.Errorf("delivery %s: %w", d.ID, err)
	}
	return d, nil
}

// NextDelivery is how long it is until a delivery is due: zero or less when one is, false when none waits.
func (s *Store) NextDelivery(ctx context.Context) (time.Duration, bool, error) {
	var micros *int64
	err := s.pool.QueryRow(ctx, `WITH `+targetsCTE+`
		SELECT (extract(epoch FROM min(d.due_at) - clock_timestamp()) * 1000000)::bigint
		FROM target CROSS JOIN LATERAL (SELECT d.due_at FROM freshet.deliveries d
			WHERE d.target = target.target AND d.state = 'pending' AND `+idle+` ORDER BY d.due_at LIMIT 1) d`).Scan(&micros)
	if err != nil {
		return 0, false, fmt.Errorf("next delivery: %w", err)
	}
	if micros == nil {
		return 0, false, nil
	}
	return time.Duration(*micros) * time.Microsecond, true, nil
}

// failingDays is for how long nothing may arrive at an endpoint until it is disabled.
const failingDays = 5

// sentSQL records a sending, and what it says of the endpoint: one that is gone, or at which nothing arrived
// for days, is disabled, of which the owner's other endpoints may hear.
const sentSQL = `
WITH mine AS MATERIALIZED (
	SELECT d.id, d.endpoint_id, clock_timestamp() AS now FROM freshet.deliveries d
	WHERE d.id = $1 AND d.tries = $2 AND d.state = 'pending' FOR UPDATE
), try AS (
	INSERT INTO freshet.delivery_tries (delivery_id, number, at, took_ms, status, answer, error)
	SELECT id, $2, $3, $4, $5, $6, $7 FROM mine
), done AS (
	UPDATE freshet.deliveries d SET
		state = CASE WHEN $8 THEN 'delivered' WHEN $9::bigint IS NULL THEN 'failed' ELSE 'pending' END,
		failures = CASE WHEN $8 THEN 0 ELSE d.failures + 1 END,
		body = coalesce(d.body, $10), told = NULL, sending_until = NULL,
		due_at = coalesce(mine.now + $9 * interval '1 millisecond', d.due_at),
		ended_at = CASE WHEN $8 OR $9 IS NULL THEN mine.now END
	FROM mine WHERE d.id = mine.id
), judged AS (
	UPDATE freshet.endpoints e SET
		failing_since = CASE WHEN NOT $8 THEN coalesce(e.failing_since, mine.now) END,
		enabled = e.enabled AND ($8 OR NOT $11 AND coalesce(e.failing_since > mine.now - $12 * interval '1 day', true)),
		disabled_reason = CASE WHEN $8 OR NOT e.enabled THEN e.disabled_reason
			WHEN $11 THEN 'It answered 410 Gone.'
			WHEN e.failing_since <= mine.now - $12 * interval '1 day' THEN 'Nothing has arrived there for ' || $12 || ' days.' END
	FROM mine, freshet.endpoints b
	WHERE e.id = mine.endpoint_id AND b.id = e.id AND (NOT $8 OR e.failing_since IS NOT NULL)
	RETURNING e.id, e.owner, e.url, e.disabled_reason, mine.now, b.enabled AND NOT e.enabled AS disabled
), heard AS (
	INSERT INTO freshet.deliveries (target, endpoint_id, owner, message, type, at, told, due_at)
	SELECT h.id, h.id, j.owner, j.id || '_disabled_' || (extract(epoch FROM j.now) * 1000)::bigint, 'endpoint.disabled', j.now,
		json_build_object('data', json_build_object('endpoint', json_build_object('id', j.id, 'url', j.url), 'reason', j.disabled_reason)), j.now
	FROM judged j JOIN freshet.endpoints h ON h.id <> j.id AND h.enabled AND (h.everyone OR h.owner = j.owner) AND 'endpoint.disabled' = ANY (h.events)
	WHERE j.disabled
)
SELECT EXISTS (SELECT FROM judged WHERE disabled) FROM mine`

// Sent records how a sending ended. One whose time was up, and that another process has taken since,
// changes nothing.
func (s *Store) Sent(ctx context.Context, sent jobs.Sent) error {
	var status *int
	if sent.Try.Status != 0 {
		status = &sent.Try.Status
	}
	var next *int64
	if sent.Next != nil {
		millis := sent.Next.Milliseconds()
		next = &millis
	}
	var disabled bool
	err := s.pool.QueryRow(ctx, sentSQL, sent.Delivery, sent.Number, sent.Try.At, sent.Try.Took.Milliseconds(), status,
		sent.Try.Answer, nullText(sent.Try.Error), sent.OK, next, sent.Body, sent.Gone, failingDays).Scan(&disabled)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("record delivery %s: %w", sent.Delivery, err)
	}
	if disabled {
		s.notifier.delivery()
	}
	return nil
}
