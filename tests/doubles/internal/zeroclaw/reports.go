package zeroclaw

// What the daemon says about itself: /health, /api/health, /api/status, /api/tools, /api/doctor. I/O: none beyond
// looking whether a directory can be written.

import (
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strings"
	"time"
)

func now() string { return time.Now().UTC().Format("2006-01-02T15:04:05.999999999+00:00") }

// snapshot is the health registry; lastError is only shown behind the bearer.
func (d *Daemon) snapshot(withError bool) fields {
	components := fields{}
	for _, name := range []string{"channels", "control-plane", "daemon", "gateway", "mqtt", "scheduler"} {
		component := fields{"status": "ok", "updated_at": now(), "last_ok": now(), "restart_count": 0}
		if withError {
			component["last_error"] = nil
		}
		components[name] = component
	}
	return fields{"pid": os.Getpid(), "updated_at": now(), "uptime_seconds": int(time.Since(d.started).Seconds()), "components": components}
}

// health is always 200 and always "ok": a liveness answer, nothing more.
func (d *Daemon) health(w http.ResponseWriter, _ *http.Request) {
	answer(w, 200, fields{"status": "ok", "paired": len(d.tokens.Load().hashes) > 0,
		"require_pairing": d.config.Load().Gateway.RequirePairing, "runtime": d.snapshot(false)})
}

func (d *Daemon) apiHealth(w http.ResponseWriter, _ *http.Request) {
	answer(w, 200, fields{"health": d.snapshot(true)})
}

func (d *Daemon) status(w http.ResponseWriter, r *http.Request) {
	config := d.config.Load()
	var reference, model, alias any = nil, "", nil
	for _, family := range sortedKeys(config.Providers.Models) {
		for _, name := range sortedKeys(config.Providers.Models[family]) {
			if reference == nil {
				reference, model = family+"."+name, config.Providers.Models[family][name].Model
			}
		}
	}
	if asked := strings.TrimSpace(r.URL.Query().Get("agent")); asked != "" {
		alias = asked
		if agent, ok := config.Agents[asked]; ok {
			provider, _ := config.Provider(agent.ModelProvider)
			reference, model = agent.ModelProvider, provider.Model
		}
	}
	channels := fields{}
	for kind, aliases := range config.Channels {
		for name := range aliases {
			channels[kind+"."+name] = true
		}
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	answer(w, 200, fields{
		"version": Version, "model_provider": reference, "model": model, "temperature": nil,
		"uptime_seconds": int(time.Since(d.started).Seconds()), "daemon_started_at": d.started.UTC().Format(time.RFC3339Nano),
		"gateway_port": config.Gateway.Port, "locale": "en", "memory_backend": config.Memory.Backend,
		"paired": len(d.tokens.Load().hashes) > 0, "channels": channels,
		"nodes": fields{"connected": []string{}, "mdns_peers": []string{}}, "health": d.snapshot(true), "agent_alias": alias,
		"process":       fields{"rss_bytes": memory.Sys, "system_ram_total_bytes": 0, "cpu_percent": nil, "num_cpus": runtime.NumCPU()},
		"check_updates": config.Gateway.CheckUpdates, "allow_self_upgrade": config.Gateway.AllowSelfUpgrade,
		"restart_mode": "manual", "restart_hint": "restart the pod",
	})
}

func (d *Daemon) tools(w http.ResponseWriter, r *http.Request) {
	config := d.config.Load()
	alias := strings.TrimSpace(r.URL.Query().Get("agent"))
	if _, known := config.Agents[alias]; !known {
		alias, _ = config.DefaultAgent()
	}
	listed := []fields{}
	if box, err := d.toolbox(config, alias); err == nil && alias != "" {
		for _, t := range box.offered() {
			listed = append(listed, fields{"name": t.name, "description": t.description, "parameters": t.parameters})
		}
	}
	answer(w, 200, fields{"tools": listed})
}

func (d *Daemon) doctor(w http.ResponseWriter, _ *http.Request) {
	config := d.config.Load()
	results, counts := []fields{}, map[string]int{}
	say := func(severity, category, format string, values ...any) {
		counts[severity]++
		results = append(results, fields{"severity": severity, "category": category, "message": fmt.Sprintf(format, values...)})
	}
	if _, err := os.Stat(d.configFile()); err == nil {
		say("ok", "config", "config file: %s", d.configFile())
	} else {
		say("error", "config", "config file not found: %s", d.configFile())
	}
	for _, path := range config.Dropped {
		say("warn", "config", "section `%s` is malformed and was skipped", path)
	}
	for _, warning := range config.Warnings {
		say("warn", "config", "%s", warning)
	}
	for _, alias := range sortedKeys(config.Agents) {
		if provider, ok := config.Provider(config.Agents[alias].ModelProvider); ok && provider.Model != "" {
			say("ok", "config", "agent %s: model %s", alias, provider.Model)
		} else {
			say("error", "config", "agent %s: model provider %q is not configured", alias, config.Agents[alias].ModelProvider)
		}
	}
	if probe, err := os.CreateTemp(d.data(), "doctor"); err == nil {
		_ = probe.Close()
		_ = os.Remove(probe.Name())
		say("ok", "workspace", "directory is writable: %s", d.data())
	} else {
		say("error", "workspace", "directory is not writable: %s", d.data())
	}
	answer(w, 200, fields{"results": results, "summary": fields{"ok": counts["ok"], "warnings": counts["warn"], "errors": counts["error"]}})
}
