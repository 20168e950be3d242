//go:build !unfenced

package postgres

// fenced is what the CTE attempt of a worker's write asks of the row a, under its lock: the attempt runs,
// and it is this worker's. A paused worker that wakes after another has taken its place changes nothing.
const fenced = `a.state = 'running' AND a.worker_id = task.worker_id`

// claimable is what a claim asks: the attempt is queued under the very River job that the worker fetched, or
// runs and is this worker's, who did not hear so.
const claimable = `a.river_job_id = task.river_job_id
		AND (a.state = 'queued' OR a.state = 'running' AND a.worker_id = task.worker_id)`
