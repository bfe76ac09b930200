package model

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func user(text string) []Message { return []Message{{Role: "user", Content: Content(text)}} }

func TestDecide(t *testing.T) {
	rules, err := Script([]byte(`[{"match": "(?i)^weather in (\\w+)", "call": "weather", "with": "{\"city\":\"$1\"}"}, {"match": "^ping$", "say": "pong"}]`))
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		messages []Message
		text     string
		tool     string
		with     string
	}{
		{user("say hello there"), "hello there", "", ""},
		{user("context first\nsay hello"), "hello", "", ""},
		{user("what is remembered\n[2026-11-22 14:00:00 +00:00] say hello"), "hello", "", ""},
		{user("[2026-11-22 14:00:00 +00:00] hello"), "I am assistant and you said: hello", "", ""},
		{user(`call shell {"command":"ls"}`), "", "shell", `{"command":"ls"}`},
		{user(`call shell {broken`), `I am assistant and you said: call shell {broken`, "", ""},
		{user("ping"), "pong", "", ""},
		{user("Weather in Turin"), "", "weather", `{"city":"Turin"}`},
		{user("something else"), "I am assistant and you said: something else", "", ""},
		{append(user("call x {}"), Message{Role: "assistant"}, Message{Role: "tool", Content: "the result"}), "the result", "", ""},
	}
	for _, c := range cases {
		got := Decide("assistant", rules, c.messages)
		if got.Text != c.text {
			t.Errorf("%v: %q", c.messages, got.Text)
		}
		if c.tool != "" && (len(got.Calls) != 1 || got.Calls[0].Function != Function{Name: c.tool, Arguments: c.with}) {
			t.Errorf("%v: %+v", c.messages, got.Calls)
		}
	}
}

func TestScriptRefusesWhatCannotDecide(t *testing.T) {
	for _, script := range []string{`{}`, `[{"match":"("}]`, `[{"match":"x"}]`, `[{"match":"x","say":"y","call":"z"}]`} {
		if _, err := Script([]byte(script)); err == nil {
			t.Errorf("%s was taken", script)
		}
	}
}

func post(t *testing.T, url, body string) (int, string) {
	t.Helper()
	response, err := http.Post(url+"/v1/chat/completions", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(raw)
}

func TestServer(t *testing.T) {
	var record bytes.Buffer
	server := httptest.NewServer(&Server{Models: []string{"assistant", "small"}, Record: &record})
	defer server.Close()

	status, raw := post(t, server.URL, `{"model":"assistant","messages":[{"role":"user","content":[{"type":"text","text":"say secret words"}]}],"tools":[{"type":"function","function":{"name":"shell"}}]}`)
	if status != 200 || !strings.Contains(raw, `"content":"secret words"`) || !strings.Contains(raw, `"finish_reason":"stop"`) {
		t.Errorf("%d %s", status, raw)
	}
	status, raw = post(t, server.URL, `{"model":"nobody","messages":[]}`)
	if status != 404 || !strings.Contains(raw, "assistant, small") {
		t.Errorf("%d %s", status, raw)
	}
	if status, _ = post(t, server.URL, `no`); status != 400 {
		t.Errorf("no JSON: %d", status)
	}
	status, raw = post(t, server.URL, `{"model":"small","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"call shell {\"command\":\"ls\"}"}]}`)
	if status != 200 || !strings.Contains(raw, `"tool_calls":[{"function":{"name":"shell"`) || !strings.Contains(raw, `"usage"`) || !strings.HasSuffix(raw, "data: [DONE]\n\n") {
		t.Errorf("%d %s", status, raw)
	}
	response, err := http.Get(server.URL + "/v1/models")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var models struct {
		Data []struct{ ID string }
	}
	if err := json.NewDecoder(response.Body).Decode(&models); err != nil || len(models.Data) != 2 || models.Data[1].ID != "small" {
		t.Errorf("%v %+v", err, models)
	}
	server.Close() // the last line is written
	lines := strings.Split(strings.TrimSpace(record.String()), "\n")
	if len(lines) != 5 || strings.Contains(record.String(), "secret words") || !strings.Contains(lines[0], `"tools":["shell"]`) || !strings.Contains(lines[3], `"called":["shell"]`) {
		t.Errorf("record:\n%s", record.String())
	}
}
