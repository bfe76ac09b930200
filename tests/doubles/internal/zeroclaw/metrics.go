package zeroclaw

// The counters of /metrics, under ZeroClaw's own names. No I/O.

import (
	"fmt"
	"strings"
	"sync"
)

const metricsOff = "# Prometheus backend not enabled. Set [observability] backend = \"prometheus\" in config.\n"

var metricNames = []string{"zeroclaw_agent_starts_total", "zeroclaw_llm_requests_total", "zeroclaw_tokens_input_total",
	"zeroclaw_tokens_output_total", "zeroclaw_heartbeat_ticks_total"}

type metrics struct {
	mutex  sync.Mutex
	values map[string]float64
}

func (m *metrics) add(name string, by float64) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.values == nil {
		m.values = map[string]float64{}
	}
	m.values[name] += by
}

func (m *metrics) text() string {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	var out strings.Builder
	for _, name := range metricNames {
		fmt.Fprintf(&out, "# TYPE %s counter\n%s %g\n", name, name, m.values[name])
	}
	return out.String()
}
