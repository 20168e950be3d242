package runfake

import (
	"fmt"
	"maps"
	"net/http"
	"path"
	"slices"
	"sync"
	"syscall"
	"time"
)

// execution is an Execution and the only Task of it. Its fields are guarded by the server's mutex.
type execution struct {
	job, name string
	number    int
	env       map[string]string
	created   time.Time
	started   time.Time // when its process was; zero: not yet
	ended     time.Time
	cancelled bool
	code      int // of its process; below zero: a signal ended it

	end func() // has it told to end; may be called more than once
}

// execute makes an execution and goes on with it.
func (s *Server) execute(job string, env map[string]string) *execution {
	s.serial++
	told := make(chan struct{})
	e := &execution{
		job: job, number: s.serial, env: env, created: time.Now(), end: sync.OnceFunc(func() { close(told) }),
		name: fmt.Sprintf("%s/executions/%s-%05d", job, path.Base(job), s.serial),
	}
	s.executions = append(s.executions, e)
	boot := s.boot
	s.all.Go(func() { s.live(e, boot, told) })
	return e
}

// live is an execution from its start to its end.
func (s *Server) live(e *execution, boot, told <-chan struct{}) {
	code := 0
	if s.waitFor(boot, told) {
		process, err := s.start(e.id(), e.environment())
		if err != nil {
			code = 127 // as a shell says it
		} else {
			s.note(func() { e.started = time.Now() })
			code = s.watch(process, told)
		}
	}
	s.note(func() { e.ended, e.code = time.Now(), code })
}

// environment is what its process finds: its own variables, and those of
// https://cloud.google.com/run/docs/container-contract#jobs-env-vars.
func (e *execution) environment() map[string]string {
	env := map[string]string{
		"CLOUD_RUN_JOB": path.Base(e.job), "CLOUD_RUN_EXECUTION": e.id(), "CLOUD_RUN_TASK_INDEX": "0",
		"CLOUD_RUN_TASK_ATTEMPT": "0", "CLOUD_RUN_TASK_COUNT": "1",
	}
	maps.Copy(env, e.env)
	return env
}

// waitFor waits for the boot. False: it is told to end before.
func (s *Server) waitFor(boot, told <-chan struct{}) bool {
	if boot != nil {
		select {
		case <-boot:
		case <-told:
			return false
		case <-s.ctx.Done():
			return false
		}
	}
	return true
}

// watch waits for the end of a process, which it brings about when it is told to.
func (s *Server) watch(process Process, told <-chan struct{}) int {
	ended := make(chan int)
	s.all.Go(func() { ended <- process.Wait() })
	var kill <-chan time.Time
	closing := s.ctx.Done()
	for {
		select {
		case code := <-ended:
			return code
		case <-told:
			process.Signal(syscall.SIGTERM)
			timer := time.NewTimer(grace)
			defer timer.Stop()
			kill, told = timer.C, nil
		case <-kill:
			process.Signal(syscall.SIGKILL)
		case <-closing:
			process.Signal(syscall.SIGKILL)
			closing = nil
		}
	}
}

func (s *Server) note(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (e *execution) id() string { return path.Base(e.name) }

func (e *execution) cancel() (any, *problem) {
	if !e.ended.IsZero() {
		return nil, &problem{http.StatusBadRequest, "FAILED_PRECONDITION", "The execution has ended."}
	}
	e.cancelled = true
	e.end()
	return e.longRunning(), nil
}

// operation is the name of what jobs:run began, which ends with the execution.
func (e *execution) operation() string {
	return path.Dir(path.Dir(e.job)) + "/operations/" + e.id()
}

// longRunning is the google.longrunning.Operation.
func (e *execution) longRunning() map[string]any {
	view := e.view()
	view["@type"] = "type.googleapis.com/google.cloud.run.v2.Execution"
	operation := map[string]any{"name": e.operation(), "metadata": view}
	if !e.ended.IsZero() {
		operation["done"], operation["response"] = true, view
	}
	return operation
}

// enum is a value of an enum: a name, and the number that it has in the schema.
type enum struct {
	name   string
	number int
}

// MarshalText has enums be names.
func (v enum) MarshalText() ([]byte, error) { return []byte(v.name), nil }

// numbered is content with numbers for enums, the way that Google's clients ask for it.
func numbered(content any) any {
	switch content := content.(type) {
	case enum:
		return content.number
	case map[string]any:
		numbers := map[string]any{}
		for key, value := range content {
			numbers[key] = numbered(value)
		}
		return numbers
	case []any:
		numbers := make([]any, len(content))
		for i, value := range content {
			numbers[i] = numbered(value)
		}
		return numbers
	}
	return content
}

// view is the Execution. As in all of Google's JSON, what is empty is left out.
func (e *execution) view() map[string]any {
	view := map[string]any{
		"name": e.name, "uid": fmt.Sprintf("00000000-0000-4000-8000-%012d", e.number), "job": path.Base(e.job),
		"generation": "1", "parallelism": 1, "taskCount": 1, "createTime": e.created.UTC(), "updateTime": e.created.UTC(),
		"launchStage": enum{"GA", 4}, "etag": fmt.Sprintf(`"%d"`, e.number),
		"conditions": []any{e.completed()},
		"template": map[string]any{
			"maxRetries": 0, "timeout": "86400s", "executionEnvironment": enum{"EXECUTION_ENVIRONMENT_GEN2", 2},
			"containers": []any{map[string]any{"image": "example/worker", "env": e.variables()}},
		},
	}
	if !e.started.IsZero() {
		view["startTime"] = e.started.UTC()
	}
	switch {
	case e.ended.IsZero():
		view["reconciling"] = true
		if !e.started.IsZero() {
			view["runningCount"] = 1
		}
		return view
	case e.cancelled:
		view["cancelledCount"] = 1
	case e.code == 0 && !e.started.IsZero():
		view["succeededCount"] = 1
	default:
		view["failedCount"] = 1
	}
	view["completionTime"] = e.ended.UTC()
	return view
}

// completed is the Condition that says how far it is.
func (e *execution) completed() map[string]any {
	condition := map[string]any{"type": "Completed", "lastTransitionTime": e.created.UTC()}
	switch {
	case e.cancelled && e.ended.IsZero():
		condition["state"], condition["executionReason"] = enum{"CONDITION_RECONCILING", 2}, enum{"CANCELLING", 4}
	case e.cancelled:
		condition["state"], condition["executionReason"] = enum{"CONDITION_FAILED", 3}, enum{"CANCELLED", 3}
	case e.ended.IsZero():
		condition["state"] = enum{"CONDITION_RECONCILING", 2}
	case e.code == 0 && !e.started.IsZero():
		condition["state"] = enum{"CONDITION_SUCCEEDED", 4}
	default:
		condition["state"], condition["executionReason"] = enum{"CONDITION_FAILED", 3}, enum{"NON_ZERO_EXIT_CODE", 2}
	}
	return condition
}

func (e *execution) variables() []any {
	variables := []any{}
	for _, name := range slices.Sorted(maps.Keys(e.env)) {
		variables = append(variables, map[string]any{"name": name, "value": e.env[name]})
	}
	return variables
}

// task is the Task.
func (e *execution) task() map[string]any {
	task := map[string]any{
		"name": e.name + "/tasks/" + e.id() + "-task0", "job": path.Base(e.job), "execution": e.id(), "createTime": e.created.UTC(),
	}
	if e.ended.IsZero() {
		return task
	}
	result := map[string]any{"status": map[string]any{}}
	switch {
	case e.code > 0:
		result["exitCode"], result["status"] = e.code, map[string]any{"code": 2, "message": "The container exited with an error."}
	case e.code < 0:
		result["termSignal"] = int(syscall.SIGKILL)
		result["status"] = map[string]any{"code": 8, "message": "Memory limit of 512 MiB exceeded with 513 MiB used."}
	}
	task["lastAttemptResult"] = result
	return task
}
