package cloudrun

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"freshet/jobs/fleet"
)

const (
	// startTime and bootTime are for an image of some hundred megabytes; what Cloud Run needs for the first
	// executions of a day is more than for the next.
	startTime = 20 * time.Second
	bootTime  = 3 * time.Minute
	// exitsFor is how long it is of interest how an execution failed; each costs a request.
	exitsFor = 10 * time.Minute
	// pageSize is how many executions one request lists; Cloud Run keeps a thousand that have ended.
	pageSize = 500
)

// Pool is where the workers of one pool run.
type Pool struct {
	Project, Location, Job string
	Install                string // which installation of Freshet asks
	Name                   string // of the pool
}

// Fleet is the executions of one pool. It may be used by many at once.
type Fleet struct {
	client *Client
	pool   Pool
	job    string // its full name
}

// New makes the provider of a pool.
func New(client *Client, pool Pool) fleet.Provider {
	job := fmt.Sprintf("projects/%s/locations/%s/jobs/%s", pool.Project, pool.Location, pool.Job)
	return fleet.Provider{Fleet: &Fleet{client, pool, job}, StartTime: startTime, BootTime: bootTime}
}

// List tells of the executions that Cloud Run keeps, also of those that have ended.
func (f *Fleet) List(ctx context.Context) ([]fleet.Unit, error) {
	executions, err := f.executions(ctx)
	if err != nil {
		return nil, fmt.Errorf("list executions of %s: %w", f.job, err)
	}
	units := make([]fleet.Unit, len(executions))
	for i, e := range executions {
		units[i] = e.unit()
		if units[i].State == fleet.Failed && time.Since(*e.CompletionTime) < exitsFor {
			units[i].Exit = f.exit(ctx, e)
		}
	}
	return units, nil
}

// executions are those of this pool and installation.
func (f *Fleet) executions(ctx context.Context) ([]execution, error) {
	var found []execution
	for token := ""; ; {
		page, err := f.page(ctx, token)
		if err != nil {
			return nil, err
		}
		for _, e := range page.Executions {
			if e.env(installVariable) == f.pool.Install && e.env(poolVariable) == f.pool.Name && e.intent() != uuid.Nil {
				found = append(found, e)
			}
		}
		if token = page.NextPageToken; token == "" {
			return found, nil
		}
	}
}

// page is a part of the job's executions, whoever's they are.
type page struct {
	Executions    []execution `json:"executions"`
	NextPageToken string      `json:"nextPageToken"`
}

func (f *Fleet) page(ctx context.Context, token string) (page, error) {
	query := url.Values{"pageSize": {strconv.Itoa(pageSize)}}
	if token != "" {
		query.Set("pageToken", token)
	}
	var answer page
	err := f.client.steadily(ctx, func() error {
		answer = page{}
		return f.client.once(ctx, http.MethodGet, f.job+"/executions?"+query.Encode(), nil, &answer)
	})
	return answer, err
}

// ofOrder are the executions of one order.
func (f *Fleet) ofOrder(ctx context.Context, intent uuid.UUID) ([]execution, error) {
	all, err := f.executions(ctx)
	return slices.DeleteFunc(all, func(e execution) bool { return e.intent() != intent }), err
}

// exit asks how an execution that failed has ended. Nil: that cannot be said now.
func (f *Fleet) exit(ctx context.Context, e execution) *fleet.Exit {
	var tasks struct {
		Tasks []struct {
			LastAttemptResult *attemptResult `json:"lastAttemptResult"`
		} `json:"tasks"`
	}
	err := f.client.once(ctx, http.MethodGet, f.name(e.id())+"/tasks", nil, &tasks)
	if err != nil || len(tasks.Tasks) == 0 || tasks.Tasks[0].LastAttemptResult == nil {
		return nil
	}
	return tasks.Tasks[0].LastAttemptResult.exit(*e.CompletionTime)
}

// name is the full name of an execution.
func (f *Fleet) name(id string) string { return f.job + "/executions/" + url.PathEscape(id) }

// Stop cancels an execution: its worker gets SIGTERM, and SIGKILL ten seconds later.
func (f *Fleet) Stop(ctx context.Context, id string) error {
	err := f.client.steadily(ctx, func() error {
		return f.client.once(ctx, http.MethodPost, f.name(id)+":cancel", nil, nil)
	})
	if err == nil || hasStatus(err, http.StatusNotFound) {
		return nil
	}
	if fateOf(err) == refused {
		if ended, asking := f.ended(ctx, id); asking == nil && ended {
			return nil
		}
	}
	return fmt.Errorf("cancel execution %s: %w", id, err)
}

// ended tells whether nothing runs any more.
func (f *Fleet) ended(ctx context.Context, id string) (bool, error) {
	var e execution
	err := f.client.steadily(ctx, func() error { return f.client.once(ctx, http.MethodGet, f.name(id), nil, &e) })
	if hasStatus(err, http.StatusNotFound) {
		return true, nil
	}
	return e.ended(), err
}

// Destroy cancels an execution and deletes it when it has ended.
func (f *Fleet) Destroy(ctx context.Context, id string) error {
	if err := f.Stop(ctx, id); err != nil {
		return err
	}
	err := f.client.steadily(ctx, func() error {
		err := f.client.once(ctx, http.MethodDelete, f.name(id), nil, nil)
		if hasCode(err, "FAILED_PRECONDITION") {
			return laterError{err} // its worker has not left yet
		}
		return err
	})
	if err != nil && !hasStatus(err, http.StatusNotFound) {
		return fmt.Errorf("delete execution %s: %w", id, err)
	}
	return nil
}
