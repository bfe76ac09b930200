package model

// The HTTP side: /v1/models, /v1/chat/completions (plain and streamed), /health. I/O: HTTP, and one JSON line per
// request to a writer: names and sizes, the words only when asked for.

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

const maxRequestBytes = 16 << 20

// Server answers for a list of model names.
type Server struct {
	Models      []string
	Rules       []Rule
	Record      io.Writer
	WithContent bool

	mutex  sync.Mutex
	number int
}

type request struct {
	Model    string    `json:"model"`
	Messages []Message `json:"messages"`
	Stream   bool      `json:"stream"`
	Tools    []struct {
		Function struct {
			Name string `json:"name"`
		} `json:"function"`
	} `json:"tools"`
	StreamOptions struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
}

// record is one line of the log. Header values are never in it.
type record struct {
	At         string   `json:"at"`
	Peer       string   `json:"peer"`
	Request    string   `json:"request"`
	Status     int      `json:"status"`
	Model      string   `json:"model,omitempty"`
	Messages   int      `json:"messages,omitempty"`
	Bytes      int      `json:"bytes,omitempty"`
	Tools      []string `json:"tools,omitempty"`
	Stream     bool     `json:"stream,omitempty"`
	Authorized bool     `json:"authorization"` // whether there was an Authorization header
	Called     []string `json:"called,omitempty"`
	Last       string   `json:"last,omitempty"`   // with content only
	Answer     string   `json:"answer,omitempty"` // with content only
}

// ServeHTTP routes one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	line := record{At: time.Now().UTC().Format(time.RFC3339Nano), Peer: r.RemoteAddr, Request: r.Method + " " + r.URL.Path,
		Status: http.StatusOK, Authorized: r.Header.Get("Authorization") != ""}
	switch path := strings.TrimPrefix(r.URL.Path, "/v1"); {
	case r.Method == http.MethodGet && path == "/health":
		reply(w, http.StatusOK, map[string]string{"status": "ok"})
		return // probes would fill the log
	case r.Method == http.MethodGet && path == "/models":
		s.models(w)
	case r.Method == http.MethodPost && path == "/chat/completions":
		s.complete(w, r, &line)
	default:
		line.Status = http.StatusNotFound
		refuse(w, line.Status, "no such endpoint: "+r.Method+" "+r.URL.Path)
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	_ = json.NewEncoder(s.Record).Encode(line) // a full log does not stop the model
}

func (s *Server) models(w http.ResponseWriter) {
	list := []map[string]any{}
	for _, name := range s.Models {
		list = append(list, map[string]any{"id": name, "object": "model", "created": 0, "owned_by": "test"})
	}
	reply(w, http.StatusOK, map[string]any{"object": "list", "data": list})
}

func (s *Server) complete(w http.ResponseWriter, r *http.Request, line *record) {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequestBytes))
	var asked request
	if err == nil {
		err = json.Unmarshal(raw, &asked)
	}
	if err != nil {
		line.Status = http.StatusBadRequest
		refuse(w, line.Status, "the body is no chat completion request: "+err.Error())
		return
	}
	line.Model, line.Messages, line.Bytes, line.Stream = asked.Model, len(asked.Messages), len(raw), asked.Stream
	for _, tool := range asked.Tools {
		line.Tools = append(line.Tools, tool.Function.Name)
	}
	if !slices.Contains(s.Models, asked.Model) {
		line.Status = http.StatusNotFound
		refuse(w, line.Status, fmt.Sprintf("the model %q does not exist; there are: %s", asked.Model, strings.Join(s.Models, ", ")))
		return
	}
	answer := Decide(asked.Model, s.Rules, asked.Messages)
	for _, call := range answer.Calls {
		line.Called = append(line.Called, call.Function.Name)
	}
	if s.WithContent && len(asked.Messages) > 0 {
		line.Last, line.Answer = string(asked.Messages[len(asked.Messages)-1].Content), answer.Text
	}
	s.mutex.Lock()
	s.number++
	id := fmt.Sprintf("chatcmpl-%d", s.number)
	s.mutex.Unlock()
	// A token is four bytes here; what matters is that the numbers move.
	usage := map[string]int{"prompt_tokens": len(raw) / 4, "completion_tokens": len(answer.Text)/4 + 1, "total_tokens": len(raw)/4 + len(answer.Text)/4 + 1}
	if asked.Stream {
		stream(w, id, asked, answer, usage)
		return
	}
	message, reason := map[string]any{"role": "assistant", "content": answer.Text}, "stop"
	if len(answer.Calls) > 0 {
		message, reason = map[string]any{"role": "assistant", "content": nil, "tool_calls": answer.Calls}, "tool_calls"
	}
	reply(w, http.StatusOK, map[string]any{"id": id, "object": "chat.completion", "created": time.Now().Unix(), "model": asked.Model,
		"choices": []any{map[string]any{"index": 0, "message": message, "finish_reason": reason}}, "usage": usage})
}

// stream sends the answer word by word as server-sent events.
func stream(w http.ResponseWriter, id string, asked request, answer Answer, usage map[string]int) {
	w.Header().Set("Content-Type", "text/event-stream")
	send := func(choices []any, more map[string]any) {
		chunk := map[string]any{"id": id, "object": "chat.completion.chunk", "created": time.Now().Unix(), "model": asked.Model, "choices": choices}
		for key, value := range more {
			chunk[key] = value
		}
		text, _ := json.Marshal(chunk) // maps of plain values always encode
		fmt.Fprintf(w, "data: %s\n\n", text)
		if flusher, ok := w.(http.Flusher); ok {
			flusher.Flush()
		}
	}
	delta := func(delta map[string]any, reason any) {
		send([]any{map[string]any{"index": 0, "delta": delta, "finish_reason": reason}}, nil)
	}
	delta(map[string]any{"role": "assistant"}, nil)
	reason := "stop"
	for i, call := range answer.Calls {
		reason = "tool_calls"
		delta(map[string]any{"tool_calls": []any{map[string]any{"index": i, "id": call.ID, "type": call.Type, "function": call.Function}}}, nil)
	}
	for _, word := range strings.SplitAfter(answer.Text, " ") {
		if word != "" {
			delta(map[string]any{"content": word}, nil)
		}
	}
	delta(map[string]any{}, reason)
	if asked.StreamOptions.IncludeUsage {
		send([]any{}, map[string]any{"usage": usage})
	}
	fmt.Fprint(w, "data: [DONE]\n\n")
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may have gone
}

func refuse(w http.ResponseWriter, status int, sentence string) {
	reply(w, status, map[string]any{"error": map[string]any{"message": sentence, "type": "invalid_request_error", "code": status}})
}
