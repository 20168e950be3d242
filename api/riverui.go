package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
)

const (
	riverPath = "/river"
	// riverTime is for a whole answer of River UI, and riverDial for it to be there.
	riverTime = 30 * time.Second
	riverDial = 3 * time.Second
	maxRiver  = 1 << 20 // bytes of a page, which is read as a whole
	// riverMayLoad is what River UI's own files need; %s are the scripts that stand in its page. Its libraries
	// write style elements.
	riverMayLoad = "default-src 'none'; script-src 'self'%s; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; " +
		"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

// riverUI shows admins the River UI that runs at an address of its own, with riverPath as its prefix. Only reads
// pass: what River UI writes goes by the tasks. It is sent nothing that proves who asks, neither cookie nor key,
// and of what it answers only what a file needs is passed on.
type riverUI struct {
	server *Server
	target *url.URL // its user and password are sent along
	proxy  *httputil.ReverseProxy
}

// riverRoutes serve River UI, if there is one. Other methods than GET and HEAD are refused by the router.
func (s *Server) riverRoutes(mux chi.Router) {
	if s.riverUI == nil {
		return
	}
	u := &riverUI{server: s, target: s.riverUI}
	u.proxy = &httputil.ReverseProxy{
		Rewrite: u.ask, ModifyResponse: u.take, ErrorHandler: u.fail,
		ErrorLog: slog.NewLogLogger(s.logger.Handler(), slog.LevelDebug),
		Transport: &http.Transport{
			DialContext:           (&net.Dialer{Timeout: riverDial}).DialContext,
			TLSHandshakeTimeout:   riverDial,
			ResponseHeaderTimeout: riverTime,
			DisableKeepAlives:     true, // nobody would close them
		},
	}
	mux.Get(riverPath, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, riverPath+"/", http.StatusSeeOther)
	})
	mux.Get(riverPath+"/*", u.show)
}

func (u *riverUI) show(w http.ResponseWriter, r *http.Request) {
	if !ofRiver(r.URL) || !storable(r.URL) {
		writeProblem(r.Context(), newProblem(codeInvalidAddress, "Addresses below /river/ have no dots, empty parts or escaped slashes."))
		return
	}
	if err := u.server.admit(r.Context(), operation{access: admin}, r.Header.Get("Authorization")); err != nil {
		refused := problemOf(err)
		if refused.Code == codeUnauthorized && strings.Contains(r.Header.Get("Accept"), "text/html") {
			http.Redirect(w, r, loginPath+"?to="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
			return
		}
		writeProblem(r.Context(), refused)
		return
	}
	limited, cancel := context.WithTimeout(r.Context(), riverTime)
	defer cancel()
	u.proxy.ServeHTTP(w, r.WithContext(limited))
}

// ofRiver tells whether an address is below riverPath however it is read: nothing in it is escaped that need not
// be, and no part of it leads up.
func ofRiver(address *url.URL) bool {
	clean := path.Clean(address.Path)
	if strings.HasSuffix(address.Path, "/") {
		clean += "/"
	}
	return address.RawPath == "" && address.Path == clean && strings.HasPrefix(clean, riverPath+"/") && !strings.Contains(clean, `\`)
}

// backTo is where somebody goes who has signed in: to the page of River UI that asked for it, or else the first one.
func backTo(wish string) string {
	address, err := url.Parse(wish)
	if err != nil || address.IsAbs() || address.Host != "" || !ofRiver(address) {
		return homePath
	}
	return (&url.URL{Path: address.Path, RawQuery: address.RawQuery}).String()
}

// ask makes the request to River UI, with nothing of the browser's but what a read needs.
func (u *riverUI) ask(r *httputil.ProxyRequest) {
	r.SetURL(u.target)
	r.Out.Body, r.Out.ContentLength = http.NoBody, 0
	r.Out.Header = http.Header{}
	for _, name := range []string{"Accept", "Accept-Language", "If-Modified-Since", "If-None-Match", "Range", "User-Agent"} {
		if values := r.In.Header.Values(name); len(values) > 0 {
			r.Out.Header[name] = values
		}
	}
	r.SetXForwarded()
	if client, _ := u.server.proxies.client(r.In); client.IsValid() {
		r.Out.Header.Set("X-Forwarded-For", client.String())
	}
	if u.server.sessions.secure {
		r.Out.Header.Set("X-Forwarded-Proto", "https")
	}
	r.Out.Header.Set("X-Request-Id", callOf(r.In.Context()).id)
	if user := u.target.User; user != nil {
		password, _ := user.Password()
		r.Out.SetBasicAuth(user.Username(), password)
	}
}

// take makes an answer of River UI ours.
func (u *riverUI) take(answer *http.Response) error {
	given := answer.Header
	answer.Header = http.Header{}
	for _, name := range []string{"Accept-Ranges", "Content-Length", "Content-Range", "Content-Type", "Etag", "Last-Modified"} {
		if values := given.Values(name); len(values) > 0 {
			answer.Header[name] = values
		}
	}
	switch status := answer.StatusCode; {
	case status == http.StatusSwitchingProtocols, status == http.StatusUnauthorized, status == http.StatusForbidden:
		return fmt.Errorf("River UI answers with status %d", status)
	case given.Get("Location") != "":
		return u.redirect(answer, given.Get("Location"))
	}
	scripts := ""
	if strings.HasPrefix(given.Get("Content-Type"), "text/html") {
		page, err := io.ReadAll(io.LimitReader(answer.Body, maxRiver+1))
		switch {
		case err != nil:
			return err
		case len(page) > maxRiver:
			return errors.New("a page of River UI is too long")
		}
		_ = answer.Body.Close() // it was read
		answer.Body = io.NopCloser(bytes.NewReader(page))
		scripts = inlineScripts(page)
	}
	callOf(answer.Request.Context()).writer.Header().Set("Content-Security-Policy", fmt.Sprintf(riverMayLoad, scripts))
	return nil
}

// redirect passes on the path of a redirect to River UI itself, and no other redirect.
func (u *riverUI) redirect(answer *http.Response, location string) error {
	to, err := answer.Request.URL.Parse(location)
	if err != nil || to.Scheme != u.target.Scheme || to.Host != u.target.Host || !ofRiver(to) {
		return errors.New("River UI redirects to elsewhere; is its prefix /river?")
	}
	_ = answer.Body.Close() // it names the address within
	answer.Body = http.NoBody
	answer.Header = http.Header{"Location": {(&url.URL{Path: to.Path, RawQuery: to.RawQuery}).String()}}
	return nil
}

var inlineScript = regexp.MustCompile(`(?is)<script([^>]*)>(.*?)</script`)

// inlineScripts are the sources, as a policy lists them, of the scripts that stand in a page. They are part of the
// page, which is the same for everybody; what gets into it later does not run.
func inlineScripts(html []byte) string {
	var sources strings.Builder
	for _, script := range inlineScript.FindAllSubmatch(html, -1) {
		if attributes := string(script[1]); strings.Contains(attributes, "src=") || strings.Contains(attributes, "application/json") {
			continue
		}
		hash := sha256.Sum256(bytes.ReplaceAll(script[2], []byte("\r\n"), []byte("\n"))) // as browsers read it
		sources.WriteString(" 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "'")
	}
	return sources.String()
}

func (u *riverUI) fail(_ http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) { // the browser has gone
		writeProblem(r.Context(), problemOf(err))
		return
	}
	away := newProblem(codeUnavailable, "River UI does not answer as it should. The log says more.").with("Retry-After", retrySoon)
	away.cause = err
	writeProblem(r.Context(), away)
}
