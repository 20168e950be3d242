package api_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"freshet/api"
	"freshet/jobs/secret"
)

type pageDocument struct {
	Items      []taskDocument
	NextCursor string
}

func (r *rig) page(key, query string) pageDocument {
	r.t.Helper()
	return decode[pageDocument](r.call(key, http.MethodGet, "/v1/tasks?"+query, "").want(http.StatusOK))
}

func TestPagesHaveEachTaskOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const tasks = 250
	var made []string
	for i := range tasks {
		made = append(made, r.submit(fmt.Sprintf(`{"kind":"report","input":{"n":%d}}`, i)).ID)
		if i%50 == 0 {
			r.call(bob, http.MethodPost, "/v1/tasks", `{"kind":"anything"}`).want(http.StatusAccepted)
		}
	}
	slices.Reverse(made)
	var listed []string
	for cursor, pages := "", 0; ; pages++ {
		page := r.page(ada, "limit=17&cursor="+cursor)
		for _, task := range page.Items {
			if task.Input != nil || task.Output != nil || task.Owner != "ada" {
				t.Fatalf("the list shows %+v", task)
			}
			listed = append(listed, task.ID)
		}
		r.submit(`{"kind":"anything"}`) // newer than all that is listed
		if cursor = page.NextCursor; cursor == "" {
			break
		}
		if pages > tasks {
			t.Fatal("the pages have no end")
		}
	}
	if !slices.Equal(listed, made) {
		t.Errorf("listed %d tasks, made %d, or in another order", len(listed), len(made))
	}
	if page := r.page(ada, "limit=200&kind=report"); len(page.Items) != 200 || page.NextCursor == "" {
		t.Errorf("a page of %d, cursor %q", len(page.Items), page.NextCursor)
	}
}

func TestFilters(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	before := time.Now().Add(-time.Millisecond)
	first := r.submit(`{"kind":"report","input":{"n":1},"tags":["x","y"]}`)
	second := r.submit(`{"kind":"anything","tags":["x"]}`)
	r.call(bob, http.MethodPost, "/v1/tasks", `{"kind":"anything","tags":["x"]}`).want(http.StatusAccepted)
	r.call(ada, http.MethodPost, "/v1/tasks/"+second.ID+"/cancel", "").want(http.StatusOK)
	at := func(moment time.Time) string { return url.QueryEscape(moment.Format(time.RFC3339Nano)) }
	for query, want := range map[string]int{
		"":                            2,
		"owner=ada":                   2,
		"kind=report":                 1,
		"kind=none":                   0,
		"state=pending":               1,
		"state=cancelled":             1,
		"state=running":               0,
		"tag=x":                       2,
		"tag=y&state=pending":         1,
		"createdAfter=" + at(before):  2,
		"createdBefore=" + at(before): 0,
		"createdAfter=" + at(time.Now().Add(time.Hour)): 0,
		"createdAfter=" + at(first.CreatedAt):           2,
		"createdBefore=" + at(first.CreatedAt):          0,
	} {
		if page := r.page(ada, query); len(page.Items) != want || page.Items == nil {
			t.Errorf("%s: %d tasks, want %d", query, len(page.Items), want)
		}
	}
	if page := r.page(root, ""); len(page.Items) != 3 {
		t.Errorf("an admin sees %d tasks, want 3", len(page.Items))
	}
	if page := r.page(root, "owner=bob"); len(page.Items) != 1 || page.Items[0].Owner != "bob" {
		t.Errorf("an admin's list of bob's: %+v", page.Items)
	}
}

func TestCursorsAreBound(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for range 3 {
		r.submit(`{"kind":"anything","tags":["x"]}`)
		r.call(bob, http.MethodPost, "/v1/tasks", `{"kind":"anything","tags":["x"]}`).want(http.StatusAccepted)
	}
	cursor := r.page(ada, "limit=1&tag=x").NextCursor
	if page := r.page(ada, "limit=2&tag=x&cursor="+cursor); len(page.Items) != 2 {
		t.Fatalf("the next page has %d tasks, want 2: the limit may change", len(page.Items))
	}
	if page := r.page(ada, "owner=ada&tag=x&cursor="+cursor); len(page.Items) != 2 {
		t.Errorf("naming oneself changed the list: %d tasks", len(page.Items))
	}
	bad := func(name, key, query string) {
		t.Helper()
		if a := r.call(key, http.MethodGet, "/v1/tasks?"+query, ""); a.status != http.StatusBadRequest {
			t.Errorf("%s: status %d: %s", name, a.status, a.body)
		} else {
			a.refused(http.StatusBadRequest, "bad_cursor", "")
		}
	}
	bad("another owner", bob, "tag=x&cursor="+cursor)
	bad("an admin's view", root, "tag=x&cursor="+cursor)
	bad("no filter", ada, "cursor="+cursor)
	bad("another filter", ada, "tag=y&cursor="+cursor)
	bad("one more filter", ada, "tag=x&state=pending&cursor="+cursor)
	bad("filters shifted", ada, "kind=x&cursor="+cursor)
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	r.ok(err)
	for i := range raw {
		changed := slices.Clone(raw)
		changed[i] ^= 1
		bad(fmt.Sprint("byte ", i), ada, "tag=x&cursor="+base64.RawURLEncoding.EncodeToString(changed))
	}
	bad("cut", ada, "tag=x&cursor="+cursor[:len(cursor)-4])
	bad("longer", ada, "tag=x&cursor="+cursor+"AAAA")
}

func TestReplicasAcceptEachOthersCursors(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for range 2 {
		r.submit(`{"kind":"anything"}`)
	}
	cursor := r.page(ada, "limit=1").NextCursor
	other := *r
	config := api.Config{Store: r.store, Hub: r.hub, Secrets: secret.NewBox(secret.Key{2}, secret.Key{1}), Logger: discard()}
	server, err := api.New(t.Context(), config)
	r.ok(err)
	other.http = r.serve(server)
	if page := other.page(ada, "limit=1&cursor="+cursor); len(page.Items) != 1 {
		t.Errorf("the other replica's page has %d tasks", len(page.Items))
	}
	config.Secrets = secret.NewBox(secret.Key{3})
	if _, err := api.New(t.Context(), config); err == nil {
		t.Error("a replica with another secret key starts")
	}
}
