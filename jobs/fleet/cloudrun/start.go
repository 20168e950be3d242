package cloudrun

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"freshet/jobs/fleet"
)

// runRequest is google.cloud.run.v2.RunJobRequest, without its name, which stands in the path.
type runRequest struct {
	Overrides overrides `json:"overrides"`
}

// overrides are what one execution has other than its job. Variables are merged into the job's.
type overrides struct {
	TaskCount          int                 `json:"taskCount"`
	ContainerOverrides []containerOverride `json:"containerOverrides"`
}

// containerOverride is for the only container of the job; more would need names.
type containerOverride struct {
	Env []variable `json:"env"`
}

// Start runs the job once, for this order. The package's comment says how it is made sure that it is once.
func (f *Fleet) Start(ctx context.Context, order fleet.Order) (string, error) {
	e := &errand{Fleet: f, order: order}
	for try := 0; ; try++ {
		id, err := e.carryOut(ctx)
		if err == nil {
			return id, nil
		}
		if fateOf(err) != refused && f.client.rest(ctx, try, err) {
			continue
		}
		if e.declined && !e.ran && ctx.Err() == nil {
			return "", fmt.Errorf("run %s: %w: %w", f.job, fleet.ErrRefused, err)
		}
		return "", fmt.Errorf("run %s: %w", f.job, err)
	}
}

// errand is an order that is being carried out.
type errand struct {
	*Fleet

	order    fleet.Order
	ran      bool // an execution may have been made, although no list shows it
	declined bool // the last request to make one was answered: none was
}

// carryOut finds the execution of the order, or makes it.
func (e *errand) carryOut(ctx context.Context) (string, error) {
	e.declined = false
	found, err := e.ofOrder(ctx, e.order.Intent)
	if err != nil {
		return "", err
	}
	if len(found) > 0 {
		return e.settle(ctx, found)
	}
	made, err := e.run(ctx)
	if err != nil {
		e.declined = fateOf(err) != unclear
		e.ran = e.ran || !e.declined
		return "", err
	}
	e.ran = true
	found, err = e.ofOrder(ctx, e.order.Intent)
	if err != nil {
		return "", err
	}
	if !slices.ContainsFunc(found, func(other execution) bool { return other.id() == made.id() }) {
		found = append(found, made)
	}
	return e.settle(ctx, found)
}

// run makes an execution, whatever there is already.
func (e *errand) run(ctx context.Context) (execution, error) {
	request := runRequest{overrides{TaskCount: 1, ContainerOverrides: []containerOverride{{Env: []variable{
		{installVariable, e.pool.Install},
		{poolVariable, e.pool.Name},
		{intentVariable, e.order.Intent.String()},
		{generationVariable, e.order.Generation},
	}}}}}
	var operation struct {
		Metadata execution `json:"metadata"`
	}
	err := e.client.once(ctx, http.MethodPost, e.job+":run", request, &operation)
	if err == nil && operation.Metadata.Name == "" {
		err = fmt.Errorf("the answer names no execution")
	}
	return operation.Metadata, err
}

// settle keeps one execution of an order: where there are more, replicas asked at once, or an answer was lost and
// a list lagged behind. All of them come to the same one.
func (e *errand) settle(ctx context.Context, found []execution) (string, error) {
	first := slices.MinFunc(found, earlier)
	for _, other := range found {
		if other.id() != first.id() && !other.ended() {
			if err := e.Stop(ctx, other.id()); err != nil {
				return "", err
			}
		}
	}
	return first.id(), nil
}
