package api_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"freshet/api"
	"freshet/jobs"
)

type artifactsDocument struct {
	Items []struct {
		Name, ContentType, SHA256, URL string
		Size                           int64
		ExpiresAt                      time.Time
	}
}

// leave makes a task of ada's that left files, given as name, content type, content, …
func (r *rig) leave(files ...string) string {
	r.t.Helper()
	task := r.submit(`{"kind":"report","input":{"n":1}}`)
	claim := r.claim(task.ID)
	for i := 0; i < len(files); i += 3 {
		r.ok(r.store.SaveArtifact(r.t.Context(), claim.Fence, files[i], files[i+1], strings.NewReader(files[i+2])))
	}
	if a := r.call(ada, http.MethodGet, "/v1/tasks/"+task.ID+"/artifacts", ""); strings.TrimSpace(a.body) != `{"items":[]}` {
		r.t.Errorf("files of a running attempt show: %s", a.body)
	}
	r.complete(claim, `{}`)
	return task.ID
}

func (r *rig) artifacts(task string) artifactsDocument {
	r.t.Helper()
	return decode[artifactsDocument](r.call(ada, http.MethodGet, "/v1/tasks/"+task+"/artifacts", "").want(http.StatusOK))
}

const publicURL = "https://tasks.example.com"

func TestArtifacts(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	large := make([]byte, 3*jobs.ArtifactChunk+17)
	_, _ = rand.Read(large)
	list := r.artifacts(r.leave("large.bin", "application/octet-stream", string(large), "pages/empty.txt", "text/plain; charset=utf-8", ""))
	if len(list.Items) != 2 || list.Items[0].Name != "large.bin" || list.Items[1].Name != "pages/empty.txt" {
		t.Fatalf("artifacts %+v", list.Items)
	}
	first := list.Items[0]
	digest := sha256.Sum256(large)
	if first.Size != int64(len(large)) || first.SHA256 != hex.EncodeToString(digest[:]) || !strings.HasPrefix(first.URL, publicURL+"/v1/artifacts/") {
		t.Errorf("artifact %+v", first)
	}
	if good := time.Until(first.ExpiresAt); good < 4*time.Minute || good > 5*time.Minute {
		t.Errorf("the address is good for %s", good)
	}
	a := r.call("", http.MethodGet, strings.TrimPrefix(first.URL, publicURL), "").want(http.StatusOK)
	if !bytes.Equal([]byte(a.body), large) || a.header.Get("Content-Length") != strconv.Itoa(len(large)) {
		t.Errorf("%d bytes, Content-Length %s; want %d", len(a.body), a.header.Get("Content-Length"), len(large))
	}
	second := r.call("", http.MethodGet, strings.TrimPrefix(list.Items[1].URL, publicURL), "").want(http.StatusOK)
	if second.body != "" || second.header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("empty file: %q as %s", second.body, second.header.Get("Content-Type"))
	}
	head := r.call("", http.MethodHead, strings.TrimPrefix(first.URL, publicURL), "").want(http.StatusOK)
	if head.body != "" || head.header.Get("Content-Length") != strconv.Itoa(len(large)) {
		t.Errorf("HEAD: %d bytes, headers %v", len(head.body), head.header)
	}
}

func TestDownloadsAreNeverShown(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	names := map[string]string{ // name: the file name that a browser is told
		"page.html":             "page.html",
		"a/b/c.svg":             "c.svg",
		"Übersicht 100%.pdf":    "Übersicht 100%.pdf",
		"a\"; filename=\"x.exe": "a_; filename=_x.exe",
		"evil\r\nX-Evil: 1.txt": "evil__X-Evil_ 1.txt",
		"gpj\u202eexe.txt":      "gpj_exe.txt",
		`..\..\win.ini`:         ".._.._win.ini",
		"日本語.txt":               "日本語.txt",
	}
	var files []string
	types := []string{"text/html", "image/svg+xml", "application/xhtml+xml", "text/html\r\nX-Evil: 1", "text/html\nX-Evil: 1"}
	for i, name := range slices.Sorted(maps.Keys(names)) {
		files = append(files, name, types[i%len(types)], "<script>alert(1)</script>")
	}
	for _, artifact := range r.artifacts(r.leave(files...)).Items {
		a := r.call("", http.MethodGet, strings.TrimPrefix(artifact.URL, publicURL), "").want(http.StatusOK)
		kind, parameters, err := mime.ParseMediaType(a.header.Get("Content-Disposition"))
		if err != nil || kind != "attachment" || parameters["filename"] != names[artifact.Name] {
			t.Errorf("%q: %s (%v)", artifact.Name, a.header.Get("Content-Disposition"), err)
		}
		if a.header.Get("X-Evil") != "" || a.header.Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(a.header.Get("Content-Security-Policy"), "sandbox;") {
			t.Errorf("%q: headers %v", artifact.Name, a.header)
		}
	}
}

func TestSignedAddressesCannotBeChanged(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	items := r.artifacts(r.leave("a.txt", "text/plain", "a", "b.txt", "nonsense/", "b")).Items
	address, err := url.Parse(strings.TrimPrefix(items[0].URL, publicURL))
	r.ok(err)
	other, err := url.Parse(strings.TrimPrefix(items[1].URL, publicURL))
	r.ok(err)
	if a := r.call("", http.MethodGet, other.String(), "").want(http.StatusOK); a.header.Get("Content-Type") != "application/octet-stream" {
		t.Errorf("a type that is none is sent as %s", a.header.Get("Content-Type"))
	}
	forged := func(signature string) string { // in its first letter
		if signature[0] == 'A' {
			return "B" + signature[1:]
		}
		return "A" + signature[1:]
	}
	signature, expires := address.Query().Get("signature"), address.Query().Get("expires")
	for name, test := range map[string]struct {
		path, expires, signature string
		status                   int
		code                     string
	}{
		"another file":      {other.Path, expires, signature, 403, "bad_signature"},
		"later":             {address.Path, expires + "0", signature, 403, "bad_signature"},
		"another spelling":  {address.Path, "0" + expires, signature, 403, "bad_signature"},
		"cut signature":     {address.Path, expires, signature[:20], 403, "bad_signature"},
		"changed signature": {address.Path, expires, forged(signature), 403, "bad_signature"},
		"loose base64":      {address.Path, expires, signature[:42] + string(signature[42]+1), 403, "bad_signature"},
		"no signature":      {address.Path, expires, "", 422, "invalid_parameter"},
		"no expiry":         {address.Path, "", signature, 422, "invalid_parameter"},
		"no number":         {"/v1/artifacts/x", expires, signature, 403, "bad_signature"},
	} {
		query := url.Values{"expires": {test.expires}, "signature": {test.signature}}
		a := r.call("", http.MethodGet, test.path+"?"+query.Encode(), "")
		if a.status != test.status {
			t.Errorf("%s: status %d: %s", name, a.status, a.body)
		} else {
			a.refused(test.status, test.code, "")
		}
	}
	for range 2 { // as often as one likes
		r.call("", http.MethodGet, address.String(), "").want(http.StatusOK)
	}
}

func TestSignedAddressesExpire(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *api.Config) { c.Limits.Link = time.Nanosecond })
	item := r.artifacts(r.leave("a.txt", "text/plain", "a")).Items[0]
	r.call("", http.MethodGet, strings.TrimPrefix(item.URL, publicURL), "").refused(http.StatusForbidden, "link_expired", "")
}

func TestDeletedFilesAreGone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	task := r.leave("a.txt", "text/plain", "a")
	item := r.artifacts(task).Items[0]
	r.call(ada, http.MethodDelete, "/v1/tasks/"+task, "").want(http.StatusNoContent)
	r.call("", http.MethodGet, strings.TrimPrefix(item.URL, publicURL), "").refused(http.StatusNotFound, "not_found", "")
}

func TestSignaturesStayOutOfTheLog(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	item := r.artifacts(r.leave("a.txt", "text/plain", "a")).Items[0]
	address, err := url.Parse(strings.TrimPrefix(item.URL, publicURL))
	r.ok(err)
	r.call("", http.MethodGet, address.String(), "").want(http.StatusOK)
	r.logged(fmt.Sprintf(`"path":%q`, address.Path))
	for _, secret := range []string{address.Query().Get("signature"), ada} {
		if strings.Contains(r.log.String(), secret) {
			t.Errorf("the log shows %s", secret)
		}
	}
}
