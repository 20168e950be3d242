package config

import (
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	"freshet/jobs"
)

// file is the whole of a freshet.yaml as it is read.
type file struct {
	server Server
	kinds  []entry
	pools  []Pool

	schedules []scheduleEntry
	retention jobs.Retention
}

func fileShape() shape[file] {
	return object(
		field("server", "How the API is reached.", serverShape(), func(f *file) *Server { return &f.server }),
		field("kinds", "The kinds of tasks, and how they run.", list(kindShape()), func(f *file) *[]entry { return &f.kinds }),
		field("pools", "The groups of workers, by name. The pool default is always there.", poolsShape(),
			func(f *file) *[]Pool { return &f.pools }).otherwiseEmpty(),
		field("schedules", "What makes tasks by itself, and when.", list(scheduleShape()), func(f *file) *[]scheduleEntry { return &f.schedules }),
		field("retention", "How long ended tasks are kept.", retentionShape(),
			func(f *file) *jobs.Retention { return &f.retention }).otherwiseEmpty(),
	)
}

func serverShape() shape[Server] {
	return object(
		field("publicUrl", "Where users reach the API.", address("https://tasks.example.com", false),
			func(s *Server) *string { return &s.PublicURL }),
		field("corsOrigins", "The origins of web pages that may call the API.", list(address("https://app.example.com", true)),
			func(s *Server) *[]string { return &s.CORSOrigins }),
		field("webhooks", "Where webhooks may be sent, besides to public addresses over https.", webhooksShape(),
			func(s *Server) *Webhooks { return &s.Webhooks }),
		field("riverUi", "Where River UI runs, with /river as its prefix. Admins see it at /river/.", riverUI(),
			func(s *Server) **url.URL { return &s.RiverUI }),
		field("trustedProxies", "The proxies whose X-Forwarded-For is believed.", list(proxies()),
			func(s *Server) *[]netip.Prefix { return &s.TrustedProxies }),
		field("auth", "Who else says who a user is.", authShape(), func(s *Server) *Auth { return &s.Auth }),
		field("limits", "What one owner, and one address, may have.", limitsShape(), func(s *Server) *Limits { return &s.Limits }),
		field("dbSleep", "Whether the database is left alone while there is nothing to do.", truth(), func(s *Server) *bool { return &s.DBSleep }),
		field("telemetry", "Who is told what happens.", telemetryShape(), func(s *Server) *Telemetry { return &s.Telemetry }),
	)
}

func webhooksShape() shape[Webhooks] {
	return object(
		field("allow", "Networks that are not public and may be reached all the same.", list(network()),
			func(p *Webhooks) *[]netip.Prefix { return &p.Allow }),
		field("allowHttp", "Whether http is good enough.", truth(), func(p *Webhooks) *bool { return &p.AllowHTTP }),
	)
}

// network is a range of addresses, as CIDR has it.
func network() shape[netip.Prefix] {
	const expected = "a network such as 10.0.0.0/8"
	text := matching(nil, "a network", "10.0.0.0/8")
	return shape[netip.Prefix]{text.schema, func(r *reader, at place, n *node, into *netip.Prefix) {
		if !r.is(textNode, expected, at, n) {
			return
		}
		prefix, err := netip.ParsePrefix(n.text)
		if err != nil {
			r.fail(at, n, "%s must be %s", quote(n.text), expected)
			return
		}
		if prefix != prefix.Masked() {
			r.fail(at, n, "%s has bits behind its prefix; write %s", quote(n.text), prefix.Masked())
			return
		}
		*into = prefix
	}}
}

// address is an http or https URL without query; an origin has no path either. A slash at its end goes.
func address(example string, origin bool) shape[string] {
	expected := "an http or https address"
	if origin {
		expected = "an origin, without a path,"
	}
	form := regexp.MustCompile(`^https?://`)
	return matching(form, expected, example).then(func(r *reader, at place, n *node, value *string) {
		parsed, err := url.Parse(*value)
		plain := err == nil && parsed.Hostname() != "" && parsed.User == nil && !strings.ContainsAny(*value, "?#")
		if !plain || origin && strings.Trim(parsed.Path, "/") != "" {
			r.fail(at, n, "%s must be %s such as %s", quote(*value), expected, example)
			return
		}
		*value = strings.TrimRight(*value, "/")
	})
}

// name is the name of a kind, a pool or a schedule.
func name() shape[string] {
	shape := matching(regexp.MustCompile(jobs.NamePattern), "a name of small letters, digits and single hyphens,", "monthly-report").
		then(func(r *reader, at place, n *node, value *string) {
			if len(*value) > jobs.MaxName {
				r.fail(at, n, "is longer than %d characters", jobs.MaxName)
			}
		})
	shape.schema["maxLength"] = jobs.MaxName
	return shape
}
