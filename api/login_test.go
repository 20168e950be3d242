package api_test

import (
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"freshet/api"
)

const horse = "correct horse"

// user makes a user with the password horse.
func (r *rig) user(name string, admin bool) {
	r.t.Helper()
	r.call(root, http.MethodPost, "/v1/users", fmt.Sprintf(`{"name":%q,"password":%q,"admin":%v}`, name, horse, admin)).want(http.StatusCreated)
}

type loginDocument struct {
	User, Token string
	Admin       bool
	ExpiresAt   time.Time
}

func (r *rig) login(name, password string, header ...string) answer {
	r.t.Helper()
	return r.call("", http.MethodPost, "/auth/login", fmt.Sprintf(`{"user":%s,"password":%s}`, strconv.QuoteToASCII(name), strconv.QuoteToASCII(password)), header...)
}

// script signs a script in, and returns its secret.
func (r *rig) script(name string) string {
	r.t.Helper()
	a := r.call("", http.MethodPost, "/auth/login", fmt.Sprintf(`{"user":%q,"password":%q,"token":true}`, name, horse)).want(http.StatusOK)
	return decode[loginDocument](a).Token
}

// forgive forgets all tries to sign in.
func (r *rig) forgive() {
	r.t.Helper()
	_, err := r.store.Pool().Exec(r.t.Context(), `DELETE FROM freshet.rate_counters`)
	r.ok(err)
}

func TestLogin(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.user("ada", false)
	r.user("eve", true)
	task := r.submit(`{"kind":"anything"}`)
	a := r.login("ada", horse).want(http.StatusOK)
	said := decode[loginDocument](a)
	if said.User != "ada" || said.Admin || said.Token != "" || time.Until(said.ExpiresAt) < 6*24*time.Hour {
		t.Errorf("answer %s", a.body)
	}
	cookie, err := http.ParseSetCookie(a.header.Get("Set-Cookie"))
	r.ok(err)
	if !cookie.HttpOnly || !cookie.Secure || cookie.SameSite != http.SameSiteLaxMode || !strings.HasPrefix(cookie.Name, "__Host-") {
		t.Errorf("cookie %s", cookie)
	}
	mine := cookie.Name + "=" + cookie.Value
	r.call("", http.MethodGet, "/v1/tasks/"+task.ID, "", "Cookie", mine).want(http.StatusOK) // the owner of the key of ada's server, too
	r.call("", http.MethodGet, "/v1/users", "", "Cookie", mine).refused(http.StatusForbidden, "forbidden", "")

	a = r.call("", http.MethodPost, "/auth/login", `{"user":"eve","password":"`+horse+`","token":true}`).want(http.StatusOK)
	said = decode[loginDocument](a)
	if life := time.Until(said.ExpiresAt); !said.Admin || !strings.HasPrefix(said.Token, "frs_") || life > 15*time.Minute || a.header.Get("Set-Cookie") != "" {
		t.Errorf("answer %s, cookie %q", a.body, a.header.Get("Set-Cookie"))
	}
	r.call(said.Token, http.MethodGet, "/v1/users", "").want(http.StatusOK)
	r.call(said.Token, http.MethodPost, "/v1/tasks", `{"kind":"anything","owner":"ada"}`).want(http.StatusAccepted)

	r.call(said.Token, http.MethodPost, "/auth/logout", "").want(http.StatusNoContent)
	r.call(said.Token, http.MethodGet, "/v1/users", "").refused(http.StatusUnauthorized, "unauthorized", "")
	out := r.call("", http.MethodPost, "/auth/logout", "", "Cookie", mine).want(http.StatusNoContent)
	if !strings.Contains(out.header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("the cookie stays: %s", out.header.Get("Set-Cookie"))
	}
	r.call("", http.MethodGet, "/v1/tasks/"+task.ID, "", "Cookie", mine).refused(http.StatusUnauthorized, "unauthorized", "")
}

func TestRefusedLogins(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.user("ada", false)
	r.user("late", false)
	r.call(root, http.MethodPatch, "/v1/users/late", `{"disabled":true}`).want(http.StatusOK)
	same := func(body string) string { // but for the request's id
		_, rest, _ := strings.Cut(body, `"detail":`)
		detail, _, _ := strings.Cut(rest, `,"requestId"`)
		return detail
	}
	want := same(r.login("ada", "wrong horse").body)
	for _, c := range [][2]string{
		{"nobody", horse}, {"late", horse}, {"ada", ""}, {"", ""}, {"", horse}, {"Ada", horse}, {"ada ", horse}, {"' OR 1=1 --", horse},
		{"ada", strings.ToUpper(horse)}, {"\uff41da", horse}, {"ada", horse + " "}, {strings.Repeat("a", 3000), horse}, {"ada", strings.Repeat("x", 3000)},
	} {
		r.forgive()
		a := r.login(c[0], c[1])
		a.refused(http.StatusUnauthorized, "unauthorized", "")
		if got := same(a.body); got != want || a.header.Get("Set-Cookie") != "" {
			t.Errorf("%.20q, %.20q: %s, want %s", c[0], c[1], got, want)
		}
	}
	r.login("ada", strings.Repeat("x", 1<<20)).refused(http.StatusRequestEntityTooLarge, "too_large", "")
	r.call("", http.MethodPost, "/auth/login", `{"user":"ada","password":"\u0000"}`).refused(http.StatusBadRequest, "invalid_body", "/password")
	r.call("", http.MethodPost, "/auth/login", "{\"user\":\"ada\",\"password\":\"\xff\"}").refused(http.StatusBadRequest, "invalid_body", "")
	r.call("", http.MethodPost, "/auth/login", `{"user":"ada","password":"\ud800"}`).refused(http.StatusBadRequest, "invalid_body", "/password")
	r.call("", http.MethodPost, "/auth/login", `{"user":"ada","password":"a","password":"b"}`).refused(http.StatusBadRequest, "invalid_body", "/password")
	if a := r.browse(http.MethodPost, "/auth/login?user=ada&password=correct+horse", ""); a.status != http.StatusUnprocessableEntity {
		t.Errorf("status %d of a password in the query", a.status)
	}
	if strings.Contains(r.log.String(), "horse") {
		t.Errorf("the log knows a password:\n%s", r.log)
	}
}

// What is typed with another keyboard is the same password; a look-alike is not.
func TestPasswordsInNormalForms(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.call(root, http.MethodPost, "/v1/users", `{"name":"zoe","password":"caf\u00e9 caf\u00e9"}`).want(http.StatusCreated)
	r.login("zoe", "cafe\u0301 cafe\u0301").want(http.StatusOK)
	r.login("zoe", "\uff43afé café").refused(http.StatusUnauthorized, "unauthorized", "")
}

// A thousand tries at once, against two replicas, get no further than ten.
func TestTriesAreLimited(t *testing.T) {
	t.Parallel()
	unhurried := func(c *api.Config) { c.Limits.Work = time.Minute } // hashes are slow where others take the processors
	r := newRig(t, unhurried)
	r.user("ada", false)
	replicas := []*rig{r, newReplica(r, unhurried)}
	statuses := make([]int, 1000)
	var all sync.WaitGroup
	places := make(chan struct{}, 16)
	for i := range statuses {
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			a := replicas[i%2].login("ada", fmt.Sprintf("wrong horse %d", i))
			statuses[i] = a.status
			if seconds, err := strconv.Atoi(a.header.Get("Retry-After")); a.status == http.StatusTooManyRequests && (err != nil || seconds < 1 || seconds > 901) {
				t.Errorf("Retry-After %q", a.header.Get("Retry-After"))
			}
		})
	}
	all.Wait()
	count := map[int]int{}
	for _, status := range statuses {
		count[status]++
	}
	if count[http.StatusUnauthorized] != 10 || count[http.StatusTooManyRequests] != 990 {
		t.Errorf("answers %v", count)
	}
	for _, replica := range replicas { // not even with the right one
		replica.login("ada", horse).refused(http.StatusTooManyRequests, "too_many_logins", "")
	}
	// Time heals, and what was counted before does not count again.
	_, err := r.store.Pool().Exec(t.Context(), `UPDATE freshet.rate_counters SET ends_at = clock_timestamp()`)
	r.ok(err)
	for range 9 {
		r.login("ada", "wrong horse").refused(http.StatusUnauthorized, "unauthorized", "")
	}
	replicas[1].login("ada", horse).want(http.StatusOK)
	for range 10 { // a success is a new beginning
		r.login("ada", "wrong horse").refused(http.StatusUnauthorized, "unauthorized", "")
	}
	r.login("ada", horse).refused(http.StatusTooManyRequests, "too_many_logins", "")
	r.ok(r.store.ForgetExpired(t.Context()))
	r.login("ada", horse).refused(http.StatusTooManyRequests, "too_many_logins", "")
}

// One address tries many names; another address is not harmed, nor can it say to be another.
func TestTriesOfOneAddressAreLimited(t *testing.T) {
	t.Parallel()
	direct := newRig(t)
	behind := newRig(t, func(c *api.Config) {
		c.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
	})
	try := func(r *rig, i int, forwarded string) int {
		return r.login(fmt.Sprintf("name-%d", i), "wrong horse", "X-Forwarded-For", forwarded).status
	}
	for i := range 50 {
		forwarded := fmt.Sprintf("192.0.2.%d", i)
		if status := try(direct, i, forwarded); status != http.StatusUnauthorized {
			t.Fatalf("try %d: status %d", i, status)
		}
		// The client writes the first hop itself, and our proxies add the others.
		if status := try(behind, i, forwarded+", 203.0.113.7, 10.1.2.3"); status != http.StatusUnauthorized {
			t.Fatalf("try %d behind a proxy: status %d", i, status)
		}
	}
	if status := try(direct, 51, "192.0.2.99"); status != http.StatusTooManyRequests {
		t.Errorf("X-Forwarded-For of a stranger is believed: status %d", status)
	}
	if status := try(behind, 51, "192.0.2.99, 203.0.113.7"); status != http.StatusTooManyRequests {
		t.Errorf("the first hop is believed: status %d", status)
	}
	if status := try(behind, 51, "203.0.113.7, 203.0.113.8"); status != http.StatusUnauthorized {
		t.Errorf("another client is refused: status %d", status)
	}
	var rows int
	direct.ok(direct.store.Pool().QueryRow(t.Context(), `SELECT count(*) FROM freshet.rate_counters`).Scan(&rows))
	if rows != 51 {
		t.Errorf("%d counters: one address can fill the table", rows)
	}
}

func TestClientAddress(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *api.Config) {
		c.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	})
	for forwarded, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "192.0.2.1:4711": "192.0.2.1", "[2001:db8::1]:4711": "2001:db8::1", "[2001:db8::1]": "2001:db8::1",
		"192.0.2.1, 10.0.0.1": "192.0.2.1", "10.0.0.2,10.0.0.1": "10.0.0.2", "8.8.8.8, unknown, 10.0.0.1": "10.0.0.1",
		"::ffff:192.0.2.1": "192.0.2.1", "::ffff:10.0.0.1": "10.0.0.1", "8.8.8.8, 192.0.2.1, fd00::1": "192.0.2.1",
		"unknown": "", "": "", ",": "", "_hidden, ": "",
	} {
		id := fmt.Sprintf("hop-%d", len(forwarded)*1000+len(want))
		r.call(ada, http.MethodGet, "/v1/kinds", "", "X-Forwarded-For", forwarded, "X-Request-Id", id+"-"+want2id(forwarded)).want(http.StatusOK)
		mark := `"requestId":"` + id + "-" + want2id(forwarded) + `"`
		r.logged(mark)
		for line := range strings.SplitSeq(r.log.String(), "\n") {
			if !strings.Contains(line, mark) {
				continue
			}
			if got := strings.Contains(line, `"client":"`+want+`"`); want != "" && !got || want == "" && strings.Contains(line, `"client"`) {
				t.Errorf("%q: want %q: %s", forwarded, want, line)
			}
		}
	}
}

// want2id makes part of a request's id of a text.
func want2id(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, text)
}

// What is asked of an unknown name takes as long as what is asked of a known one. Two unknown names are the
// control: where even they differ, the machine is too busy to measure anything.
func TestLoginTellsNothingByItsTime(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.user("ada", false)
	names := []string{"ada", "nobody", "no one"}
	missed := 0
	for range 5 {
		known, unknown, control := medians(names, func(name string) time.Duration {
			r.forgive()
			started := time.Now()
			r.login(name, "wrong horse").refused(http.StatusUnauthorized, "unauthorized", "")
			return time.Since(started)
		})
		t.Logf("known %v, unknown %v, ratio %.3f; control %.3f", known, unknown, float64(unknown)/float64(known), float64(control)/float64(unknown))
		if unknown < 5*time.Millisecond {
			t.Fatal("no hash was made for an unknown name")
		}
		switch {
		case alike(known, unknown, 0.1):
			return
		case alike(unknown, control, 0.05):
			missed++
		}
		if missed == 2 {
			t.Fatal("an unknown name takes another time")
		}
	}
	t.Skip("the machine is too busy to measure this")
}

// medians measures each of three names fifty times, by turns, so that none is always the first.
func medians(names []string, measure func(string) time.Duration) (first, second, third time.Duration) {
	times := map[string][]time.Duration{}
	for i := range 50 {
		for j := range names {
			name := names[(i+j)%len(names)]
			times[name] = append(times[name], measure(name))
		}
	}
	median := func(name string) time.Duration {
		slices.Sort(times[name])
		return times[name][len(times[name])/2]
	}
	return median(names[0]), median(names[1]), median(names[2])
}

func alike(a, b time.Duration, tolerance float64) bool {
	return math.Abs(float64(a)/float64(b)-1) < tolerance
}

func TestLoginForm(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.user("ada", false)
	form := func(name, password string) string { return url.Values{"user": {name}, "password": {password}}.Encode() }
	own := []string{"Sec-Fetch-Site", "same-origin"}
	if page := r.call("", http.MethodGet, "/login", "").want(http.StatusOK); !strings.Contains(page.body, `name="password"`) {
		t.Errorf("the page asks for no password: %s", page.body)
	}
	in := r.browse(http.MethodPost, "/login", form("ada", horse), own...)
	if in.status != http.StatusSeeOther || len(in.cookies) != 1 {
		t.Fatalf("status %d, cookies %v", in.status, in.cookies)
	}
	cookie := in.cookies[0].Name + "=" + in.cookies[0].Value
	if home := r.call("", http.MethodGet, "/", "", "Cookie", cookie).want(http.StatusOK); !strings.Contains(home.body, "<b>ada</b>") || strings.Contains(home.body, `href="/login"`) {
		t.Errorf("the first page does not say who is signed in: %s", home.body)
	}
	for _, header := range [][]string{
		{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"},
		{"Origin", "https://evil-" + strings.TrimPrefix(r.http.URL, "http://")},
	} {
		if a := r.browse(http.MethodPost, "/login", form("ada", horse), header...); a.status != http.StatusForbidden || len(a.cookies) != 0 {
			t.Errorf("%v: status %d, cookies %v", header, a.status, a.cookies)
		}
		r.login("ada", horse, header...).refused(http.StatusForbidden, "forbidden", "")
		r.call("", http.MethodPost, "/auth/logout", "", append(header, "Cookie", cookie)...).refused(http.StatusForbidden, "forbidden", "")
	}
	for password, status := range map[string]int{
		"wrong horse": http.StatusUnauthorized, "a\x00b": http.StatusBadRequest, "\xff": http.StatusBadRequest,
		strings.Repeat("x", 1<<20): http.StatusRequestEntityTooLarge,
	} {
		if a := r.browse(http.MethodPost, "/login", form("ada", password), own...); a.status != status || len(a.cookies) != 0 {
			t.Errorf("%.10q: status %d, want %d", password, a.status, status)
		}
	}
	for range 10 {
		r.browse(http.MethodPost, "/login", form("ada", "wrong horse"), own...)
	}
	if a := r.browse(http.MethodPost, "/login", form("ada", horse), own...); a.status != http.StatusTooManyRequests {
		t.Errorf("status %d after too many tries", a.status)
	}
}
