package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
)

const (
	jsonType     = "application/json"
	bearerScheme = "key"
	// contractVersion is that of the interface, not of the program: the document is the same everywhere.
	contractVersion = "1"
)

const documentDetail = `Submit work, watch it, and fetch what it made.

Names are camelCase, values of enumerations snake_case, times RFC 3339 in UTC; a field that is absent is null.
Every refusal is an RFC 9457 problem with a ` + "`code`" + `; /docs/errors lists all of them.`

// Document is the OpenAPI 3.1 document as JSON. It needs no database and is the same wherever it is made.
func Document() ([]byte, error) {
	return render((&Server{}).operations(chi.NewRouter()).OpenAPI())
}

func render(document *huma.OpenAPI) ([]byte, error) {
	compact, err := json.Marshal(document)
	if err != nil {
		return nil, fmt.Errorf("render the OpenAPI document: %w", err)
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, compact, "", "  "); err != nil {
		return nil, fmt.Errorf("render the OpenAPI document: %w", err)
	}
	pretty.WriteByte('\n')
	return pretty.Bytes(), nil
}

// documentConfig sets huma up: no pages of its own, no links in bodies, problems of our form, strict
// parameters.
func documentConfig() huma.Config {
	schemas := huma.NewMapRegistry("#/components/schemas/", schemaName)
	schemas.RegisterTypeAlias(reflect.TypeFor[huma.ErrorModel](), reflect.TypeFor[problem]())
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Freshet", Version: contractVersion, Description: documentDetail,
				License: &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
			},
			Tags: []*huma.Tag{
				{Name: "tasks", Description: "Requests for work."},
				{Name: "history", Description: "What happened to a task, what it printed and what it left."},
				{Name: "schedules", Description: "What makes tasks by itself."},
				{Name: "tokens", Description: "For browsers."},
				{Name: "keys", Description: "For servers."},
				{Name: "webhooks", Description: "What your app is told."},
				{Name: "users", Description: "People, who sign in with a name and a password."},
				{Name: "kinds", Description: "What work there is."},
				{Name: "fleet", Description: "Who does the work."},
				{Name: "audit", Description: "Who changed what."},
				{Name: "health", Description: "For load balancers."},
			},
			Components: &huma.Components{
				Schemas: schemas,
				SecuritySchemes: map[string]*huma.SecurityScheme{
					bearerScheme: {Type: "http", Scheme: "bearer", Description: "An API key, a JWT of an issuer that is known here, or what POST /auth/login answers; or a token from POST /v1/tokens where the operation says so."},
				},
			},
			OnAddOperation: []huma.AddOpFunc{complement},
		},
		Formats: map[string]huma.Format{
			jsonType: {Marshal: marshal},
			"json":   {Marshal: marshal},
		},
		DefaultFormat:                jsonType,
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{complete},
	}
}

func marshal(w io.Writer, answer any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(answer)
}

// schemaName names a schema after its Go type.
func schemaName(t reflect.Type, hint string) string {
	return strings.TrimSuffix(huma.DefaultSchemaNamer(t, hint), "View")
}
