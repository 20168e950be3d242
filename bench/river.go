package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
)

type nothingArgs struct{}

func (nothingArgs) Kind() string { return "nothing" }

type nothingWorker struct {
	river.WorkerDefaults[nothingArgs]
	worked *atomic.Int64
}

func (w *nothingWorker) Work(context.Context, *river.Job[nothingArgs]) error {
	w.worked.Add(1)
	return nil
}

// riverLives inserts jobs one by one with as many clients as Freshet has, while River works them, and
// returns how many were inserted and completed a second. A job counts when River has recorded it.
func riverLives(ctx context.Context, url string, n int) (float64, error) {
	pool, err := pgxpool.New(ctx, url+"&pool_max_conns=24")
	if err != nil {
		return 0, fmt.Errorf("connect: %w", err)
	}
	defer pool.Close()
	var worked atomic.Int64
	workers := river.NewWorkers()
	river.AddWorker(workers, &nothingWorker{worked: &worked})
	client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{
		Schema: "river", Workers: workers, FetchCooldown: fetchCooldown, FetchPollInterval: time.Second,
		Queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: slots}}, Logger: silent(),
	})
	if err != nil {
		return 0, fmt.Errorf("make a River client: %w", err)
	}
	if err := client.Start(ctx); err != nil {
		return 0, fmt.Errorf("start River: %w", err)
	}
	defer client.Stop(context.WithoutCancel(ctx)) //nolint:errcheck // the measure is taken by then
	began := time.Now()
	err = each(ctx, clients, n, func(ctx context.Context, _ int) error {
		_, err := client.Insert(ctx, nothingArgs{}, nil)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("insert River jobs: %w", err)
	}
	err = until(ctx, pool, `SELECT NOT EXISTS (SELECT FROM river.river_job WHERE state IN ('available', 'running') AND queue = 'default')`)
	took := time.Since(began)
	if err != nil {
		return 0, err
	}
	if worked.Load() != int64(n) {
		return 0, fmt.Errorf("River worked %d of %d jobs", worked.Load(), n)
	}
	if _, err := pool.Exec(ctx, `DELETE FROM river.river_job`); err != nil {
		return 0, fmt.Errorf("clear River's jobs: %w", err)
	}
	return float64(n) / took.Seconds(), nil
}

// until looks every few milliseconds whether a condition has come true.
func until(ctx context.Context, pool *pgxpool.Pool, sql string) error {
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		var holds bool
		if err := pool.QueryRow(ctx, sql).Scan(&holds); err != nil {
			return fmt.Errorf("look: %w", err)
		}
		if holds {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
}
