package api

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"freshet/jobs"
)

// access says who may call an operation.
type access int

const (
	user   access = iota // whoever has a key, and a browser with a token where the operation says so
	admin                // whoever has an admin's key
	public               // anyone
)

// operation describes one endpoint: to the router, to guard, and to the OpenAPI document.
type operation struct {
	id, method, path     string
	tag, summary, detail string

	access  access
	scope   jobs.Scope // that the caller needs; empty: none
	browser bool       // a token may call it, with the scope
	long    bool       // may wait or stream: no deadline for the whole
	plain   bool       // in the audit log only when it is refused
	probe   bool       // answers from memory while the database sleeps

	body         reflect.Type // of the request; nil: none
	bodyOptional bool
	bodySize     bodySize
	example      any // of the request's body

	status  int                     // of success; zero: 200
	also    map[int]string          // other good statuses, and what they mean
	content map[string]reflect.Type // of a streamed answer: content types; nil: text
	refuses []code                  // besides those that every operation shares
}

// routes collects operations.
type routes struct {
	server *Server
	api    huma.API
}

// router makes the handler of all requests.
func (s *Server) router(origins []string) (http.Handler, error) {
	mux := chi.NewRouter()
	mux.Use(s.trace, s.attended, s.rescue, crossOrigin(origins), middleware.GetHead)
	mux.NotFound(func(_ http.ResponseWriter, r *http.Request) {
		writeProblem(r.Context(), newProblem(codeNotFound, "There is nothing at this address."))
	})
	mux.MethodNotAllowed(func(_ http.ResponseWriter, r *http.Request) {
		writeProblem(r.Context(), newProblem(codeMethodNotAllowed, "").with("Allow", allowed(mux, r)))
	})
	s.riverRoutes(mux)
	api := s.operations(mux)
	document, err := render(api.OpenAPI())
	if err != nil {
		return nil, err
	}
	return mux, s.pages(mux, api.OpenAPI(), document)
}

// operations registers all operations with the router.
func (s *Server) operations(mux chi.Router) huma.API {
	r := &routes{s, humachi.New(mux, documentConfig())}
	s.submitRoutes(r)
	s.taskRoutes(r)
	s.lifeRoutes(r)
	s.historyRoutes(r)
	s.logRoutes(r)
	s.streamRoutes(r)
	s.newsRoutes(r)
	s.artifactRoutes(r)
	s.tokenRoutes(r)
	s.kindRoutes(r)
	s.poolRoutes(r)
	s.workerRoutes(r)
	s.scheduleRoutes(r)
	s.keyRoutes(r)
	s.endpointRoutes(r)
	s.deliveryRoutes(r)
	s.userRoutes(r)
	s.loginRoutes(r)
	s.operatorRoutes(r)
	s.credentialRoutes(r)
	s.auditRoutes(r)
	s.healthRoutes(r)
	s.metricsRoutes(r)
	s.statsRoutes(r)
	return r.api
}

// handle registers one operation.
func handle[In, Out any](r *routes, op operation, handler func(context.Context, *In) (*Out, error)) {
	huma.Register(r.api, op.describe(r.api.OpenAPI().Components.Schemas, r.server), func(ctx context.Context, in *In) (*Out, error) {
		out, err := handler(ctx, in)
		if err != nil {
			return nil, problemOf(err)
		}
		return out, nil
	})
}

// allowed lists the methods of an address.
func allowed(mux *chi.Mux, r *http.Request) string {
	path := r.URL.RawPath
	if path == "" {
		path = r.URL.Path
	}
	var methods []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete} {
		if mux.Match(chi.NewRouteContext(), method, path) {
			methods = append(methods, method)
		}
	}
	if slices.Contains(methods, http.MethodGet) {
		methods = append(methods, http.MethodHead)
	}
	return strings.Join(methods, ", ")
}

// describe makes huma's form of an operation.
func (op operation) describe(schemas huma.Registry, s *Server) huma.Operation {
	described := huma.Operation{
		OperationID: op.id, Method: op.method, Path: op.path,
		Tags: []string{op.tag}, Summary: op.summary, Description: op.detail,
		DefaultStatus: op.status,
		Middlewares:   huma.Middlewares{s.guard(op)},
		Responses:     map[string]*huma.Response{},
		Metadata:      map[string]any{operationKey: op},
		Security:      []map[string][]string{}, // none: overrides the document's default
	}
	if op.access != public {
		described.Security = []map[string][]string{{bearerScheme: op.scopes()}}
	}
	if op.content != nil {
		described.Responses["200"] = &huma.Response{Description: http.StatusText(http.StatusOK), Content: op.streamed(schemas)}
	}
	return described
}

// scopes are what a key or a token needs for it; the document shows them.
func (op operation) scopes() []string {
	if op.scope == "" {
		return []string{}
	}
	return []string{string(op.scope)}
}

// parameters are the names in its path.
func (op operation) parameters() []string {
	var names []string
	for segment := range strings.SplitSeq(op.path, "/") {
		if name, found := strings.CutPrefix(segment, "{"); found {
			names = append(names, strings.TrimSuffix(name, "}"))
		}
	}
	return names
}

// streamed describes an answer that huma does not see.
func (op operation) streamed(schemas huma.Registry) map[string]*huma.MediaType {
	content := map[string]*huma.MediaType{}
	for name, body := range op.content {
		schema := &huma.Schema{Type: huma.TypeString}
		if body != nil {
			schema = schemas.Schema(body, true, "")
		}
		content[name] = &huma.MediaType{Schema: schema}
	}
	return content
}

const operationKey = "operation"

// complement adds to the document what huma cannot know: the body, which handlers read themselves,
// other good statuses, and the refusals. Huma calls it for each operation.
func complement(document *huma.OpenAPI, described *huma.Operation) {
	op, ok := described.Metadata[operationKey].(operation)
	if !ok {
		return
	}
	schemas := document.Components.Schemas
	if op.body != nil {
		described.RequestBody = &huma.RequestBody{
			Required: !op.bodyOptional,
			Content:  map[string]*huma.MediaType{jsonType: {Schema: schemas.Schema(op.body, true, ""), Example: op.example}},
		}
	}
	good := described.Responses[strconv.Itoa(described.DefaultStatus)]
	for status, meaning := range op.also {
		response := &huma.Response{Description: meaning, Headers: good.Headers}
		if status != http.StatusNotModified && status != http.StatusNoContent {
			response.Content = good.Content
		}
		described.Responses[strconv.Itoa(status)] = response
	}
	delete(described.Responses, "default")
	for _, c := range op.refusals(described) {
		row := refusalOf(c)
		status := strconv.Itoa(row.Status)
		if described.Responses[status] == nil {
			described.Responses[status] = &huma.Response{
				Content: map[string]*huma.MediaType{problemType: {Schema: schemas.Schema(reflect.TypeFor[problem](), true, "")}},
			}
		} else {
			described.Responses[status].Description += "\n\n"
		}
		described.Responses[status].Description += fmt.Sprintf("`%s`: %s", row.Code, row.Meaning)
	}
}

// refusals lists all codes that an operation can answer with.
func (op operation) refusals(described *huma.Operation) []code {
	codes := slices.Clone(op.refuses)
	if op.body != nil {
		codes = append(codes, codeInvalidBody, codeBodyTimeout, codeTooLarge, codeUnsupportedMedia)
	}
	if slices.ContainsFunc(described.Parameters, func(p *huma.Param) bool { return p.In == "query" }) {
		codes = append(codes, codeInvalidParameter)
	}
	if strings.Contains(op.path, "/{id}") {
		codes = append(codes, codeInvalidID, codeNotFound, codeForbidden)
	}
	if op.access != public && !slices.Contains(codes, codeForbidden) {
		codes = append(codes, codeForbidden)
	}
	if op.access != public {
		codes = append(codes, codeUnauthorized)
	}
	if strings.Contains(op.path, "{") || len(described.Parameters) > 0 {
		codes = append(codes, codeInvalidAddress)
	}
	return append(codes, codeInternal, codeUnavailable)
}
