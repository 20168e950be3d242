package cmd_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"freshet/jobs/postgres/postgrestest"
)

// TestBehindTheWall runs an API and a worker as a role that owns nothing, once by sessions of their own and
// once through a transaction pooler alone.
func TestBehindTheWall(t *testing.T) {
	t.Parallel()
	for _, pooled := range []bool{false, true} {
		t.Run(map[bool]string{false: "session", true: "pooler"}[pooled], func(t *testing.T) {
			t.Parallel()
			owner := postgrestest.New(t)
			address := postgrestest.Role(t, owner)
			p := newProgram(t, trueKinds)
			listens := "127.0.0.1:" + freePort(t)
			p.env = append(p.env, "FRESHET_SECRET_KEY="+strings.Repeat("ab", 32), "FRESHET_API_KEY=k", "FRESHET_URL=http://"+listens)
			p.grant(owner, address)
			if pooled {
				p.env = append(p.env, "DATABASE_URL="+startPooler(t, address), "DATABASE_DIRECT_URL=none")
				p.until("the pooler is ready", func() bool { return !strings.Contains(p.client("doctor").stdout, "connection refused") })
			} else {
				p.env = append(p.env, "DATABASE_URL="+address)
			}
			if r := p.client("doctor"); !strings.Contains(r.stdout, ": row-level security stands behind the API's checks") {
				t.Errorf("the doctor does not see the wall:\n%s", r.stdout)
			}
			p.beside("api", "--addr", listens)
			p.beside("worker", "--allow-root-children")
			p.until("the API is ready", func() bool {
				response, err := http.Get("http://" + listens + "/readyz")
				if err == nil {
					_ = response.Body.Close()
				}
				return err == nil && response.StatusCode == http.StatusOK
			})
			if r := p.must(0, "submit", "nothing", "--follow"); !strings.Contains(r.stderr, "completed") {
				t.Errorf("followed to the end: %s%s", r.stdout, r.stderr)
			}
			key := strings.TrimSpace(p.must(0, "key", "create", "ada").stdout)
			theirs := strings.Fields(p.must(0, "submit", "nothing").stdout)[0]
			p.env = append(p.env, "FRESHET_API_KEY="+key)
			if r := p.client("get", theirs); r.code == 0 || !strings.Contains(r.stderr, "another owner") {
				t.Errorf("ada gets the admin's task: %+v", r)
			}
			if r := p.must(0, "submit", "nothing", "--follow"); !strings.Contains(r.stderr, "completed") {
				t.Errorf("ada follows hers: %s%s", r.stdout, r.stderr)
			}
		})
	}
}

// grant has the tables' owner let a role do the work, and looks how the doctor sees the two of them.
func (p *program) grant(owner, role string) {
	p.t.Helper()
	u, err := url.Parse(role)
	if err != nil {
		p.t.Fatal(err)
	}
	before := p.env
	p.env = slices.Concat(before, []string{"DATABASE_URL=" + owner})
	if r := p.client("doctor"); !strings.Contains(r.stdout, "ok    role freshet is above row-level security") {
		p.t.Errorf("the doctor does not see that there is no wall:\n%s", r.stdout)
	}
	p.must(0, "migrate", "grant", u.User.Username())
	if r := p.must(1, "migrate", "grant", "nobody-at-all"); !strings.Contains(r.stderr, "there is no such role") {
		p.t.Errorf("granted to nobody: %+v", r)
	}
	p.env = before
}
