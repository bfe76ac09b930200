package zeroclaw

// The HTTP side: routes, who may ask, and ZeroClaw's answers word for word where a program or a person reads them.
// I/O: HTTP.

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

const (
	maxBodyBytes   = 64 << 10
	authAttempts   = 10
	lockoutSeconds = 300
	unauthorized   = "Unauthorized — pair first via POST /pair, then send Authorization: Bearer <token>"
	noDashboard    = "Web dashboard not available. Reinstall with the supported installer so the dashboard is built and " +
		"placed where the gateway looks for it. The daemon's API endpoints remain reachable independently of the dashboard."
)

// notHere are real endpoints the stand-in does not have. It says so instead of pretending they are unknown.
var notHere = []string{"/api/config", "/api/channels", "/api/cron", "/api/memory", "/api/logs", "/api/devices", "/api/events",
	"/api/sessions", "/api/skills", "/api/sops", "/api/cost", "/api/pair", "/ws/", "/acp", "/whatsapp", "/sop/"}

type fields = map[string]any

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false) // the real one sends < and > as they are
	_ = encoder.Encode(body)     // the client may have gone; nobody is left to tell
}

func refuse(w http.ResponseWriter, status int, sentence string) {
	answer(w, status, fields{"error": sentence})
}

func (d *Daemon) handler() http.Handler {
	routes := map[string]map[string]http.HandlerFunc{
		"/health":         {"GET": d.health},
		"/metrics":        {"GET": d.metricsPage},
		"/webhook":        {"POST": d.webhook},
		"/pair":           {"POST": func(w http.ResponseWriter, _ *http.Request) { refuse(w, 403, "Invalid pairing code") }},
		"/pair/code":      {"GET": d.pairCode},
		"/api/status":     {"GET": d.authed(d.status)},
		"/api/health":     {"GET": d.authed(d.apiHealth)},
		"/api/tools":      {"GET": d.authed(d.tools)},
		"/api/doctor":     {"GET": d.authed(d.doctor), "POST": d.authed(d.doctor)},
		"/admin/reload":   {"POST": d.adminReload},
		"/admin/shutdown": {"POST": d.adminShutdown},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer"} {
			w.Header().Set(name, value)
		}
		timeout := time.Duration(d.config.Load().Gateway.RequestTimeoutSecs) * time.Second
		ctx, cancel := context.WithTimeout(r.Context(), timeout)
		defer cancel()
		r = r.WithContext(ctx)
		r.Body = http.MaxBytesReader(w, r.Body, maxBodyBytes)
		path := strings.TrimPrefix(r.URL.Path, strings.TrimSuffix(d.config.Load().Gateway.PathPrefix, "/"))
		if methods, ok := routes[path]; ok {
			if handle, ok := methods[r.Method]; ok {
				handle(w, r)
			} else {
				w.WriteHeader(http.StatusMethodNotAllowed)
			}
			return
		}
		d.fallback(w, r, path)
	})
}

// fallback is where every other path ends: 404 under /api, else the dashboard, which is not there (503).
func (d *Daemon) fallback(w http.ResponseWriter, r *http.Request, path string) {
	for _, prefix := range notHere {
		if strings.HasPrefix(path, prefix) {
			refuse(w, http.StatusNotImplemented, "the test stand-in does not have "+path)
			return
		}
	}
	switch {
	case r.Method != http.MethodGet:
		w.WriteHeader(http.StatusMethodNotAllowed)
	case path == "/api" || strings.HasPrefix(path, "/api/"):
		answer(w, 404, fields{"error": "not_found", "message": "No backend route matched this path.", "path": path})
	default:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, noDashboard)
	}
}

func (d *Daemon) authed(handle http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if d.config.Load().Gateway.RequirePairing && !d.tokens.Load().has(token) {
			refuse(w, http.StatusUnauthorized, unauthorized)
			return
		}
		handle(w, r)
	}
}

func (d *Daemon) metricsPage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	if d.config.Load().Observability.Backend == "prometheus" {
		_, _ = io.WriteString(w, d.metrics.text())
	} else {
		_, _ = io.WriteString(w, metricsOff)
	}
}

func (d *Daemon) pairCode(w http.ResponseWriter, _ *http.Request) {
	answer(w, 200, fields{"success": true, "pairing_required": d.config.Load().Gateway.RequirePairing, "pairing_code": nil})
}

func peer(r *http.Request) string {
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	return host
}

func fromLoopback(r *http.Request) bool {
	address := net.ParseIP(peer(r))
	return address != nil && address.IsLoopback()
}

func (d *Daemon) webhook(w http.ResponseWriter, r *http.Request) {
	config := d.config.Load()
	if !d.webhooks.allow(peer(r), config.Gateway.WebhookRateLimitPerMinute) {
		answer(w, 429, fields{"error": "Too many webhook requests. Please retry later.", "retry_after": 60})
		return
	}
	if config.Gateway.RequirePairing {
		if !fromLoopback(r) && d.attempts.exhausted(peer(r), authAttempts) {
			answer(w, 429, fields{"error": "Too many auth attempts. Try again in 300s.", "retry_after": lockoutSeconds})
			return
		}
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !d.tokens.Load().has(token) {
			d.attempts.record(peer(r))
			d.log("WARN webhook: rejected — not paired / invalid bearer token")
			refuse(w, http.StatusUnauthorized, unauthorized)
			return
		}
	}
	if config.Gateway.WebhookSecret != "" && r.Header.Get("X-Webhook-Secret") != config.Gateway.WebhookSecret {
		refuse(w, http.StatusUnauthorized, "Unauthorized — invalid or missing X-Webhook-Secret header")
		return
	}
	var body struct {
		Message *string `json:"message"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body.Message == nil {
		if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		refuse(w, http.StatusBadRequest, `Invalid JSON body. Expected: {"message": "..."}`)
		return
	}
	alias := strings.TrimSpace(r.URL.Query().Get("agent"))
	if _, known := config.Agents[alias]; alias != "" && !known {
		refuse(w, http.StatusBadRequest, "Unknown agent `"+alias+"` — no [agents."+alias+"] entry configured.")
		return
	}
	if key := strings.TrimSpace(r.Header.Get("X-Idempotency-Key")); key != "" {
		if _, seen := d.seen.LoadOrStore(key, true); seen {
			answer(w, 200, fields{"status": "duplicate", "idempotent": true,
				"message": "A prior request already reserved this idempotency key; no new dispatch was started"})
			return
		}
	}
	if alias == "" {
		alias, _ = config.DefaultAgent()
	}
	d.chat(w, r, config, alias, *body.Message)
}

func (d *Daemon) chat(w http.ResponseWriter, r *http.Request, config *Config, alias, message string) {
	response, err := d.turn(r.Context(), config, alias, message)
	switch {
	case err == nil:
		provider, _ := config.Provider(config.Agents[alias].ModelProvider)
		answer(w, 200, fields{"response": response, "model": provider.Model})
	case errors.Is(err, errNeedsQuickstart):
		answer(w, http.StatusServiceUnavailable, fields{"error": "needs_quickstart", "url": "/quickstart"})
	case errors.Is(r.Context().Err(), context.DeadlineExceeded):
		w.WriteHeader(http.StatusRequestTimeout)
	default:
		d.log("ERROR webhook model_provider error: %v", err)
		refuse(w, http.StatusInternalServerError, "LLM request failed")
	}
}

func (d *Daemon) adminReload(w http.ResponseWriter, r *http.Request) {
	if !fromLoopback(r) {
		gateway := d.config.Load().Gateway
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		switch {
		case !gateway.AllowRemoteAdmin:
			refuse(w, 403, "Remote admin reload is disabled. Call from localhost, or set gateway.allow_remote_admin = true "+
				"(with pairing enabled, then pair) to allow authenticated remote reloads.")
			return
		case !gateway.RequirePairing:
			refuse(w, 403, "Remote admin reload requires pairing.")
			return
		case !d.tokens.Load().has(token):
			refuse(w, 401, unauthorized)
			return
		}
	}
	select {
	case d.reload <- struct{}{}:
	default: // one is on its way already
	}
	answer(w, 200, fields{"success": true, "message": "Daemon reload initiated"})
}

func (d *Daemon) adminShutdown(w http.ResponseWriter, r *http.Request) {
	if !fromLoopback(r) {
		refuse(w, 403, "This endpoint is restricted to localhost")
		return
	}
	answer(w, 200, fields{"success": true, "message": "Gateway shutdown initiated"})
	time.AfterFunc(100*time.Millisecond, d.stop)
}
