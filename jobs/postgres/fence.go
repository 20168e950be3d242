//go:build !unfenced

package postgres

// fenced is what the CTE attempt of a worker's write asks of the row a, under its lock: the attempt runs,
// and it is this worker's. A paused worker that wakes after another has taken its place changes nothing.
const fenced = `a.state = 'running' AND a.worker_id = task.worker_id`
