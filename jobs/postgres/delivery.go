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

// ofOthers tells whether the delivery d, to the endpoint e, is not only for who may see its owner's tasks.
const ofOthers = `(coalesce(e.everyone, false) OR d.task_id IS NOT NULL
	AND NOT EXISTS (SELECT FROM freshet.tasks t WHERE t.id = d.task_id AND t.owner = d.owner))`

const deliveryColumns = `d.id, d.message, d.endpoint_id, coalesce(d.url, e.url, ''), d.owner, ` + ofOthers + `, d.task_id, coalesce(d.seq, 0),
	coalesce(d.attempt, 0), d.type, d.at, d.state, d.tries, d.due_at, d.ended_at,
	l.number, l.at, l.took_ms, coalesce(l.status, 0), l.answer, coalesce(l.error, '')
	FROM freshet.deliveries d LEFT JOIN freshet.endpoints e ON e.id = d.endpoint_id
	LEFT JOIN LATERAL (SELECT * FROM freshet.delivery_tries y WHERE y.delivery_id = d.id ORDER BY y.number DESC LIMIT 1) l ON true`

func scanDelivery(row pgx.CollectableRow) (jobs.Delivery, error) {
	var d jobs.Delivery
	var endpoint, task *uuid.UUID
	var number *int
	var at *time.Time
	var took *int64
	var last jobs.DeliveryTry
	err := row.Scan(&d.ID, &d.Message, &endpoint, &d.URL, &d.Owner, &d.OfOthers, &task, &d.Seq, &d.Attempt, &d.Type, &d.At, &d.State, &d.Tries,
		&d.DueAt, &d.EndedAt, &number, &at, &took, &last.Status, &last.Answer, &last.Error)
	if endpoint != nil {
		d.Endpoint = *endpoint
	}
	if task != nil {
		d.TaskID = *task
	}
	if number != nil {
		last.Number, last.At, last.Took = *number, *at, fromMillis(took)
		d.Last = &last
	}
	return d, err
}

// Deliveries lists deliveries with their last try, the newest first: those that the filter lets through and
// that are older than before, which is zero for the first page.
func (s *Store) Deliveries(ctx context.Context, filter jobs.DeliveryFilter, before uuid.UUID, limit int) ([]jobs.Delivery, error) {
	conditions, arguments := []string{"true"}, []any{limit}
	add := func(condition string, argument any) {
		arguments = append(arguments, argument)
		conditions = append(conditions, fmt.Sprintf(condition, len(arguments)))
	}
	if filter.Owner != "" {
		add("d.owner = $%d", filter.Owner)
	}
	if filter.OwnTasks {
		conditions = append(conditions, "NOT "+ofOthers)
	}
	if filter.Endpoint != uuid.Nil {
		add("d.endpoint_id = $%d", filter.Endpoint)
	}
	if filter.Task != uuid.Nil {
		add("d.task_id = $%d", filter.Task)
	}
	if filter.State != "" {
		add("d.state = $%d", string(filter.State))
	}
	if before != uuid.Nil {
		add("d.id < $%d", before)
	}
	rows, err := s.window.Query(ctx, `SELECT `+deliveryColumns+` WHERE `+strings.Join(conditions, " AND ")+` ORDER BY d.id DESC LIMIT $1`, arguments...)
	if err != nil {
		return nil, fmt.Errorf("list deliveries: %w", err)
	}
	deliveries, err := pgx.CollectRows(rows, scanDelivery)
	if err != nil {
		return nil, fmt.Errorf("list deliveries: %w", err)
	}
	return deliveries, nil
}

// Delivery reads one delivery with all its tries, the first one first. Errors: jobs.ErrNotFound.
func (s *Store) Delivery(ctx context.Context, id uuid.UUID) (jobs.Delivery, []jobs.DeliveryTry, error) {
	rows, err := s.window.Query(ctx, `SELECT `+deliveryColumns+` WHERE d.id = $1`, id)
	if err != nil {
		return jobs.Delivery{}, nil, fmt.Errorf("delivery %s: %w", id, err)
	}
	delivery, err := pgx.CollectExactlyOneRow(rows, scanDelivery)
	if err = noRows(err); err != nil {
		return jobs.Delivery{}, nil, fmt.Errorf("delivery %s: %w", id, err)
	}
	rows, err = s.window.Query(ctx, `SELECT number, at, took_ms, coalesce(status, 0), answer, coalesce(error, '')
		FROM freshet.delivery_tries WHERE delivery_id = $1 ORDER BY number`, id)
	if err != nil {
		return jobs.Delivery{}, nil, fmt.Errorf("tries of delivery %s: %w", id, err)
	}
	tries, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (jobs.DeliveryTry, error) {
		var try jobs.DeliveryTry
		var took int64
		err := row.Scan(&try.Number, &try.At, &took, &try.Status, &try.Answer, &try.Error)
		try.Took = fromMillis(&took)
		return try, err
	})
	if err != nil {
		return jobs.Delivery{}, nil, fmt.Errorf("tries of delivery %s: %w", id, err)
	}
	return delivery, tries, nil
}

// Resend has a delivery sent again, at once and with its whole schedule before it. Errors: jobs.ErrNotFound.
func (s *Store) Resend(ctx context.Context, id uuid.UUID) error {
	tag, err := s.pool.Exec(ctx, `UPDATE freshet.deliveries SET state = 'pending', failures = 0, due_at = clock_timestamp(), ended_at = NULL
		WHERE id = $1`, id)
	if err == nil && tag.RowsAffected() == 0 {
		err = jobs.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("resend delivery %s: %w", id, err)
	}
	s.notifier.delivery()
	return nil
}

// TestEndpoint has a message sent to an endpoint that tells of nothing, and answers the delivery's id.
// Errors: jobs.ErrNotFound.
func (s *Store) TestEndpoint(ctx context.Context, endpoint uuid.UUID) (uuid.UUID, error) {
	var id uuid.UUID
	err := s.pool.QueryRow(ctx, `INSERT INTO freshet.deliveries (id, target, endpoint_id, owner, message, type, at, told, due_at)
		SELECT n.id, e.id, e.id, e.owner, 'test_' || n.id, 'endpoint.test', clock_timestamp(),
			json_build_object('data', json_build_object('endpoint', json_build_object('id', e.id, 'url', e.url))), clock_timestamp()
		FROM freshet.endpoints e CROSS JOIN (SELECT freshet.uuid7() AS id) n WHERE e.id = $1 RETURNING id`, endpoint).Scan(&id)
	if err = noRows(err); err != nil {
		return uuid.Nil, fmt.Errorf("test endpoint %s: %w", endpoint, err)
	}
	s.notifier.delivery()
	return id, nil
}

// RemoveOldDeliveries deletes deliveries that ended longer than age ago, and those whose endpoint is gone,
// at most limit of each, and tells how many.
func (s *Store) RemoveOldDeliveries(ctx context.Context, age time.Duration, limit int) (int, error) {
	tag, err := s.pool.Exec(ctx, `DELETE FROM freshet.deliveries WHERE id IN (
		(SELECT id FROM freshet.deliveries WHERE ended_at < clock_timestamp() - $1::bigint * interval '1 millisecond' LIMIT $2)
		UNION ALL
		(SELECT id FROM freshet.deliveries d WHERE d.state = 'pending' AND d.endpoint_id IS NOT NULL
			AND NOT EXISTS (SELECT FROM freshet.endpoints e WHERE e.id = d.endpoint_id) LIMIT $2))`, age.Milliseconds(), limit)
	if err != nil {
		return 0, fmt.Errorf("remove old deliveries: %w", err)
	}
	return int(tag.RowsAffected()), nil
}
