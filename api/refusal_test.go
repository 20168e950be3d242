package api_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestBadSubmits(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	year := time.Now().AddDate(2, 0, 0).Format(time.RFC3339)
	refusals := map[string]struct {
		body    string
		status  int
		code    string
		pointer string
	}{
		"no JSON":               {`{"kind":`, 400, "invalid_body", ""},
		"array":                 {`[]`, 400, "invalid_body", ""},
		"string":                {`"report"`, 400, "invalid_body", ""},
		"null":                  {`null`, 422, "invalid_request", "/kind"},
		"white space":           {"  ", 400, "invalid_body", ""},
		"BOM":                   {"\xef\xbb\xbf" + `{"kind":"report"}`, 400, "invalid_body", ""},
		"trailing text":         {`{"kind":"anything"} x`, 400, "invalid_body", ""},
		"two values":            {`{"kind":"anything"}{}`, 400, "invalid_body", ""},
		"duplicate key":         {`{"kind":"anything","kind":"report"}`, 400, "invalid_body", "/kind"},
		"duplicate inside":      {`{"kind":"anything","input":{"a":1,"a":2}}`, 400, "invalid_body", "/input/a"},
		"NUL":                   {`{"kind":"anything","input":{"a":"x\u0000y"}}`, 400, "invalid_body", "/input/a"},
		"NUL in a key":          {`{"kind":"anything","input":{"a\u0000":1}}`, 400, "invalid_body", ""},
		"NUL in a tag":          {`{"kind":"anything","tags":["\u0000"]}`, 400, "invalid_body", "/tags/0"},
		"NUL in the owner":      {`{"kind":"anything","owner":"\u0000"}`, 400, "invalid_body", "/owner"},
		"lone surrogate":        {`{"kind":"anything","input":{"a":"\ud800"}}`, 400, "invalid_body", ""},
		"invalid UTF-8":         {"{\"kind\":\"anything\",\"input\":{\"a\":\"\xff\"}}", 400, "invalid_body", ""},
		"number bomb":           {`{"kind":"anything","input":{"a":[1e130000]}}`, 400, "invalid_body", "/input/a/0"},
		"digits bomb":           {`{"kind":"anything","input":{"a":` + strings.Repeat("9", 500) + `}}`, 400, "invalid_body", "/input/a"},
		"depth bomb":            {`{"kind":"anything","input":` + deep(10001) + `}`, 400, "invalid_body", ""},
		"input a bit too deep":  {`{"kind":"anything","input":` + deep(65) + `}`, 422, "invalid_input", ""},
		"unknown field":         {`{"kind":"anything","colour":1}`, 400, "invalid_body", "/colour"},
		"wrong case":            {`{"kind":"anything","OWNER":"bob"}`, 400, "invalid_body", "/OWNER"},
		"state":                 {`{"kind":"anything","state":"completed"}`, 400, "invalid_body", "/state"},
		"id":                    {`{"kind":"anything","id":"x"}`, 400, "invalid_body", "/id"},
		"attempt":               {`{"kind":"anything","attempt":9}`, 400, "invalid_body", "/attempt"},
		"env":                   {`{"kind":"anything","env":{"LD_PRELOAD":"x"}}`, 400, "invalid_body", "/env"},
		"command":               {`{"kind":"anything","command":["sh"]}`, 400, "invalid_body", "/command"},
		"webhookUrl, no secret": {`{"kind":"anything","webhookUrl":"https://example.com/"}`, 422, "invalid_request", "/webhookUrl"},
		"later: maxBudgetUsd":   {`{"kind":"anything","maxBudgetUsd":1}`, 400, "invalid_body", "/maxBudgetUsd"},
		"later: continues":      {`{"kind":"anything","continues":"x"}`, 400, "invalid_body", "/continues"},
		"kind a number":         {`{"kind":5}`, 400, "invalid_body", "/kind"},
		"tags a string":         {`{"kind":"anything","tags":"x"}`, 400, "invalid_body", "/tags"},
		"kind missing":          {`{}`, 422, "invalid_request", "/kind"},
		"unknown kind":          {`{"kind":"reprot"}`, 422, "unknown_kind", "/kind"},
		"kind with SQL":         {`{"kind":"'; DROP TABLE freshet.tasks; --"}`, 422, "unknown_kind", "/kind"},
		"long kind":             {`{"kind":"` + strings.Repeat("k", 100000) + `"}`, 422, "unknown_kind", "/kind"},
		"input misfits":         {`{"kind":"report","input":{"n":"x"}}`, 422, "invalid_input", "/input/n"},
		"input lacks":           {`{"kind":"report","input":{}}`, 422, "invalid_input", "/input/n"},
		"input absent":          {`{"kind":"report"}`, 422, "invalid_input", "/input/n"},
		"input null":            {`{"kind":"report","input":null}`, 422, "invalid_input", "/input/n"},
		"input has more":        {`{"kind":"report","input":{"n":1,"N":2}}`, 422, "invalid_input", "/input/N"},
		"too many tags":         {`{"kind":"anything","tags":["` + strings.Repeat(`a","`, 20) + `a"]}`, 422, "invalid_request", "/tags"},
		"long tag":              {`{"kind":"anything","tags":["ok","` + strings.Repeat("ä", 51) + `"]}`, 422, "invalid_request", "/tags/1"},
		"empty tag":             {`{"kind":"anything","tags":[""]}`, 422, "invalid_request", "/tags/0"},
		"null tag":              {`{"kind":"anything","tags":[null]}`, 422, "invalid_request", "/tags/0"},
		"metadata an array":     {`{"kind":"anything","metadata":[1]}`, 422, "invalid_request", "/metadata"},
		"metadata too long":     {`{"kind":"anything","metadata":{"a":"` + strings.Repeat("x", 17<<10) + `"}}`, 422, "invalid_request", "/metadata"},
		"long key":              {`{"kind":"anything","idempotencyKey":"` + strings.Repeat("k", 256) + `"}`, 422, "invalid_request", "/idempotencyKey"},
		"very long key":         {`{"kind":"anything","idempotencyKey":"` + strings.Repeat("k", 9000) + `"}`, 422, "invalid_request", "/idempotencyKey"},
		"empty key":             {`{"kind":"anything","idempotencyKey":""}`, 422, "invalid_request", "/idempotencyKey"},
		"empty owner":           {`{"kind":"anything","owner":""}`, 422, "invalid_request", "/owner"},
		"scope without key":     {`{"kind":"anything","idempotencyScope":"active"}`, 422, "invalid_request", "/idempotencyScope"},
		"bad scope":             {`{"kind":"anything","idempotencyKey":"k","idempotencyScope":"ever"}`, 422, "invalid_request", "/idempotencyScope"},
		"long owner":            {`{"kind":"anything","owner":"` + strings.Repeat("o", 256) + `"}`, 422, "invalid_request", "/owner"},
		"owner with newline":    {`{"kind":"anything","owner":"a\nb"}`, 422, "invalid_request", "/owner"},
		"owner right to left":   {`{"kind":"anything","owner":"a\u202eb"}`, 422, "invalid_request", "/owner"},
		"bad priority":          {`{"kind":"anything","priority":"urgent"}`, 422, "invalid_request", "/priority"},
		"priority a number":     {`{"kind":"anything","priority":1}`, 400, "invalid_body", "/priority"},
		"infinity":              {`{"kind":"anything","scheduledAt":"infinity"}`, 400, "invalid_body", "/scheduledAt"},
		"year 294277":           {`{"kind":"anything","scheduledAt":"294277-01-01T00:00:00Z"}`, 400, "invalid_body", "/scheduledAt"},
		"two years ahead":       {`{"kind":"anything","scheduledAt":"` + year + `"}`, 422, "invalid_request", "/scheduledAt"},
		"year 9999":             {`{"kind":"anything","scheduledAt":"9999-12-31T23:59:59Z"}`, 422, "invalid_request", "/scheduledAt"},
		"negative delay":        {`{"kind":"anything","delay":"-5m"}`, 422, "invalid_request", "/delay"},
		"delay too long":        {`{"kind":"anything","delay":"367d"}`, 422, "invalid_request", "/delay"},
		"delay overflows":       {`{"kind":"anything","delay":"99999999999999999999h"}`, 422, "invalid_request", "/delay"},
		"delay no duration":     {`{"kind":"anything","delay":"soon"}`, 422, "invalid_request", "/delay"},
		"delay a number":        {`{"kind":"anything","delay":30}`, 400, "invalid_body", "/delay"},
		"delay and time":        {`{"kind":"anything","delay":"1h","scheduledAt":"2026-01-01T00:00:00Z"}`, 422, "invalid_request", "/delay"},
		"timeout too long":      {`{"kind":"anything","timeout":"11m"}`, 422, "invalid_request", "/timeout"},
		"timeout zero":          {`{"kind":"anything","timeout":"0s"}`, 422, "invalid_request", "/timeout"},
		"timeout negative":      {`{"kind":"anything","timeout":"-1s"}`, 422, "invalid_request", "/timeout"},
		"input too long":        {`{"kind":"anything","input":"` + strings.Repeat("x", 1<<20) + `"}`, 413, "too_large", "/input"},
		"body too long":         {`{"kind":"anything","input":"` + strings.Repeat("x", 2<<20) + `"}`, 413, "too_large", ""},
	}
	for name, test := range refusals {
		if r.call(ada, http.MethodPost, "/v1/tasks", test.body).refused(test.status, test.code, test.pointer); t.Failed() {
			t.Fatal(name)
		}
	}
	var stored int
	r.ok(r.store.Pool().QueryRow(t.Context(), `SELECT count(*) FROM freshet.tasks`).Scan(&stored))
	if stored != 0 {
		t.Errorf("%d tasks were stored", stored)
	}
}

func TestLimitsAreNotTooTight(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for name, body := range map[string]string{
		"input of 1 MiB":     `{"kind":"anything","input":"` + strings.Repeat("x", 1<<20-2) + `"}`,
		"input of 64 levels": `{"kind":"anything","input":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}`,
		"tags":               `{"kind":"anything","tags":["` + strings.Repeat("t", 100) + `"` + strings.Repeat(`,"t"`, 19) + `]}`,
		"metadata of 16 KiB": `{"kind":"anything","metadata":{"a":"` + strings.Repeat("x", 16<<10-8) + `"}}`,
		"key and owner":      `{"kind":"anything","owner":"ada","idempotencyKey":"` + strings.Repeat("k", 255) + `"}`,
		"delay of 366 days":  `{"kind":"anything","delay":"366d"}`,
		"the kind's timeout": `{"kind":"anything","timeout":"10m"}`,
		"nulls are absent":   `{"kind":"anything","owner":null,"tags":null,"metadata":null,"delay":null,"scheduledAt":null,"priority":null}`,
		"big number":         `{"kind":"anything","input":[1.7e308,1234567890123456789012345678901234567890]}`,
	} {
		if a := r.call(ada, http.MethodPost, "/v1/tasks", body); a.status != http.StatusAccepted {
			t.Errorf("%s: status %d: %s", name, a.status, a.body)
		}
	}
	item := `{"kind":"anything","input":"` + strings.Repeat("x", 1<<20-2) + `"}`
	r.call(ada, http.MethodPost, "/v1/tasks/batch", `{"tasks":[`+item+`,`+item+`,`+item+`]}`).want(http.StatusAccepted)
	r.call(ada, http.MethodPost, "/v1/tasks/batch", `{"tasks":[`+item+`,`+item+`,{"kind":"anything","hue":1}]}`).
		refused(http.StatusBadRequest, "invalid_body", "/tasks/2/hue")
	r.call(ada, http.MethodPost, "/v1/tasks/batch", `{"tasks":[{"kind":"anything","hue":1}]}`).
		refused(http.StatusBadRequest, "invalid_body", "/tasks/0/hue")
}

func TestSuggestions(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for body, want := range map[string]string{
		`{"kind":"reprot"}`:                `did you mean \"report\"?`,
		`{"kind":"anything","tag":["x"]}`:  `did you mean \"tags\"?`,
		`{"kind":"anything","Owner":"x"}`:  `did you mean \"owner\"?`,
		`{"kind":"anything","metdata":{}}`: `did you mean \"metadata\"?`,
	} {
		if a := r.call(ada, http.MethodPost, "/v1/tasks", body); !strings.Contains(a.body, want) {
			t.Errorf("%s: no %s in %s", body, want, a.body)
		}
	}
}

func TestBadIDsAndParameters(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	id := r.submit(`{"kind":"anything"}`).ID
	none := "01900000-0000-7000-8000-000000000000"
	for path, want := range map[string]struct {
		status int
		code   string
	}{
		"/v1/tasks/" + none: {404, "not_found"},
		"/v1/tasks/00000000-0000-0000-0000-000000000000": {404, "not_found"},
		"/v1/tasks/x":                                            {400, "invalid_id"},
		"/v1/tasks/" + strings.ToUpper(id):                       {400, "invalid_id"},
		"/v1/tasks/{" + id + "}":                                 {400, "invalid_id"},
		"/v1/tasks/urn:uuid:" + id:                               {400, "invalid_id"},
		"/v1/tasks/" + strings.ReplaceAll(id, "-", ""):           {400, "invalid_id"},
		"/v1/tasks/" + id + "%00":                                {400, "invalid_address"},
		"/v1/tasks/%ff":                                          {400, "invalid_address"},
		"/v1/tasks/..%2f" + id:                                   {400, "invalid_id"},
		"/v1/tasks/" + strings.Repeat("9", 10000):                {400, "invalid_id"},
		"/v1/tasks/9223372036854775808":                          {400, "invalid_id"},
		"/v1/tasks/%F0%9F%90%9F":                                 {400, "invalid_id"},
		"/v1/tasks/' OR 1=1 --":                                  {400, "invalid_id"},
		"/v1/tasks/" + id + "?wait=soon":                         {422, "invalid_parameter"},
		"/v1/tasks/" + id + "?wait=-1s":                          {422, "invalid_parameter"},
		"/v1/tasks/" + id + "?until=never":                       {422, "invalid_parameter"},
		"/v1/tasks/" + id + "?after=x":                           {422, "invalid_parameter"},
		"/v1/tasks/" + id + "?after=-2":                          {422, "invalid_parameter"},
		"/v1/tasks/" + id + "?after=9223372036854775808":         {422, "invalid_parameter"},
		"/v1/tasks/" + id + "?colour=red":                        {422, "invalid_parameter"},
		"/v1/tasks?owner_id=bob":                                 {422, "invalid_parameter"},
		"/v1/tasks?OWNER=bob":                                    {422, "invalid_parameter"},
		"/v1/tasks?state=dead":                                   {422, "invalid_parameter"},
		"/v1/tasks?limit=0":                                      {422, "invalid_parameter"},
		"/v1/tasks?limit=201":                                    {422, "invalid_parameter"},
		"/v1/tasks?limit=1e3":                                    {422, "invalid_parameter"},
		"/v1/tasks?createdAfter=infinity":                        {422, "invalid_parameter"},
		"/v1/tasks?createdAfter=294277-01-01T00:00:00Z":          {422, "invalid_parameter"},
		"/v1/tasks?kind=%00":                                     {400, "invalid_address"},
		"/v1/tasks?tag=%ff":                                      {400, "invalid_address"},
		"/v1/tasks?tag=%zz":                                      {400, "invalid_address"},
		"/v1/tasks?cursor=x":                                     {400, "bad_cursor"},
		"/v1/tasks?cursor=" + url.QueryEscape("' OR 1=1 --"):     {400, "bad_cursor"},
		"/v1/tasks?owner=bob":                                    {403, "forbidden"},
		"/v1/tasks/" + id + "/events?after=-1":                   {422, "invalid_parameter"},
		"/v1/tasks/" + id + "/events?after=18446744073709551616": {422, "invalid_parameter"},
		"/v1/tasks/" + id + "/events?limit=1001":                 {422, "invalid_parameter"},
		"/v1/tasks/" + id + "/logs?format=xml":                   {422, "invalid_parameter"},
		"/v1/tasks/" + id + "/logs?tail=10001":                   {422, "invalid_parameter"},
		"/v1/tasks/" + id + "/logs?attempt=-1":                   {422, "invalid_parameter"},
		"/v1/tasks/" + id + "/logs?attempt=9223372036854775807":  {422, "invalid_parameter"},
		"/v1/kinds/none":                                         {404, "not_found"},
		"/v1/kinds/%00":                                          {400, "invalid_address"},
	} {
		address := strings.NewReplacer(" ", "%20", "{", "%7B", "}", "%7D").Replace(path)
		if a := r.call(ada, http.MethodGet, address, ""); a.status != want.status {
			t.Errorf("%s: status %d, want %d: %s", path, a.status, want.status, a.body)
		} else {
			a.refused(want.status, want.code, "")
		}
	}
	for path, status := range map[string]int{
		"/v1/tasks/" + id + "?after=9223372036854775807":                                 200,
		"/v1/tasks/" + id + "/events?after=9223372036854775807":                          200,
		"/v1/tasks/" + id + "/logs?after=9223372036854775807&attempt=2147483647":         200,
		"/v1/tasks/" + id + "/logs?attempt=2147483647&format=json":                       200,
		"/v1/tasks?createdAfter=0001-01-01T00:00:00Z&createdBefore=9999-12-31T23:59:59Z": 200,
		"/v1/tasks?tag=" + url.QueryEscape(`{"a",'b'}; DROP TABLE freshet.tasks`):        200,
	} {
		if a := r.call(ada, http.MethodGet, path, ""); a.status != status {
			t.Errorf("%s: status %d, want %d: %s", path, a.status, status, a.body)
		}
	}
	for _, path := range []string{"/v1/kinds/none/pause", "/v1/pools/none/resume"} {
		r.call(root, http.MethodPost, path, "").refused(http.StatusNotFound, "not_found", "")
	}
}

func TestNothingIsEverOurFault(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	id := r.submit(`{"kind":"anything"}`).ID
	bodies := []string{"", "{}", "null", "[]", `{"input":1}`, `{"input":null}`, `{"x":1}`, "\x00", "\xff", `{"input":{"a":"\u0000"}}`, "{"}
	for _, action := range []string{"cancel", "retry", "rerun"} {
		for _, body := range bodies {
			if a := r.call(ada, http.MethodPost, "/v1/tasks/"+id+"/"+action, body); a.status >= 500 {
				t.Errorf("%s with %q: status %d: %s", action, body, a.status, a.body)
			}
		}
	}
	for _, parameter := range []string{"state", "kind", "tag", "owner", "createdAfter", "createdBefore", "limit", "cursor"} {
		for _, value := range []string{"", "0", "-1", "x", "null", "%27", "%00", "%ff", "%", "%F0%9F%90%9F", strings.Repeat("9", 5000)} {
			if a := r.call(root, http.MethodGet, "/v1/tasks?"+parameter+"="+value, ""); a.status >= 500 {
				t.Errorf("%s=%s: status %d: %s", parameter, value, a.status, a.body)
			}
		}
	}
}
