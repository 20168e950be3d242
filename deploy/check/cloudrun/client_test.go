package cloudrun

import (
	"net/http/httptest"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	run "cloud.google.com/go/run/apiv2"
	"cloud.google.com/go/run/apiv2/runpb"
	"github.com/google/uuid"
	"golang.org/x/oauth2"
	"golang.org/x/time/rate"
	"google.golang.org/api/iterator"
	"google.golang.org/api/option"

	"freshet/jobs/fleet"
	"freshet/jobs/fleet/cloudrun"
	"freshet/jobs/fleet/cloudrun/runfake"
)

// process runs until it is told to end. What an execution runs is no matter of this module.
type process struct {
	once sync.Once
	done chan int
}

func (p *process) Signal(sig os.Signal) { p.end(128 + int(sig.(syscall.Signal))) }

func (p *process) end(code int) { p.once.Do(func() { p.done <- code }) }

func (p *process) Wait() int { return <-p.done }

// stage is the stand-in, and Google's clients of it.
type stage struct {
	*runfake.Server

	jobs       *run.JobsClient
	executions *run.ExecutionsClient

	mu        sync.Mutex
	processes map[string]*process
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{processes: map[string]*process{}}
	s.Server = runfake.New(s.start, map[string]map[string]string{job: {"GREETING": "hello"}})
	t.Cleanup(s.Close)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	tokens := oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "secret"})
	options := []option.ClientOption{option.WithEndpoint(server.URL), option.WithTokenSource(tokens)}
	var err error
	if s.jobs, err = run.NewJobsRESTClient(t.Context(), options...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.jobs.Close() })
	if s.executions, err = run.NewExecutionsRESTClient(t.Context(), options...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.executions.Close() })
	return s
}

func (s *stage) start(execution string, _ map[string]string) (runfake.Process, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.processes[execution] = &process{done: make(chan int, 1)}
	return s.processes[execution], nil
}

// end has the process of an execution end as soon as it has one.
func (s *stage) end(t *testing.T, id string, code int) {
	t.Helper()
	await(t, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.processes[id] != nil
	})
	s.processes[id].end(code)
}

func (s *stage) fleet(t *testing.T, url string) fleet.Fleet {
	t.Helper()
	client := cloudrun.NewClient(cloudrun.Options{Endpoint: url, Tokens: cloudrun.Static("secret"), Rate: rate.Inf})
	t.Cleanup(client.Close)
	return cloudrun.New(client, pool())
}

func (s *stage) list(t *testing.T) []*runpb.Execution {
	t.Helper()
	var found []*runpb.Execution
	for all := s.executions.ListExecutions(t.Context(), &runpb.ListExecutionsRequest{Parent: job}); ; {
		e, err := all.Next()
		if err == iterator.Done { //nolint:errorlint // as its documentation has it
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, e)
	}
}

func await(t *testing.T, yes func() bool) {
	t.Helper()
	deadline, tick := time.NewTimer(30*time.Second), time.NewTicker(time.Millisecond)
	defer deadline.Stop()
	defer tick.Stop()
	for !yes() {
		select {
		case <-deadline.C:
			t.Fatal("it did not come to pass")
		case <-tick.C:
		}
	}
}

// TestGooglesClientReadsTheStandIn: Google's client finds what the stand-in answers where it looks for it. Names that
// it does not look for are no error for it; schema_test.go is for those.
func TestGooglesClientReadsTheStandIn(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	operation, err := s.jobs.RunJob(t.Context(), &runpb.RunJobRequest{Name: job, Overrides: &runpb.RunJobRequest_Overrides{
		TaskCount: 1,
		ContainerOverrides: []*runpb.RunJobRequest_Overrides_ContainerOverride{{Env: []*runpb.EnvVar{
			{Name: "FRESHET_INTENT", Values: &runpb.EnvVar_Value{Value: "one"}},
		}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	begun, err := operation.Metadata()
	if err != nil || begun.GetName() == "" {
		t.Fatalf("the operation is of %v, %v", begun, err)
	}
	await(t, func() bool { return s.list(t)[0].GetRunningCount() == 1 })
	listed := s.list(t)[0]
	if listed.GetName() != begun.GetName() || !listed.GetCreateTime().IsValid() || !listed.GetStartTime().IsValid() || listed.CompletionTime != nil {
		t.Errorf("got %v", listed)
	}
	var names []string
	for _, v := range listed.GetTemplate().GetContainers()[0].GetEnv() {
		names = append(names, v.GetName()+"="+v.GetValue())
	}
	if !slices.Equal(names, []string{"FRESHET_INTENT=one", "GREETING=hello"}) {
		t.Errorf("its variables are %q", names)
	}
	if state := listed.GetConditions()[0].GetState(); state != runpb.Condition_CONDITION_RECONCILING {
		t.Errorf("its state is %v", state)
	}
	s.end(t, lastOf(begun.GetName()), 0)
	ended, err := operation.Wait(t.Context())
	if err != nil || ended.GetSucceededCount() != 1 || !ended.GetCompletionTime().IsValid() {
		t.Errorf("it ended as %v, %v", ended, err)
	}
}

// TestGooglesClientSeesWhatFreshetDoes has Freshet start, stop and destroy, and Google's client look.
func TestGooglesClientSeesWhatFreshetDoes(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	f := s.fleet(t, server.URL)
	id, err := f.Start(t.Context(), fleet.Order{Intent: uuid.New(), Generation: "one"})
	if err != nil {
		t.Fatal(err)
	}
	get := func() *runpb.Execution {
		e, err := s.executions.GetExecution(t.Context(), &runpb.GetExecutionRequest{Name: job + "/executions/" + id})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	await(t, func() bool { return get().GetRunningCount() == 1 })
	if err := f.Stop(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { return get().GetCancelledCount() == 1 })
	if reason := get().GetConditions()[0].GetExecutionReason(); reason != runpb.Condition_CANCELLED {
		t.Errorf("the reason is %v", reason)
	}
	if err := f.Destroy(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if left := s.list(t); len(left) > 0 {
		t.Errorf("there still is %v", left)
	}
}

// TestFreshetSeesWhatGooglesClientDoes is the other way round: an execution that a person cancels and deletes.
func TestFreshetSeesWhatGooglesClientDoes(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	f := s.fleet(t, server.URL)
	id, err := f.Start(t.Context(), fleet.Order{Intent: uuid.New(), Generation: "one"})
	if err != nil {
		t.Fatal(err)
	}
	name := job + "/executions/" + id
	if _, err := s.executions.CancelExecution(t.Context(), &runpb.CancelExecutionRequest{Name: name}); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool {
		units, err := f.List(t.Context())
		return err == nil && len(units) == 1 && units[0].State == fleet.Stopped && units[0].Exit.Requested
	})
	if _, err := s.executions.DeleteExecution(t.Context(), &runpb.DeleteExecutionRequest{Name: name}); err != nil {
		t.Fatal(err)
	}
	if units, err := f.List(t.Context()); err != nil || len(units) > 0 {
		t.Errorf("got %v, %v", units, err)
	}
}

// lastOf is the short name of a resource.
func lastOf(name string) string { return name[len(job+"/executions/"):] }
