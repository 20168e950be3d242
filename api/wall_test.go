package api_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"freshet/api"
	"freshet/jobs"
	"freshet/jobs/postgres/postgrestest"
)

// What is read for ada is read as ada: it is still there when the database shows nothing to whoever does not
// say who asks. Admins and keys that act for everybody do not say it, which shows that it is looked at.
func TestReadsSayWhoAsks(t *testing.T) {
	t.Parallel()
	owner := postgrestest.New(t)
	r := rigAt(t, postgrestest.Granted(t, owner), func(c *api.Config) { c.Limits.Stream = 50 * time.Millisecond })
	task := r.submit(`{"kind":"report","input":{"n":1}}`)
	claim := r.claim(task.ID)
	r.flush(claim, 0, printed(jobs.Stdout, "said"))
	r.complete(claim, `{"x":1}`)
	endpoint := r.endpoint(ada, `{"url":"https://hooks.example.com/"}`)
	delivery := r.testMessage(ada, endpoint.ID)
	r.call(ada, http.MethodPost, "/v1/schedules", `{"name":"adas","cron":"@daily","kind":"anything","input":1}`).want(http.StatusCreated)
	onlyTheNamed(t, owner)

	const none = `"items":[]`
	ids := strings.NewReplacer("%s", task.ID, "%w", endpoint.ID, "%d", delivery.ID)
	for path, says := range map[string]string{
		"/v1/tasks":                               task.ID,
		"/v1/tasks/%s":                            `"output":{"x":1}`,
		"/v1/tasks/%s?wait=1s&until=end":          task.ID,
		"/v1/tasks/%s/attempts":                   `"completed"`,
		"/v1/tasks/%s/events":                     "task.completed",
		"/v1/tasks/%s/logs":                       "said",
		"/v1/tasks/%s/logs?tail=1":                "said",
		"/v1/tasks/%s/stream":                     "task.completed",
		"/v1/tasks/%s/stream?include=logs&tail=1": "said",
		"/v1/tasks/%s/artifacts":                  none,
		"/v1/stream":                              task.ID,
		"/v1/stream?ids=%s":                       task.ID,
		"/v1/webhooks":                            endpoint.ID,
		"/v1/webhooks/%w":                         endpoint.ID,
		"/v1/deliveries":                          delivery.ID,
		"/v1/deliveries?webhook=%w":               delivery.ID,
		"/v1/deliveries/%d":                       delivery.ID,
		"/v1/schedules":                           "adas",
		"/v1/schedules/adas":                      "adas",
	} {
		path = ids.Replace(path)
		if a := r.call(ada, http.MethodGet, path, "").want(http.StatusOK); !strings.Contains(a.body, says) {
			t.Errorf("%s is not read as ada:\n%s", path, a.body)
		}
		if strings.Contains(path, "webhook=") || says == none {
			continue // an admin is told that the endpoint is gone, of which the document does not know
		}
		if a := r.call(root, http.MethodGet, path, ""); strings.Contains(a.body, says) {
			t.Errorf("%s shows what the database hides: this shows nothing\n%s", path, a.body)
		}
	}
}

// onlyTheNamed has the database show nothing to a read that names no owner.
func onlyTheNamed(t *testing.T, database string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	rows, err := conn.Query(t.Context(), `SELECT 'freshet.' || tablename FROM pg_policies WHERE schemaname = 'freshet'`)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || !slices.Contains(tables, "freshet.tasks") {
		t.Fatalf("policies on %v: %v", tables, err)
	}
	for _, table := range tables {
		if _, err := conn.Exec(t.Context(), fmt.Sprintf(`CREATE POLICY named ON %s AS RESTRICTIVE FOR SELECT
			USING (current_setting('freshet.owner', true) <> '')`, table)); err != nil {
			t.Fatal(err)
		}
	}
}
