package faults_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// wire is a network to a database that can be made bad.
type wire struct {
	t     *testing.T
	proxy *toxiproxy.Proxy
}

// newWire makes a wire to a database, and the URL that leads through it.
func newWire(t *testing.T, database string) (*wire, string) {
	t.Helper()
	address, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	w := &wire{t, toxiproxy.NewProxy(server, "wire", "127.0.0.1:0", address.Host)}
	if err := w.proxy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.proxy.Stop)
	address.Host = w.proxy.Listen
	return w, address.String()
}

// blackHole swallows everything in both directions: nothing fails, and nothing answers.
func (w *wire) blackHole() {
	w.t.Helper()
	w.poison("timeout", 1, `{"timeout": 0}`)
}

// slow delays everything, in each direction.
func (w *wire) slow(millis, jitter int) {
	w.t.Helper()
	w.poison("latency", 1, fmt.Sprintf(`{"latency": %d, "jitter": %d}`, millis, jitter))
}

// cut ends a share of the connections after so many bytes.
func (w *wire) cut(share float64, bytes int) {
	w.t.Helper()
	w.poison("limit_data", share, fmt.Sprintf(`{"bytes": %d}`, bytes))
}

func (w *wire) poison(toxic string, share float64, attributes string) {
	w.t.Helper()
	for _, stream := range []string{"upstream", "downstream"} {
		_, err := w.proxy.Toxics.AddToxicJson(strings.NewReader(fmt.Sprintf(
			`{"name": "%s_%s", "type": "%s", "stream": "%s", "toxicity": %g, "attributes": %s}`, toxic, stream, toxic, stream, share, attributes)))
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

// heal makes the network good again. Connections that were swallowed are lost.
func (w *wire) heal() { w.proxy.Toxics.ResetToxics(context.Background()) }

// lead has new connections go to another server; those that were open are cut.
func (w *wire) lead(database string) {
	w.t.Helper()
	address, err := url.Parse(database)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.proxy.Update(&toxiproxy.Proxy{Listen: w.proxy.Listen, Upstream: address.Host, Enabled: true}); err != nil {
		w.t.Fatal(err)
	}
}
