package zeroclaw

// One turn of the assistant: the message and the tools go to the model, its tool calls are run, until it answers.
// I/O: HTTP to the model provider.

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	defaultIterations = 10
	maxReplyBytes     = 8 << 20
)

// personality files become the system prompt, in this order.
var personality = []string{"SOUL.md", "IDENTITY.md", "USER.md", "AGENTS.md", "TOOLS.md", "MEMORY.md"}

// errNeedsQuickstart: no model is configured; HTTP 503.
var errNeedsQuickstart = errors.New("needs_quickstart: gateway has no model configured")

type chatMessage struct {
	Role       string     `json:"role"`
	Content    *string    `json:"content"`
	ToolCalls  []toolCall `json:"tool_calls,omitempty"`
	ToolCallID string     `json:"tool_call_id,omitempty"`
}

type toolCall struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	Function struct {
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
	} `json:"function"`
}

// turn answers one message of one agent.
func (d *Daemon) turn(ctx context.Context, config *Config, alias, message string) (answer string, err error) {
	agent := config.Agents[alias]
	provider, ok := config.Provider(agent.ModelProvider)
	if !ok || strings.TrimSpace(provider.Model) == "" || provider.URI == "" {
		return "", errNeedsQuickstart
	}
	box, err := d.toolbox(config, alias)
	if err != nil {
		return "", err
	}
	client := &http.Client{Transport: &http.Transport{Proxy: proxyFor(config.Proxy), DisableKeepAlives: true}}
	if provider.TimeoutSecs > 0 {
		client.Timeout = time.Duration(provider.TimeoutSecs) * time.Second
	}
	system := d.systemPrompt(box.workspace)
	stamped := fmt.Sprintf("[%s] %s", time.Now().Format("2006-01-02 15:04:05 -07:00"), message)
	messages := []chatMessage{{Role: "system", Content: &system}, {Role: "user", Content: &stamped}}
	iterations := defaultIterations
	if box.runtime.MaxToolIterations > 0 {
		iterations = box.runtime.MaxToolIterations
	}
	d.metrics.add("zeroclaw_agent_starts_total", 1)
	for range iterations {
		reply, err := d.complete(ctx, client, provider, messages, box.offered())
		if err != nil {
			return "", err
		}
		if len(reply.ToolCalls) == 0 {
			if reply.Content == nil {
				return "", errors.New("the model answered with neither text nor a tool call")
			}
			return *reply.Content, nil
		}
		messages = append(messages, reply)
		for _, call := range reply.ToolCalls {
			result := box.call(ctx, &d.actions, call.Function.Name, call.Function.Arguments)
			d.log("tool %s: %d bytes of arguments, %d bytes of result", call.Function.Name, len(call.Function.Arguments), len(result))
			messages = append(messages, chatMessage{Role: "tool", Content: &result, ToolCallID: call.ID})
		}
	}
	return "", fmt.Errorf("agent exceeded maximum tool iterations (%d)", iterations)
}

// complete sends one request to PROVIDER/chat/completions.
func (d *Daemon) complete(ctx context.Context, client *http.Client, provider Provider, messages []chatMessage, tools []tool) (chatMessage, error) {
	body := map[string]any{"model": provider.Model, "messages": messages}
	if provider.Temperature != nil {
		body["temperature"] = *provider.Temperature
	}
	if provider.MaxTokens > 0 {
		body["max_tokens"] = provider.MaxTokens
	}
	if len(tools) > 0 {
		specs := make([]any, 0, len(tools))
		for _, t := range tools {
			specs = append(specs, map[string]any{"type": "function", "function": map[string]any{
				"name": t.name, "description": t.description, "parameters": t.parameters}})
		}
		body["tools"], body["tool_choice"] = specs, "auto"
	}
	sent, err := json.Marshal(body)
	if err != nil {
		return chatMessage{}, err
	}
	target := strings.TrimSuffix(provider.URI, "/")
	if !strings.HasSuffix(target, "/chat/completions") {
		target += "/chat/completions"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(sent))
	if err != nil {
		return chatMessage{}, err
	}
	request.Header.Set("Content-Type", "application/json")
	if provider.APIKey != "" { // without a key there is no header at all, so that a gateway may add one
		request.Header.Set("Authorization", "Bearer "+provider.APIKey)
	}
	for name, value := range provider.ExtraHeaders {
		request.Header.Set(name, value)
	}
	d.metrics.add("zeroclaw_llm_requests_total", 1)
	response, err := client.Do(request)
	if err != nil {
		return chatMessage{}, err
	}
	defer response.Body.Close()
	received, err := io.ReadAll(io.LimitReader(response.Body, maxReplyBytes))
	if err != nil {
		return chatMessage{}, err
	}
	if response.StatusCode != http.StatusOK {
		return chatMessage{}, fmt.Errorf("the model provider answered %s", response.Status)
	}
	var decoded struct {
		Choices []struct {
			Message chatMessage `json:"message"`
		} `json:"choices"`
		Usage struct {
			Prompt     int `json:"prompt_tokens"`
			Completion int `json:"completion_tokens"`
		} `json:"usage"`
	}
	if err := json.Unmarshal(received, &decoded); err != nil {
		return chatMessage{}, fmt.Errorf("the model provider's answer is no chat completion: %w", err)
	}
	if len(decoded.Choices) == 0 {
		return chatMessage{}, errors.New("the model provider's answer has no choices")
	}
	d.metrics.add("zeroclaw_tokens_input_total", float64(decoded.Usage.Prompt))
	d.metrics.add("zeroclaw_tokens_output_total", float64(decoded.Usage.Completion))
	return decoded.Choices[0].Message, nil
}

// proxyFor follows [proxy] when it covers model providers, and the environment otherwise.
func proxyFor(settings Proxy) func(*http.Request) (*url.URL, error) {
	covered := settings.Scope != "services" || slices.ContainsFunc(settings.Services, func(s string) bool {
		return s == "model_provider.*" || strings.HasPrefix(s, "model_provider.")
	})
	if !settings.Enabled || !covered || settings.Scope == "environment" {
		return http.ProxyFromEnvironment
	}
	return func(request *http.Request) (*url.URL, error) {
		host := request.URL.Hostname()
		for _, excepted := range settings.NoProxy {
			if host == excepted || strings.HasSuffix(host, "."+strings.TrimPrefix(excepted, ".")) {
				return nil, nil
			}
		}
		chosen := settings.HTTPProxy
		if request.URL.Scheme == "https" {
			chosen = settings.HTTPSProxy
		}
		if chosen == "" {
			chosen = settings.AllProxy
		}
		if chosen == "" {
			return nil, nil
		}
		return url.Parse(chosen)
	}
}

// toolbox prepares an agent's workspace and rules.
func (d *Daemon) toolbox(config *Config, alias string) (*toolbox, error) {
	agent := config.Agents[alias]
	box := &toolbox{profile: defaultRiskProfile(), runtime: defaultRuntimeProfile(), workspace: agent.Workspace.Path,
		unrestricted: agent.Workspace.UnrestrictedFilesystem, configFile: d.configFile(),
		memoryFile: filepath.Join(d.data(), "memory", alias+".jsonl"), memory: &d.memory}
	if profile, ok := config.RiskProfiles[agent.RiskProfile]; ok {
		box.profile = profile
	}
	if profile, ok := config.RuntimeProfiles[agent.RuntimeProfile]; ok {
		box.runtime = profile
	}
	if box.runtime.ShellTimeoutSecs <= 0 {
		box.runtime.ShellTimeoutSecs = 60
	}
	if box.workspace == "" {
		box.workspace = filepath.Join(d.dir, "agents", alias, "workspace")
	}
	return box, os.MkdirAll(box.workspace, 0o755)
}

func (d *Daemon) systemPrompt(workspace string) string {
	var prompt strings.Builder
	for _, name := range personality {
		content, err := os.ReadFile(filepath.Join(workspace, name))
		if err == nil {
			fmt.Fprintf(&prompt, "### %s\n\n%s\n\n", name, content)
		}
	}
	return prompt.String()
}
