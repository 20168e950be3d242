package postgres

import (
	"bytes"
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"freshet/jobs"
)

// claimSQL makes queued attempts running, each under the very River job it was fetched with. One whose
// kind or pool is paused, or whose kind the worker lacks, is held again. A worker of another pool, which can only
// have fetched what somebody moved to its queue, is granted none. River jobs of claims that are not granted go. A claim that this worker made before, and whose answer was lost, is granted again.
const claimSQL = `
WITH input AS MATERIALIZED (
	SELECT i.*, w.kinds, w.pool FROM unnest($1::uuid[], $2::int[], $3::bigint[], $4::uuid[])
		AS i(task_id, number, river_job_id, worker_id)
	JOIN freshet.workers w ON w.id = i.worker_id AND w.died_at IS NULL
), task AS MATERIALIZED (
	SELECT t.id, t.kind, t.kind_hash, t.owner, t.pool, t.timeout_ms, t.tries, t.max_tries,
		i.number, i.river_job_id, i.worker_id, i.kinds
	FROM freshet.tasks t JOIN input i ON t.id = i.task_id
	WHERE t.attempt = i.number AND t.pool = i.pool
	ORDER BY t.id FOR UPDATE OF t
), candidate AS MATERIALIZED (
	SELECT task.*, a.state = 'running' AS again, a.started_at, a.since
	FROM freshet.attempts a JOIN task ON a.task_id = task.id AND a.number = task.number
	WHERE ` + claimable + `
	ORDER BY a.task_id FOR UPDATE OF a
), decided AS MATERIALIZED (
	SELECT c.*, clock_timestamp() AS now, CASE
		WHEN c.again THEN NULL
		WHEN k.paused_at IS NOT NULL OR p.paused_at IS NOT NULL OR ` + inMaintenance + ` THEN 'paused'
		WHEN ` + blocked + ` THEN 'credential_hold'
		WHEN c.kind <> ALL (c.kinds) THEN 'no_worker' END AS hold
	FROM candidate c
	LEFT JOIN freshet.kinds k ON k.name = c.kind
	LEFT JOIN freshet.pools p ON p.name = c.pool
), held AS (
	UPDATE freshet.attempts a SET state = 'held', hold = d.hold, due_at = d.now, since = d.now, river_job_id = NULL
	FROM decided d WHERE a.task_id = d.id AND a.number = d.number AND d.hold IS NOT NULL
), started AS (
	UPDATE freshet.attempts a SET state = 'running', worker_id = d.worker_id, started_at = d.now, expires_at = NULL
	FROM decided d WHERE a.task_id = d.id AND a.number = d.number AND d.hold IS NULL AND NOT d.again
), waits AS (
	UPDATE freshet.tasks t SET seq = t.seq + 1
	FROM decided d WHERE t.id = d.id AND d.hold IS NOT NULL
	RETURNING t.id, t.seq, d.number, d.now, 'task.waiting' AS type, json_build_object('reason', d.hold) AS data, ` + toldTask + `
), runs AS (
	UPDATE freshet.tasks t SET seq = t.seq + 1, state = 'running', started_at = coalesce(t.started_at, d.now),
		progress = 0, message = NULL
	FROM decided d WHERE t.id = d.id AND d.hold IS NULL AND NOT d.again
	RETURNING t.id, t.seq, d.number, d.now, 'task.started' AS type, json_build_object('workerId', d.worker_id) AS data, ` + toldTask + `
), told AS (
	SELECT id AS task_id, seq, number AS attempt, now AS at, type, data, NULL::text AS output, task
	FROM (SELECT * FROM waits UNION ALL SELECT * FROM runs) AS changed
), ` + tellSQL + `, gone AS (
	DELETE FROM river.river_job j USING input i WHERE j.id = i.river_job_id
		AND NOT EXISTS (SELECT FROM decided d WHERE d.river_job_id = i.river_job_id AND d.hold IS NULL)
)
SELECT d.id, d.number, d.river_job_id, d.worker_id, d.hold, coalesce(d.started_at, d.now), d.owner, d.kind, d.kind_hash,
	d.timeout_ms, d.tries, d.max_tries, d.since, p.input, p.trace, ` + someTold + `
FROM decided d JOIN freshet.task_payloads p ON p.task_id = d.id`

// claimRequest is a candidate and the registered worker that wants it.
type claimRequest struct {
	jobs.Candidate
	worker uuid.UUID
}

type claimAnswer struct {
	claim   jobs.Claim
	refusal jobs.ClaimRefusal
}

// Claim makes an attempt that was fetched from River the worker's own. The worker must have
// registered; it is granted only kinds that it registered with. A refusal is no error.
func (s *Store) Claim(ctx context.Context, worker uuid.UUID, candidate jobs.Candidate) (jobs.Claim, jobs.ClaimRefusal, error) {
	answer, err := s.claims.Do(ctx, claimRequest{candidate, worker})
	if err != nil {
		return jobs.Claim{}, "", fmt.Errorf("claim attempt %d of task %s: %w", candidate.Attempt, candidate.TaskID, err)
	}
	return answer.claim, answer.refusal, nil
}

func (s *Store) claimBatch(ctx context.Context, requests []claimRequest) ([]claimAnswer, error) {
	rows, err := s.pool.Query(ctx, claimSQL,
		column(requests, func(r claimRequest) uuid.UUID { return r.TaskID }),
		column(requests, func(r claimRequest) int { return r.Attempt }),
		column(requests, func(r claimRequest) int64 { return r.RiverJob }),
		column(requests, func(r claimRequest) uuid.UUID { return r.worker }))
	if err != nil {
		return nil, err
	}
	decided := make(map[claimRequest]claimAnswer, len(requests))
	var row claimRow
	_, err = pgx.ForEachRow(rows, row.targets(), func() error {
		answer := row.answer()
		decided[claimRequest{jobs.Candidate{TaskID: row.TaskID, Attempt: row.Attempt, RiverJob: row.RiverJob}, row.WorkerID}] = answer
		s.notifier.task(row.TaskID)
		if row.told {
			s.notifier.delivery()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	answers := make([]claimAnswer, len(requests))
	for i, request := range requests {
		answer, found := decided[request]
		if !found {
			answer.refusal = jobs.ClaimStale
		}
		answers[i] = answer
	}
	return answers, nil
}

// claimRow is a decided claim as the statement returns it.
type claimRow struct {
	jobs.Claim
	hold    *string
	timeout *int64
	input   []byte
	trace   *string
	told    bool
}

func (r *claimRow) targets() []any {
	return []any{
		&r.TaskID, &r.Attempt, &r.RiverJob, &r.WorkerID, &r.hold, &r.StartedAt,
		&r.Owner, &r.Kind, &r.KindHash, &r.timeout, &r.Tries, &r.MaxTries, &r.QueuedAt, &r.input, &r.trace, &r.told,
	}
}

func (r *claimRow) answer() claimAnswer {
	answer := claimAnswer{claim: r.Claim}
	answer.claim.Input = bytes.Clone(r.input)
	answer.claim.Timeout = fromMillis(r.timeout)
	if r.trace != nil {
		answer.claim.Trace = *r.trace
	}
	if r.hold != nil {
		answer.refusal = jobs.ClaimHeld
	}
	return answer
}
