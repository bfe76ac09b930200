package zeroclaw

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"doubles/internal/model"
)

// locked is a writer two goroutines may share.
type locked struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (l *locked) Write(b []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.Write(b)
}

type running struct {
	base, dir, token string
	log              *locked
	stop             func() error
}

// start runs a daemon on a free loopback port against a model double; change edits the file's text.
func start(t *testing.T, change func(string) string) running {
	t.Helper()
	double := httptest.NewServer(&model.Server{Models: []string{"assistant"}, Record: io.Discard})
	t.Cleanup(double.Close)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	_, port, _ := net.SplitHostPort(address)
	free.Close()
	r := running{base: "http://" + address, dir: t.TempDir(), token: "tier-token", log: &locked{}}
	hash := fmt.Sprintf("%x", sha256.Sum256([]byte(r.token)))
	text := strings.NewReplacer("42617", port, "0.0.0.0", "127.0.0.1", "http://model.models:8080", double.URL,
		"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", hash,
		`auto_approve = ["memory_recall"]`, `auto_approve = ["memory_recall", "memory_store", "file_read", "file_write"]`,
		"allowed_commands = []", `allowed_commands = ["echo", "env"]`).Replace(tier) + "[observability]\nbackend = \"prometheus\"\n"
	if change != nil {
		text = change(text)
	}
	if err := os.WriteFile(filepath.Join(r.dir, "config.toml"), []byte(text), 0o444); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, Settings{ConfigDir: r.dir, Environ: os.Environ(), Verbose: true, Stderr: r.log})
	}()
	r.stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() { _ = r.stop() })
	for range 100 {
		if response, err := http.Get(r.base + "/health"); err == nil {
			response.Body.Close()
			return r
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("no answer from %s: %v\n%s", r.base, r.stop(), r.log.text.String())
	return r
}

// ask sends one request and returns status, the decoded body (nil when it is no JSON object) and the text.
func (r running) ask(t *testing.T, method, path, token, body string) (int, map[string]any, string) {
	t.Helper()
	request, err := http.NewRequest(method, r.base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var decoded map[string]any
	_ = json.Unmarshal(raw, &decoded)
	return response.StatusCode, decoded, string(raw)
}

func (r running) say(t *testing.T, message string) string {
	t.Helper()
	body, _ := json.Marshal(map[string]string{"message": message})
	status, decoded, raw := r.ask(t, "POST", "/webhook", r.token, string(body))
	if status != 200 || decoded["model"] != "assistant" {
		t.Fatalf("%q: %d %s", message, status, raw)
	}
	return decoded["response"].(string)
}

func TestEndpoints(t *testing.T) {
	r := start(t, nil)
	cases := []struct {
		method, path, token, body string
		status                    int
		contains                  string
	}{
		{"GET", "/health", "", "", 200, `"status":"ok"`},
		{"POST", "/health", "", "", 405, ""},
		{"GET", "/metrics", "", "", 200, "zeroclaw_llm_requests_total 0"},
		{"POST", "/webhook", "", `{"message":"x"}`, 401, "pair first"},
		{"POST", "/webhook", "wrong", `{"message":"x"}`, 401, "pair first"},
		{"POST", "/webhook", r.token, `{"text":"x"}`, 400, "Invalid JSON body"},
		{"POST", "/webhook", r.token, `no`, 400, "Invalid JSON body"},
		{"POST", "/webhook?agent=nobody", r.token, `{"message":"x"}`, 400, "Unknown agent"},
		{"POST", "/webhook", r.token, `{"message":"` + strings.Repeat("x", 70000) + `"}`, 413, ""},
		{"GET", "/webhook", r.token, "", 405, ""},
		{"GET", "/api/status", "", "", 401, "pair first"},
		{"GET", "/api/status?agent=updates", r.token, "", 200, `"model_provider":"custom.assistant"`},
		{"GET", "/api/doctor", r.token, "", 200, `"errors":0`},
		{"GET", "/api/tools", r.token, "", 200, `"name":"shell"`},
		{"GET", "/api/health", r.token, "", 200, `"last_error":null`},
		{"GET", "/api/nothing", "", "", 404, "not_found"},
		{"GET", "/api/cron", r.token, "", 501, "stand-in"},
		{"GET", "/ready", "", "", 503, "dashboard not available"},
		{"POST", "/ready", "", "", 405, ""},
		{"GET", "/pair/code", "", "", 200, `"pairing_code":null`},
		{"POST", "/pair", "", "", 403, "Invalid pairing code"},
	}
	for _, c := range cases {
		status, _, raw := r.ask(t, c.method, c.path, c.token, c.body)
		if status != c.status || !strings.Contains(raw, c.contains) {
			t.Errorf("%s %s: %d %s, expected %d with %q", c.method, c.path, status, raw, c.status, c.contains)
		}
	}
	if err := r.stop(); err != nil {
		t.Errorf("the end of a daemon that was told to end: %v", err)
	}
}

func TestTurns(t *testing.T) {
	t.Setenv("ZEROCLAW_providers__models__custom__assistant__api_key", "sk-secret")
	r := start(t, nil)
	cases := []struct{ message, contains string }{
		{"hello", "I am assistant and you said: hello"},
		{"say good morning", "good morning"},
		{`call calculator {"function":"add","values":[1,2]}`, "requires approval"},
		{`call file_write {"path":"a/b.txt","content":"one\ntwo\n"}`, "Written 8 bytes"},
		{`call file_read {"path":"a/b.txt"}`, "2: two"},
		{`call file_read {"path":"../../../config.toml"}`, "blocked by security policy"},
		{`call file_read {"path":"/etc/passwd"}`, "escapes workspace"},
		{`call file_read {"path":"SOUL.md"}`, "# Soul"},
		{`call memory_store {"key":"tea","content":"the owner likes tea"}`, "Stored memory: tea"},
		{`call memory_recall {"query":"OWNER"}`, "the owner likes tea"},
		{`call shell {"command":"echo hi"}`, "hi"},
		{`call shell {"command":"uname"}`, "not allowed by security policy"},
		{`call web_fetch {"url":"http://x"}`, "Tool not available in this turn: web_fetch"},
	}
	for _, c := range cases {
		if got := r.say(t, c.message); !strings.Contains(got, c.contains) {
			t.Errorf("%q: %q, expected %q", c.message, got, c.contains)
		}
	}
	if got := r.say(t, `call shell {"command":"env"}`); strings.Contains(got, "sk-secret") || !strings.Contains(got, "PATH=") {
		t.Errorf("a command sees PATH and no key: %s", got)
	}
	if strings.Contains(r.log.text.String(), "sk-secret") || strings.Contains(r.log.text.String(), r.token) {
		t.Error("the log holds a secret")
	}
}

func TestFailuresOfTheModel(t *testing.T) {
	lost := start(t, func(text string) string { return strings.Replace(text, "schema_version = 3\n", "", 1) })
	if status, decoded, _ := lost.ask(t, "POST", "/webhook", lost.token, `{"message":"x"}`); status != 503 || decoded["error"] != "needs_quickstart" {
		t.Errorf("no model: %d %v", status, decoded)
	}
	gone := start(t, func(text string) string {
		return strings.Replace(text, `model = "assistant"`, `model = "another"`, 1)
	})
	if status, decoded, _ := gone.ask(t, "POST", "/webhook", gone.token, `{"message":"x"}`); status != 500 || decoded["error"] != "LLM request failed" {
		t.Errorf("unknown model: %d %v", status, decoded)
	}
}

func TestActionsPerHour(t *testing.T) {
	r := start(t, func(text string) string {
		return strings.Replace(text, "max_actions_per_hour = 500", "max_actions_per_hour = 1", 1)
	})
	r.say(t, `call memory_recall {}`)
	if got := r.say(t, `call memory_recall {}`); !strings.Contains(got, "Rate limit exceeded") {
		t.Error(got)
	}
}

func TestSecondDaemonIsRefused(t *testing.T) {
	r := start(t, nil)
	if err := Run(context.Background(), Settings{ConfigDir: r.dir, Stderr: io.Discard}); err == nil || !strings.Contains(err.Error(), "another daemon") {
		t.Errorf("got %v", err)
	}
}

func TestReload(t *testing.T) {
	r := start(t, nil)
	file := filepath.Join(r.dir, "config.toml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(text), "[agents.updates]", "[agents.other]\nmodel_provider = \"custom.assistant\"\n[agents.updates]", 1)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(changed), 0o444); err != nil {
		t.Fatal(err)
	}
	if status, _, raw := r.ask(t, "POST", "/admin/reload", "", ""); status != 200 {
		t.Fatalf("%d %s", status, raw)
	}
	deadline := time.Now().Add(5 * time.Second)
	for time.Now().Before(deadline) {
		request, _ := http.NewRequest("POST", r.base+"/webhook?agent=other", strings.NewReader(`{"message":"x"}`))
		request.Header.Set("Authorization", "Bearer "+r.token)
		if response, err := http.DefaultClient.Do(request); err == nil {
			response.Body.Close()
			if response.StatusCode == 200 {
				return
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Error("the new agent never answered")
}
