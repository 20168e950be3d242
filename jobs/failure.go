package jobs

import "time"

// Code says in one word why an attempt did not complete.
type Code string

// The codes of a failure. Rules says what each of them means for the task.
const (
	CodeExit        Code = "exit"
	CodeTimeout     Code = "timeout"
	CodeSilent      Code = "silent"
	CodeOOM         Code = "oom"
	CodeProcesses   Code = "process_limit"
	CodeDiskLimit   Code = "disk_limit"
	CodeLost        Code = "lost"
	CodeInterrupted Code = "interrupted"
	CodeBadOutput   Code = "bad_output"
	CodeNotFound    Code = "not_found"
	CodeExpired     Code = "expired"
	CodeDiskFull    Code = "disk_full"
	CodeNotStarted  Code = "not_started"
	CodeHTTPStatus  Code = "http_status"
	CodeUnfinished  Code = "unfinished"
	CodeCrashed     Code = "worker_crashed"
)

// Failure is why an attempt, and perhaps its task, did not complete.
type Failure struct {
	Code      Code   `json:"code"               doc:"One word; the table is in docs/failures.md."`
	Message   string `json:"message"            doc:"One sentence for a person."`
	Detail    string `json:"detail,omitempty"   doc:"What the command or route itself said of its failure."`
	UserCode  string `json:"userCode,omitempty" doc:"The code that the command or route itself gave."`
	ExitCode  *int   `json:"exitCode,omitempty"`
	Signal    string `json:"signal,omitempty"   example:"SIGKILL"`
	Retryable bool   `json:"retryable"          doc:"Whether this failure is one that is tried again while tries are left."`
	Attempt   int    `json:"attempt"`
	LogTail   string `json:"logTail,omitempty"  doc:"The last lines of output."`
}

// Rule is what a code means for the task: whether the attempt counts as a try, whether another one
// follows while tries are left, and whether it waits for the kind's backoff first.
type Rule struct {
	Code     Code
	Meaning  string
	CostsTry bool
	Retried  bool
	Backoff  bool
}

// Rules is the one table of codes.
func Rules() []Rule {
	return []Rule{
		{CodeExit, "the command ended with an exit code other than 0, or by a signal, or it or the route said that it failed", true, true, true},
		{CodeTimeout, "the attempt took longer than its timeout", true, true, true},
		{CodeSilent, "no output and no event for longer than the kind's silence", true, true, true},
		{CodeOOM, "the command and its descendants took more memory than the kind allows", true, true, true},
		{CodeProcesses, "the command and its descendants were more processes than the kind allows", true, true, true},
		{CodeDiskLimit, "the attempt's workspace held more than the kind allows", true, true, true},
		{CodeLost, "the worker died while it ran the attempt", false, true, false},
		{CodeInterrupted, "the worker was told to leave", false, true, false},
		{CodeBadOutput, "the output does not fit the kind's schema, or the route's answer is not what it may be", true, false, false},
		{CodeNotFound, "the command does not exist on the worker", true, false, false},
		{CodeExpired, "the task did not start within the kind's queueTtl", false, false, false},
		{CodeDiskFull, "the worker had no disk space left for the attempt", true, true, true},
		{CodeNotStarted, "the attempt could not be prepared, or the route not be reached", true, true, true},
		{CodeHTTPStatus, "the route answered with a status other than 2xx; 408, 425, 429 and 5xx are retried", true, true, true},
		{CodeCrashed, "three workers died, by an exit code or a signal, while they ran the task", true, false, false},
		{CodeUnfinished, "the route's answer broke off", true, true, true},
	}
}

// RuleOf is the rule of a code; an unknown code is treated as CodeExit.
func RuleOf(code Code) Rule {
	rules := Rules()
	for _, rule := range rules {
		if rule.Code == code {
			return rule
		}
	}
	return rules[0]
}

// Follow decides what comes after a failed attempt: nil when the task fails with it. tries counts the
// tries used before it; retryAfter, when not zero, takes the place of the backoff; random is in [0, 1).
func Follow(f Failure, tries, maxTries int, retry Retry, retryAfter time.Duration, random float64) *Next {
	rule := RuleOf(f.Code)
	if !f.Retryable {
		return nil
	}
	next := &Next{CostsTry: rule.CostsTry}
	if rule.CostsTry && tries+1 >= maxTries {
		return nil
	}
	switch {
	case retryAfter > 0:
		next.Delay = retryAfter
	case rule.Backoff:
		next.Delay = retry.Delay(tries+1, random)
	}
	return next
}
