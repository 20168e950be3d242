package postgres

// tellSQL writes what the CTE named told lists: events, and a delivery of each to every endpoint that
// hears of it, and to the task's own webhook when it ends. told has the columns task_id, seq, attempt, at,
// type, data, output and task; that last one is what toldTask gives.
const tellSQL = `event AS (
	INSERT INTO freshet.task_events (task_id, seq, attempt, at, type, data)
	SELECT task_id, seq, attempt, at, type, data FROM told
), delivery AS (
	INSERT INTO freshet.deliveries (target, endpoint_id, url, key, owner, message, task_id, seq, attempt, type, at, told, due_at)
	SELECT coalesce(e.id::text, substring(e.url FROM '^[^/]*//[^/?#]*')), e.id, e.url, e.key, e.owner,
		told.task_id || '_' || told.seq, told.task_id, told.seq, told.attempt, told.type, told.at,
		json_build_object('task', told.task, 'data', told.data,
			'output', CASE WHEN octet_length(told.output) <= 16384 THEN told.output::json END,
			'large', octet_length(told.output) > 16384),
		clock_timestamp()
	FROM told CROSS JOIN LATERAL (
		SELECT h.id, h.owner, NULL::text AS url, NULL::text AS key FROM freshet.endpoints h
		WHERE h.enabled AND (h.everyone OR h.owner = told.task->>'owner') AND told.type = ANY (h.events)
			AND (h.kinds = '{}' OR told.task->>'kind' = ANY (h.kinds))
		UNION ALL
		SELECT NULL, k.owner, told.task->>'webhook_url', k.name FROM freshet.api_keys k
		WHERE k.name = told.task->>'webhook_key' AND told.type IN ('task.completed', 'task.failed', 'task.cancelled')
	) e
	WHERE told.task IS NOT NULL
	RETURNING id
)`

// toldTask is the row of task t as a delivery keeps it, unless nobody may hear of it.
const toldTask = `CASE WHEN t.webhook_url IS NOT NULL OR EXISTS (SELECT FROM freshet.endpoints) THEN to_json(t) END AS task`

// someTold tells whether tellSQL made a delivery.
const someTold = `EXISTS (SELECT FROM delivery)`
