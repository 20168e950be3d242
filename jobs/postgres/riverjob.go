package postgres

// RiverKind is the kind of all River jobs that stand for an attempt; what it is of the task's own
// kind is none of River's business.
const RiverKind = "freshet_attempt"

// RiverSchema is where River's tables live.
const RiverSchema = "river"

// riverInsertChannel is the channel on which River's clients listen for new jobs, and riverInsertHint
// what River itself would send there for a queue.
const riverInsertChannel = RiverSchema + ".river_insert"

// insertRiverJobs writes the River jobs of the queued attempts that the CTE named right after it lists,
// with columns river_job_id, pool, river_priority, task_id and number. It is what River's own insert
// writes for a job of one attempt; a test compares the two.
const insertRiverJobs = `INSERT INTO river.river_job (id, kind, queue, priority, max_attempts, state, args)
		SELECT river_job_id, '` + RiverKind + `', 'pool_' || pool, river_priority, 1, 'available',
			jsonb_build_object('taskId', task_id, 'attempt', number)
		FROM `
