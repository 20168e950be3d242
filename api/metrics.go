package api

import (
	"context"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

const (
	metricsPath = "/metrics"
	metricsType = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
)

func (s *Server) metricsRoutes(r *routes) {
	handle(r, operation{
		id: "metrics", method: http.MethodGet, path: metricsPath, tag: "health",
		summary: "What the process has counted, for Prometheus",
		detail: "In the text format of Prometheus. docs/metrics.md lists them all. What the database knows is at most a few " +
			"seconds old, or as old as freshet_load_age_seconds says.",
		access: admin, probe: true, content: map[string]reflect.Type{metricsType: nil}, refuses: []code{codeNotFound},
	}, s.showMetrics)
}

func (s *Server) showMetrics(ctx context.Context, _ *struct{}) (*huma.StreamResponse, error) {
	if s.metrics == nil {
		return nil, newProblem(codeNotFound, "This process counts nothing.")
	}
	return &huma.StreamResponse{Body: func(huma.Context) {
		c := callOf(ctx)
		s.metrics.ServeHTTP(c.writer, c.request.WithContext(ctx))
	}}, nil
}
