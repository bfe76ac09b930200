package zeroclaw

// The tools the stand-in really has: shell, files inside the workspace, memory, arithmetic. I/O: files, processes.
// Sentences meant for the model begin with a capital, as the real ones do.

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	maxFileBytes   = 10 << 20
	maxOutputBytes = 1 << 20
)

// safeShellEnv is what a command sees of the daemon's environment, beside shell_env_passthrough.
var safeShellEnv = []string{"PATH", "HOME", "TERM", "LANG", "LC_ALL", "LC_CTYPE", "USER", "SHELL", "TMPDIR"}

type tool struct {
	name, description string
	parameters        map[string]any
	run               func(*toolbox, context.Context, map[string]any) (string, error)
}

func object(required []string, properties map[string]any) map[string]any {
	return map[string]any{"type": "object", "properties": properties, "required": required}
}

func text(description string) map[string]any {
	return map[string]any{"type": "string", "description": description}
}

var allTools = []tool{
	{"calculator", "Add, subtract, multiply or divide a list of numbers.", object([]string{"function"}, map[string]any{
		"function": map[string]any{"type": "string", "enum": []string{"add", "subtract", "multiply", "divide"}},
		"values":   map[string]any{"type": "array", "items": map[string]any{"type": "number"}}}), (*toolbox).calculator},
	{"file_read", "Read a file of the workspace, with line numbers.", object([]string{"path"}, map[string]any{
		"path": text("Path of the file, relative to the workspace")}), (*toolbox).fileRead},
	{"file_write", "Write a file of the workspace.", object([]string{"path", "content"}, map[string]any{
		"path": text("Path of the file, relative to the workspace"), "content": text("What to write")}), (*toolbox).fileWrite},
	{"memory_recall", "Search what was remembered.", object([]string{}, map[string]any{
		"query": text("Words to look for; empty for the latest")}), (*toolbox).memoryRecall},
	{"memory_store", "Remember something under a key.", object([]string{"key", "content"}, map[string]any{
		"key": text("A unique key"), "content": text("What to remember")}), (*toolbox).memoryStore},
	{"shell", "Execute a shell command in the workspace directory", object([]string{"command"}, map[string]any{
		"command":  text("The shell command to execute"),
		"approved": map[string]any{"type": "boolean", "default": false}}), (*toolbox).shell},
}

// toolbox is what the tools of one agent work on.
type toolbox struct {
	profile      RiskProfile
	runtime      RuntimeProfile
	unrestricted bool
	workspace    string
	configFile   string
	memoryFile   string
	memory       *sync.Mutex
}

func (b *toolbox) offered() (tools []tool) {
	for _, t := range allTools {
		if offered(b.profile, t.name) {
			tools = append(tools, t)
		}
	}
	return tools
}

// call runs one tool call as the runtime does and returns what the model is told.
func (b *toolbox) call(ctx context.Context, budget *budget, name, arguments string) string {
	for _, t := range b.offered() {
		if t.name != name {
			continue
		}
		if denial := approval(b.profile, name); denial != "" {
			return denial
		}
		if !budget.take(b.runtime.MaxActionsPerHour) {
			return "Error: Rate limit exceeded: too many actions in the last hour"
		}
		parsed := map[string]any{}
		if err := json.Unmarshal([]byte(arguments), &parsed); err != nil && arguments != "" {
			return "Error: the arguments are no JSON object: " + err.Error()
		}
		output, err := t.run(b, ctx, parsed)
		if err != nil {
			return strings.TrimSpace("Error: " + err.Error() + "\n" + output)
		}
		return output
	}
	return "Tool not available in this turn: " + name
}

func parameter(arguments map[string]any, name string) (string, error) {
	value, ok := arguments[name].(string)
	if !ok {
		return "", fmt.Errorf("Missing '%s' parameter", name)
	}
	return value, nil
}

func (b *toolbox) shell(ctx context.Context, arguments map[string]any) (string, error) {
	command, err := parameter(arguments, "command")
	if err != nil {
		return "", err
	}
	if refusal := refuseCommand(b.profile, b.workspace, command); refusal != "" {
		return "", errors.New(refusal)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(b.runtime.ShellTimeoutSecs)*time.Second)
	defer cancel()
	process := exec.CommandContext(ctx, "sh", "-c", command)
	process.Dir = b.workspace
	process.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	process.Cancel = func() error { return syscall.Kill(-process.Process.Pid, syscall.SIGKILL) }
	process.WaitDelay = time.Second
	process.Env = []string{}
	for _, name := range append(append([]string{}, safeShellEnv...), b.profile.ShellEnvPassthrough...) {
		if value, ok := os.LookupEnv(name); ok {
			process.Env = append(process.Env, name+"="+value)
		}
	}
	var stdout, stderr bytes.Buffer
	process.Stdout, process.Stderr = &stdout, &stderr
	err = process.Run()
	if ctx.Err() != nil {
		return "", fmt.Errorf("Command timed out after %ds and was killed", b.runtime.ShellTimeoutSecs)
	}
	output := clip(stdout.String())
	if err != nil && stderr.Len() > 0 {
		return output, errors.New(clip(stderr.String()))
	}
	return output, err
}

func clip(s string) string {
	if len(s) > maxOutputBytes {
		return s[:maxOutputBytes] + "\n... [output truncated at 1MB]"
	}
	return s
}

// reachable is the whole check of a file tool: links followed, workspace rules, never the config file.
func (b *toolbox) reachable(path string) (string, error) {
	full := followed(resolveIn(b.workspace, path))
	if full == followed(b.configFile) || strings.HasPrefix(full, "/proc/") {
		return "", fmt.Errorf("Path blocked by security policy: %s", path)
	}
	if !pathAllowed(b.profile, b.unrestricted, b.workspace, full) {
		return "", fmt.Errorf("Path escapes workspace directory: %s", path)
	}
	return full, nil
}

func (b *toolbox) fileRead(_ context.Context, arguments map[string]any) (string, error) {
	path, err := parameter(arguments, "path")
	if err != nil {
		return "", err
	}
	full, err := b.reachable(path)
	if err != nil {
		return "", err
	}
	if info, err := os.Stat(full); err != nil {
		return "", fmt.Errorf("Failed to resolve file path: %w", err)
	} else if info.Size() > maxFileBytes {
		return "", fmt.Errorf("File too large: %d bytes (limit: %d bytes)", info.Size(), maxFileBytes)
	}
	content, err := os.ReadFile(full)
	if err != nil {
		return "", err
	}
	var numbered strings.Builder
	count := 0
	for lines := bufio.NewScanner(bytes.NewReader(content)); lines.Scan(); {
		count++
		fmt.Fprintf(&numbered, "%d: %s\n", count, lines.Text())
	}
	fmt.Fprintf(&numbered, "[%d lines total]", count)
	return numbered.String(), nil
}

func (b *toolbox) fileWrite(_ context.Context, arguments map[string]any) (string, error) {
	path, err := parameter(arguments, "path")
	if err != nil {
		return "", err
	}
	content, err := parameter(arguments, "content")
	if err != nil {
		return "", err
	}
	if b.profile.Level == ReadOnly {
		return "", errors.New("Action blocked: autonomy is read-only")
	}
	full, err := b.reachable(path)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		return "", err
	}
	if err := os.WriteFile(full, []byte(content), 0o644); err != nil {
		return "", err
	}
	return fmt.Sprintf("Written %d bytes to %s", len(content), path), nil
}

func (b *toolbox) calculator(_ context.Context, arguments map[string]any) (string, error) {
	values, _ := arguments["values"].([]any)
	if len(values) == 0 {
		return "", errors.New("Missing 'values' parameter")
	}
	var result float64
	for i, value := range values {
		number, ok := value.(float64)
		switch {
		case !ok:
			return "", fmt.Errorf("values[%d] is no number", i)
		case i == 0:
			result = number
		case arguments["function"] == "add":
			result += number
		case arguments["function"] == "subtract":
			result -= number
		case arguments["function"] == "multiply":
			result *= number
		case arguments["function"] == "divide" && number != 0:
			result /= number
		default:
			return "", fmt.Errorf("cannot %v by %v", arguments["function"], number)
		}
	}
	return fmt.Sprint(result), nil
}
