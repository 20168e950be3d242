package faults_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"freshet/cmd/client"
	"freshet/jobs/postgres/postgrestest"
)

// verify waits until all tasks of the run have ended, stops it, and fails the test unless every promise
// was kept, whatever was done to the run.
func (r *run) verify(c *client.Client) {
	r.t.Helper()
	r.settle()
	r.apart(c)
	r.crew.stopAll()
	for _, wrong := range r.violations() {
		r.t.Error(wrong)
	}
	r.reckon()
	deadline := time.Now().Add(mourning)
	for left := r.left(); len(left) > 0; left = r.left() {
		if time.Now().After(deadline) {
			r.t.Errorf("%s after the end %d processes live:\n%s", mourning, len(left), strings.Join(left, "\n"))
			return
		}
	}
}

// settle waits until all tasks have ended, and nothing runs.
func (r *run) settle() {
	r.t.Helper()
	begun := time.Now()
	r.within(time.Duration(size(10, 2))*patience, "all tasks have ended", func() bool {
		return r.number(`SELECT count(*) FROM freshet.attempts WHERE state <> 'ended'`) == 0
	})
	r.t.Logf("settled after %s", time.Since(begun).Round(time.Millisecond))
}

// violations are the broken promises that the database and the ledger tell of.
func (r *run) violations() []string {
	r.t.Helper()
	wrong, err := postgrestest.Unsound(r.t.Context(), r.pool)
	r.ok(err)
	r.mu.Lock()
	acked := make([]string, 0, len(r.acked))
	for id := range r.acked {
		acked = append(acked, id)
	}
	r.mu.Unlock()
	count := func(what, question string, args ...any) {
		if n := r.number(question, args...); n > 0 {
			wrong = append(wrong, fmt.Sprintf("%d %s", n, what))
		}
	}
	count("tasks that were acknowledged and are lost",
		`SELECT count(*) FROM unnest($1::uuid[]) AS acked(id) WHERE NOT EXISTS (SELECT FROM freshet.tasks t WHERE t.id = acked.id)`, acked)
	count("tasks that are not completed", `SELECT count(*) FROM freshet.tasks WHERE state <> 'completed'`)
	count("tasks whose end is not the last thing said of them", `SELECT count(*) FROM freshet.tasks t WHERE NOT EXISTS (
		SELECT FROM freshet.task_events e WHERE e.task_id = t.id AND e.seq = t.seq AND e.type = 'task.' || t.state AND e.attempt = t.attempt)`)
	count("tasks finished by a stale attempt", `SELECT count(*) FROM freshet.tasks t JOIN freshet.task_payloads p ON p.task_id = t.id
		WHERE (p.output->>'attempt')::int <> t.attempt OR EXISTS (SELECT FROM freshet.task_events e
			JOIN freshet.attempts a ON a.task_id = e.task_id AND a.number = e.attempt AND a.run = t.run
			WHERE e.task_id = t.id AND e.type IN ('task.completed', 'task.failed', 'task.cancelled') AND e.attempt <> t.attempt)`)
	count("tasks of which two attempts completed", `SELECT count(*) FROM (SELECT FROM freshet.attempts
		WHERE outcome = 'completed' GROUP BY task_id HAVING count(*) > 1) x`)
	return wrong
}

// reckon compares the ledger with the tasks: each has its effect once, by its last attempt. Effects of
// attempts that died before they could tell are extras, which nobody can prevent: they are counted.
func (r *run) reckon() {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join(r.folder, "ledger"))
	r.ok(err)
	effects := map[string]int{}
	for line := range strings.Lines(string(text)) {
		effects[strings.TrimSpace(line)]++
	}
	rows, err := r.pool.Query(r.t.Context(), `SELECT id::text || ' ' || attempt FROM freshet.tasks WHERE state = 'completed'`)
	r.ok(err)
	defer rows.Close()
	completed := 0
	for rows.Next() {
		var last string
		r.ok(rows.Scan(&last))
		completed++
		if effects[last] != 1 {
			r.t.Errorf("the last attempt of a completed task had its effect %d times: %s", effects[last], last)
		}
		delete(effects, last)
	}
	r.ok(rows.Err())
	for stray, times := range effects {
		if times > 1 {
			r.t.Errorf("an attempt had its effect %d times: %s", times, stray)
		}
	}
	r.t.Logf("%d tasks completed, each with one effect of its last attempt; %d extra effects of attempts that died; %d attempts lost",
		completed, len(effects), r.number(`SELECT count(*) FROM freshet.attempts WHERE outcome = 'lost'`))
}

// apart fails the test if an owner is shown a task of another's.
func (r *run) apart(c *client.Client) {
	r.t.Helper()
	for _, owner := range owners() {
		token := r.token(c, owner)
		seen := map[string]bool{}
		for cursor := ""; ; {
			var page struct {
				Items      []struct{ ID string }
				NextCursor string
			}
			status, body := r.get(c.Address()+"/v1/tasks?limit=100&cursor="+cursor, token)
			if err := json.Unmarshal(body, &page); err != nil || status != http.StatusOK {
				r.t.Fatalf("list of %s: status %d: %s", owner, status, body)
			}
			for _, item := range page.Items {
				seen[item.ID] = true
			}
			if cursor = page.NextCursor; cursor == "" {
				break
			}
		}
		var mine, others []string
		for id, whose := range r.acked {
			if whose == owner {
				mine = append(mine, id)
			} else {
				others = append(others, id)
			}
		}
		missing := slices.ContainsFunc(mine, func(id string) bool { return !seen[id] })
		if missing || slices.ContainsFunc(others, func(id string) bool { return seen[id] }) {
			r.t.Errorf("%s sees %d tasks, and has %d; missing one: %t", owner, len(seen), len(mine), missing)
		}
		if len(others) > 0 {
			if status, body := r.get(c.Address()+"/v1/tasks/"+others[0], token); status != http.StatusForbidden {
				r.t.Errorf("another's task: status %d: %s", status, body)
			}
		}
	}
}

// token is one that shows the tasks of an owner.
func (r *run) token(c *client.Client, owner string) string {
	r.t.Helper()
	body := fmt.Sprintf(`{"owner":%q,"scopes":["read"]}`, owner)
	request, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, c.Address()+"/v1/tokens", strings.NewReader(body))
	r.ok(err)
	request.Header.Set("Content-Type", "application/json")
	status, answer := r.send(request, r.key)
	var made struct{ Token string }
	if err := json.Unmarshal(answer, &made); err != nil || status != http.StatusCreated {
		r.t.Fatalf("token: status %d: %s", status, answer)
	}
	return made.Token
}

func (r *run) get(address, key string) (status int, body []byte) {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, address, nil)
	r.ok(err)
	return r.send(request, key)
}

func (r *run) send(request *http.Request, key string) (status int, body []byte) {
	r.t.Helper()
	request.Header.Set("Authorization", "Bearer "+key)
	response, err := http.DefaultClient.Do(request)
	r.ok(err)
	defer response.Body.Close()
	body, err = io.ReadAll(response.Body)
	r.ok(err)
	return response.StatusCode, body
}
