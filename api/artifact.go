package api

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"path"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/danielgtaylor/huma/v2"

	"freshet/jobs"
)

func (s *Server) artifactRoutes(r *routes) {
	handle(r, operation{
		id: "list-artifacts", method: http.MethodGet, path: "/v1/tasks/{id}/artifacts", tag: "history", scope: jobs.ScopeRead, browser: true,
		summary: "List the files that a task left",
		detail:  "Each with an address that is good for five minutes and needs no key.",
	}, s.listArtifacts)
	handle(r, operation{
		id: "download-artifact", method: http.MethodGet, path: "/v1/artifacts/{id}", tag: "history",
		summary: "Download a file",
		detail:  "Its address comes from the list of artifacts; it is never shown inline.",
		access:  public, long: true,
		content: map[string]reflect.Type{binaryType: nil},
		refuses: []code{codeBadSignature, codeLinkExpired, codeNotFound},
	}, s.downloadArtifact)
}

const binaryType = "application/octet-stream"

// artifactView is a file that a task left.
type artifactView struct {
	Name        string    `json:"name" example:"pages/1.pdf" doc:"Slash-separated path."`
	Size        int64     `json:"size" doc:"In bytes."`
	ContentType string    `json:"contentType" example:"application/pdf"`
	SHA256      string    `json:"sha256" doc:"In hex."`
	URL         string    `json:"url" doc:"Signed address of the content."`
	ExpiresAt   time.Time `json:"expiresAt" doc:"When the address ends."`
}

type artifactsOutput struct {
	Body list[artifactView]
}

func (s *Server) listArtifacts(ctx context.Context, in *taskInput) (*artifactsOutput, error) {
	task, err := s.ownedHead(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	artifacts, err := s.store.Artifacts(ctx, task.ID)
	if err != nil {
		return nil, err
	}
	expires := time.Now().Add(s.limits.Link).UTC().Truncate(time.Second)
	return &artifactsOutput{listOf(artifacts, func(a jobs.Artifact) artifactView {
		return artifactView{
			Name: a.Name, Size: a.Size, ContentType: a.ContentType, SHA256: hex.EncodeToString(a.SHA256[:]),
			URL: s.signedAddress(a.ID, expires), ExpiresAt: expires,
		}
	})}, nil
}

func (s *Server) signedAddress(id int64, expires time.Time) string {
	name, until := strconv.FormatInt(id, 10), strconv.FormatInt(expires.Unix(), 10)
	signature := base64.RawURLEncoding.EncodeToString(s.links.Sign(name, until))
	return s.link("/v1/artifacts/" + name + "?expires=" + until + "&signature=" + signature)
}

type downloadInput struct {
	ID        string `path:"id" doc:"Id of the file."`
	Expires   string `query:"expires" required:"true" maxLength:"20" doc:"Unix time."`
	Signature string `query:"signature" required:"true" maxLength:"64"`
}

func (s *Server) downloadArtifact(ctx context.Context, in *downloadInput) (*huma.StreamResponse, error) {
	id, err := s.checkAddress(in)
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, s.limits.Work)
	defer cancel()
	artifact, err := s.store.Artifact(limited, id)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(answer huma.Context) {
		for name, value := range artifactHeaders(artifact) {
			answer.SetHeader(name, value)
		}
		if callOf(ctx).request.Method == http.MethodHead {
			return
		}
		if err := s.store.WriteArtifact(ctx, id, s.streamTo(ctx)); err != nil {
			cutOff(ctx, err)
		}
	}}, nil
}

// checkAddress tells whether an address is one that was signed here, and is still good.
func (s *Server) checkAddress(in *downloadInput) (int64, error) {
	signature, err := base64.RawURLEncoding.Strict().DecodeString(in.Signature)
	if err != nil || !s.links.Verify(signature, in.ID, in.Expires) {
		return 0, newProblem(codeBadSignature, "")
	}
	id, idErr := strconv.ParseInt(in.ID, 10, 64)
	until, untilErr := strconv.ParseInt(in.Expires, 10, 64)
	switch {
	case idErr != nil || untilErr != nil:
		return 0, newProblem(codeBadSignature, "")
	case time.Now().Unix() >= until:
		return 0, newProblem(codeLinkExpired, "")
	}
	return id, nil
}

// artifactHeaders make a browser save the file and never show it: what a task left may be a web page
// that attacks its reader.
func artifactHeaders(artifact jobs.Artifact) map[string]string {
	return map[string]string{
		"Content-Type":            contentType(artifact.ContentType),
		"Content-Length":          strconv.FormatInt(artifact.Size, 10),
		"Content-Disposition":     disposition(artifact.Name),
		"Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
		"Cache-Control":           "private, no-store",
	}
}

func contentType(text string) string {
	name, parameters, err := mime.ParseMediaType(text)
	if err != nil {
		return binaryType
	}
	if formatted := mime.FormatMediaType(name, parameters); formatted != "" {
		return formatted
	}
	return binaryType
}

// disposition names the file as RFC 6266 has it: once in plain ASCII, once in full. Characters that
// could change how the name is read or where it is put are left out.
func disposition(name string) string {
	name = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || strings.ContainsRune(`/\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(path.Base(name), "_"))
	ascii := strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII || r == '%' {
			return '_'
		}
		return r
	}, name)
	escaped := strings.ReplaceAll(url.QueryEscape(name), "+", "%20")
	return fmt.Sprintf(`attachment; filename="%s"; filename*=UTF-8''%s`, ascii, escaped)
}

// streamTo is the client as a writer: it gets a new deadline with each piece.
func (s *Server) streamTo(ctx context.Context) io.Writer {
	return writerFunc(func(p []byte) (int, error) {
		s.renewDeadline(ctx)
		return callOf(ctx).writer.Write(p)
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
