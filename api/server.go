package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"runtime"
	"sync"
	"time"

	"freshet/api/issuer"
	"freshet/api/password"
	"freshet/jobs"
	"freshet/jobs/metrics"
	"freshet/jobs/postgres"
	"freshet/jobs/realtime"
	"freshet/jobs/secret"
	"freshet/jobs/tracing"
	"freshet/jobs/webhook"
)

// Config is what a Server needs.
type Config struct {
	Store       *postgres.Store
	Hub         *realtime.Hub  // reads a Feed; woken by the process's Listener, and run by the caller
	Secrets     *secret.Box    // wraps the keys that replicas share
	PublicURL   string         // where users reach the API; empty: links are paths alone
	CORSOrigins []string       // origins of web pages that may call the API; "*" is any
	Issuers     []jobs.Issuer  // whose JWTs are taken
	Proxies     []netip.Prefix // who may say whom a request comes from
	Version     string         // shown to those who are known
	Logger      *slog.Logger
	Hearing     func() bool    // tells whether the process's Listener hears; nil: it is not asked
	Webhooks    webhook.Policy // where messages may be sent
	RiverUI     *url.URL       // where River UI runs, with its user and password, if it wants some; nil: there is none
	Limits      Limits
	Metrics     *metrics.Replica // counts, and is shown to admins; nil: nothing is
	Tracer      *tracing.Tracer  // nil: no spans are made
	Sleep       Sleep            // nil: the database never sleeps
}

// Limits bounds what one request may take. A zero field means its default.
type Limits struct {
	Body     int64         // bytes of a body; 1 MiB for the input and 64 KiB for the rest
	Batch    int64         // bytes of a batch's body; 32 MiB
	BodyTime time.Duration // for a body to arrive; 15 s
	Work     time.Duration // for an answer that waits for nothing but the database, once its body is there; 4 s
	Write    time.Duration // for the client to take the next piece of a stream; 30 s
	Wait     time.Duration // the longest ?wait=; 60 s
	Link     time.Duration // how long the address of an artifact is good; 5 min
	Streams  int           // open streams of one owner; 100, and negative: no limit
	Revoke   time.Duration // how long a stream may go on whose reader was shut out; 30 s
	Stream   time.Duration // the longest that one stream is open; its reader comes back; 1 h
	Beat     time.Duration // the longest that a stream is silent; 15 s

	Connections int // open ones of one address that is neither loopback nor a proxy; 1,000, and negative: no limit

	// What one owner may submit. A negative one is no limit.
	TasksPerSecond int           // at this replica; 50
	OpenTasks      int           // that have not ended; 10,000
	Bytes          int64         // that its tasks may take; 1 GiB
	Recount        time.Duration // how old the sum of its bytes may be; 1 min
}

func (l Limits) orDefaults() Limits {
	return Limits{
		Body:     cmp.Or(l.Body, maxInput+64<<10),
		Batch:    cmp.Or(l.Batch, 32<<20),
		BodyTime: cmp.Or(l.BodyTime, 15*time.Second),
		Work:     cmp.Or(l.Work, 4*time.Second),
		Write:    cmp.Or(l.Write, 30*time.Second),
		Wait:     cmp.Or(l.Wait, time.Minute),
		Link:     cmp.Or(l.Link, 5*time.Minute),
		Streams:  cmp.Or(l.Streams, 100),
		Revoke:   cmp.Or(l.Revoke, 30*time.Second),
		Stream:   cmp.Or(l.Stream, time.Hour),
		Beat:     cmp.Or(l.Beat, 15*time.Second),

		Connections: cmp.Or(l.Connections, 1000),

		TasksPerSecond: cmp.Or(l.TasksPerSecond, 50),
		OpenTasks:      cmp.Or(l.OpenTasks, 10_000),
		Bytes:          cmp.Or(l.Bytes, 1<<30),
		Recount:        cmp.Or(l.Recount, time.Minute),
	}
}

// Purposes of the keys that replicas share.
const (
	cursorPurpose   = "api cursor"
	artifactPurpose = "api artifact"
	tokenPurpose    = "api token"
)

// Bounds of a connection. A stream renews its own deadline with each write.
const (
	headerTimeout  = 5 * time.Second
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 64 << 10
	// drainTimeout is how long requests under way may take when the server stops.
	drainTimeout = 20 * time.Second
)

// Server is the HTTP interface of one process.
type Server struct {
	addresses

	store   *postgres.Store
	hub     *realtime.Hub
	logger  *slog.Logger
	version string
	hearing func() bool
	limits  Limits
	metrics *metrics.Replica
	tracer  *tracing.Tracer
	sleep   Sleep

	catalogue *catalogue
	feed      *Feed
	streams   *streams
	allowed   *allowances
	keys      *keyring
	tokens    tokens
	issuers   *issuer.Verifier
	sessions  *sessions
	passwords *password.Hasher
	proxies   proxies
	cursors   *secret.Signer
	links     *secret.Signer
	seal      webhook.Seal
	policy    webhook.Policy
	riverUI   *url.URL

	stopping chan struct{} // closed when the server begins to stop
	stop     func()
	handler  http.Handler

	templates *template.Template // of the pages that are made for each request
	script    script             // of the page that signs in
}

// New makes a Server on a migrated database, and fetches or makes the keys that replicas share.
// Errors: secret.ErrWrongKey, and those of the database.
func New(ctx context.Context, config Config) (*Server, error) {
	cursors, err := config.Secrets.Signer(ctx, cursorPurpose, config.Store.Secret)
	if err != nil {
		return nil, fmt.Errorf("start the API: %w", err)
	}
	links, err := config.Secrets.Signer(ctx, artifactPurpose, config.Store.Secret)
	if err != nil {
		return nil, fmt.Errorf("start the API: %w", err)
	}
	signer, err := config.Secrets.Signer(ctx, tokenPurpose, config.Store.Secret)
	if err != nil {
		return nil, fmt.Errorf("start the API: %w", err)
	}
	s := &Server{
		store: config.Store, hub: config.Hub, logger: config.Logger, version: config.Version,
		addresses: newAddresses(config.PublicURL), hearing: config.Hearing,
		limits:  config.Limits.orDefaults(),
		metrics: config.Metrics, tracer: config.Tracer, sleep: config.Sleep,
		feed:      NewFeed(config.Store, config.PublicURL),
		streams:   newStreams(config.Limits.orDefaults().Streams),
		allowed:   newAllowances(config.Store, config.Limits.orDefaults(), config.Logger),
		catalogue: &catalogue{store: config.Store, logger: config.Logger, wake: make(chan struct{}, 1)},
		keys:      &keyring{store: config.Store},
		tokens:    tokens{signer, config.Store},
		issuers:   issuer.New(config.Issuers, config.Logger, time.Now),
		passwords: password.New(runtime.NumCPU()), proxies: config.Proxies,
		cursors: cursors, links: links,
		seal: webhook.NewSeal(config.Secrets), policy: config.Webhooks, riverUI: config.RiverUI,
		stopping: make(chan struct{}),
	}
	s.sessions = newSessions(s)
	s.stop = sync.OnceFunc(func() {
		close(s.stopping)
		s.streams.wake()
	})
	if s.handler, err = s.router(config.CORSOrigins); err != nil {
		return nil, fmt.Errorf("start the API: %w", err)
	}
	return s, nil
}

// Handler serves all requests.
func (s *Server) Handler() http.Handler { return s.handler }

// Run keeps the known kinds up to date, closes streams of those who were shut out, and sums up what owners
// keep, until ctx ends. It never fails; a database that is away is waited for.
func (s *Server) Run(ctx context.Context) error {
	var duties sync.WaitGroup
	duties.Go(func() { s.runRevoke(ctx) })
	duties.Go(func() { s.allowed.run(ctx) })
	defer duties.Wait()
	return s.catalogue.run(ctx)
}

// Wake has Run look at once whether kinds or settings have changed. It never blocks.
func (s *Server) Wake() { s.catalogue.look() }

// Reload reads the kinds now, after they were changed.
func (s *Server) Reload(ctx context.Context) error { return s.catalogue.load(ctx) }

// HTTP makes the http.Server, for the caller to start. Its Shutdown ends waiting requests at once.
func (s *Server) HTTP() *http.Server {
	var protocols http.Protocols
	protocols.SetHTTP1(true) // HTTP/2 ends at the proxy
	server := &http.Server{
		Handler:           s.handler,
		Protocols:         &protocols,
		ReadHeaderTimeout: headerTimeout,
		WriteTimeout:      s.limits.Wait + 4*s.limits.Work + s.limits.BodyTime,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.logger.Handler(), slog.LevelDebug),
	}
	server.RegisterOnShutdown(s.stop)
	return server
}

// Serve answers requests on socket until ctx ends, then lets those under way finish, for a while. It
// closes the socket, and connections of an address that has too many.
func (s *Server) Serve(ctx context.Context, socket net.Listener) error {
	server := s.HTTP()
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(s.guarded(socket)) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve HTTP: %w", err)
	case <-ctx.Done():
	}
	draining, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	err := server.Shutdown(draining)
	if err != nil {
		err = errors.Join(fmt.Errorf("stop HTTP: %w", err), server.Close())
	}
	if stopped := <-failed; !errors.Is(stopped, http.ErrServerClosed) {
		err = errors.Join(err, fmt.Errorf("serve HTTP: %w", stopped))
	}
	return err
}
