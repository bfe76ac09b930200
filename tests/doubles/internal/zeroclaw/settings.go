// Package zeroclaw is a stand-in for the ZeroClaw 0.8.7 daemon: the same arguments, config file, environment,
// endpoints and exit codes, so that what configures and watches the real one can be tried in seconds. It reads
// the tables an operator writes; a table it does not know is named in a warning, never taken as understood.
//
// This file holds the tables of config.toml (schema 3) with their defaults. No I/O.
package zeroclaw

import "fmt"

// Version is what the stand-in reports, so that a reader of /api/status meets what the real one says.
const Version = "0.8.7"

// Document is config.toml as far as the stand-in reads it. Field names are the file's.
type Document struct {
	Gateway         Gateway                              `toml:"gateway"`
	Observability   Observability                        `toml:"observability"`
	Memory          Memory                               `toml:"memory"`
	Proxy           Proxy                                `toml:"proxy"`
	Secrets         Secrets                              `toml:"secrets"`
	Providers       Providers                            `toml:"providers"`
	RiskProfiles    map[string]RiskProfile               `toml:"risk_profiles"`
	RuntimeProfiles map[string]RuntimeProfile            `toml:"runtime_profiles"`
	Agents          map[string]Agent                     `toml:"agents"`
	Channels        map[string]map[string]map[string]any `toml:"channels"`
	PeerGroups      map[string]PeerGroup                 `toml:"peer_groups"`
	MCP             MCP                                  `toml:"mcp"`
	MCPBundles      map[string]MCPBundle                 `toml:"mcp_bundles"`
	Cron            map[string]map[string]any            `toml:"cron"`
	Heartbeat       map[string]any                       `toml:"heartbeat"`
	Scheduler       map[string]any                       `toml:"scheduler"`
	Runtime         Runtime                              `toml:"runtime"`
	Security        map[string]map[string]any            `toml:"security"`
	Users           map[string]map[string]any            `toml:"users"`
	Storage         map[string]map[string]map[string]any `toml:"storage"`
	Skills          map[string]any                       `toml:"skills"`
	Tools           map[string]any                       `toml:"tools"`
}

// Gateway is the HTTP side.
type Gateway struct {
	Host                      string   `toml:"host"`
	Port                      uint16   `toml:"port"`
	RequirePairing            bool     `toml:"require_pairing"`
	AllowPublicBind           bool     `toml:"allow_public_bind"`
	AllowRemoteAdmin          bool     `toml:"allow_remote_admin"`
	PairedTokens              []string `toml:"paired_tokens"`
	PairRateLimitPerMinute    int      `toml:"pair_rate_limit_per_minute"`
	WebhookRateLimitPerMinute int      `toml:"webhook_rate_limit_per_minute"`
	WebhookSecret             string   `toml:"webhook_secret"`
	TrustForwardedHeaders     bool     `toml:"trust_forwarded_headers"`
	PathPrefix                string   `toml:"path_prefix"`
	WebDistDir                string   `toml:"web_dist_dir"`
	RequestTimeoutSecs        int      `toml:"request_timeout_secs"`
	CheckUpdates              bool     `toml:"check_updates"`
	AllowSelfUpgrade          bool     `toml:"allow_self_upgrade"`
}

// Observability chooses what /metrics says.
type Observability struct {
	Backend string `toml:"backend"`
}

// Memory is the memory tools' store; the stand-in keeps one file whatever the backend.
type Memory struct {
	Backend    string `toml:"backend"`
	SearchMode string `toml:"search_mode"`
	AutoSave   bool   `toml:"auto_save"`
}

// Proxy is ZeroClaw's own proxy table; the model provider follows it.
type Proxy struct {
	Enabled    bool     `toml:"enabled"`
	HTTPProxy  string   `toml:"http_proxy"`
	HTTPSProxy string   `toml:"https_proxy"`
	AllProxy   string   `toml:"all_proxy"`
	NoProxy    []string `toml:"no_proxy"`
	Scope      string   `toml:"scope"`
	Services   []string `toml:"services"`
}

// Secrets says whether a saved secret is encrypted; the stand-in saves none.
type Secrets struct {
	Encrypt bool `toml:"encrypt"`
}

// Providers holds models by family (litellm, custom, …) and alias.
type Providers struct {
	Models map[string]map[string]Provider `toml:"models"`
}

// Provider is one OpenAI-compatible endpoint.
type Provider struct {
	URI           string            `toml:"uri"`
	Model         string            `toml:"model"`
	APIKey        string            `toml:"api_key"`
	Temperature   *float64          `toml:"temperature"`
	TimeoutSecs   int               `toml:"timeout_secs"`
	ExtraHeaders  map[string]string `toml:"extra_headers"`
	MaxTokens     int               `toml:"max_tokens"`
	ContextWindow int               `toml:"context_window"`
}

// Level is how much an agent may do on its own.
type Level string

// The three levels; any other spelling makes the risk_profiles table malformed.
const (
	ReadOnly   Level = "readonly"
	Supervised Level = "supervised"
	Full       Level = "full"
)

// UnmarshalText refuses what ZeroClaw's own enumeration refuses.
func (l *Level) UnmarshalText(text []byte) error {
	switch Level(text) {
	case ReadOnly, Supervised, Full:
		*l = Level(text)
		return nil
	}
	return fmt.Errorf("level %q: expected readonly, supervised or full", text)
}

// RiskProfile is what an agent may touch.
type RiskProfile struct {
	Level                        Level    `toml:"level"`
	WorkspaceOnly                bool     `toml:"workspace_only"`
	AllowedCommands              []string `toml:"allowed_commands"`
	ForbiddenPaths               []string `toml:"forbidden_paths"`
	AllowedRoots                 []string `toml:"allowed_roots"`
	RequireApprovalForMediumRisk bool     `toml:"require_approval_for_medium_risk"`
	BlockHighRiskCommands        bool     `toml:"block_high_risk_commands"`
	ShellEnvPassthrough          []string `toml:"shell_env_passthrough"`
	AutoApprove                  []string `toml:"auto_approve"`
	AlwaysAsk                    []string `toml:"always_ask"`
	AllowedTools                 []string `toml:"allowed_tools"`
	DenyAllTools                 bool     `toml:"deny_all_tools"`
	ExcludedTools                []string `toml:"excluded_tools"`
	SandboxEnabled               *bool    `toml:"sandbox_enabled"`
	SandboxBackend               string   `toml:"sandbox_backend"`
}

// RuntimeProfile is how long and how often an agent may work.
type RuntimeProfile struct {
	Agentic            bool `toml:"agentic"`
	MaxToolIterations  int  `toml:"max_tool_iterations"`
	MaxActionsPerHour  int  `toml:"max_actions_per_hour"`
	MaxCostPerDayCents int  `toml:"max_cost_per_day_cents"`
	ShellTimeoutSecs   int  `toml:"shell_timeout_secs"`
}

// Agent ties a provider, a risk profile and a runtime profile together.
type Agent struct {
	Enabled        bool           `toml:"enabled"`
	Channels       []string       `toml:"channels"`
	ModelProvider  string         `toml:"model_provider"`
	RiskProfile    string         `toml:"risk_profile"`
	RuntimeProfile string         `toml:"runtime_profile"`
	MCPBundles     []string       `toml:"mcp_bundles"`
	Workspace      AgentWorkspace `toml:"workspace"`
	Memory         AgentMemory    `toml:"memory"`
	Identity       map[string]any `toml:"identity"`
}

// AgentWorkspace is where an agent's files are; empty means agents/<alias>/workspace under the config directory.
type AgentWorkspace struct {
	Path                   string `toml:"path"`
	UnrestrictedFilesystem bool   `toml:"unrestricted_filesystem"`
}

// AgentMemory names the backend of one agent's memory.
type AgentMemory struct {
	Backend string `toml:"backend"`
}

// PeerGroup says who may write to an agent over a channel.
type PeerGroup struct {
	Channel       string   `toml:"channel"`
	Agents        []string `toml:"agents"`
	ExternalPeers []string `toml:"external_peers"`
}

// MCP is read so that a file with it loads; the stand-in connects to no server and says so.
type MCP struct {
	Enabled         bool        `toml:"enabled"`
	DeferredLoading bool        `toml:"deferred_loading"`
	Servers         []MCPServer `toml:"servers"`
}

// MCPServer is one tool server.
type MCPServer struct {
	Name            string            `toml:"name"`
	Transport       string            `toml:"transport"`
	URL             string            `toml:"url"`
	Command         string            `toml:"command"`
	Args            []string          `toml:"args"`
	Env             map[string]string `toml:"env"`
	Headers         map[string]string `toml:"headers"`
	ToolTimeoutSecs int               `toml:"tool_timeout_secs"`
	TLSCACertPath   string            `toml:"tls_ca_cert_path"`
}

// MCPBundle grants servers to the agents that name it.
type MCPBundle struct {
	Servers []string `toml:"servers"`
}

// Runtime is where shell commands run; the stand-in has only "native".
type Runtime struct {
	Kind   string         `toml:"kind"`
	Docker map[string]any `toml:"docker"`
}

func defaultGateway() Gateway {
	return Gateway{Host: "127.0.0.1", Port: 42617, RequirePairing: true, PairRateLimitPerMinute: 10,
		WebhookRateLimitPerMinute: 60, RequestTimeoutSecs: 30, CheckUpdates: true}
}

func defaultRiskProfile() RiskProfile {
	return RiskProfile{Level: Supervised, WorkspaceOnly: true, RequireApprovalForMediumRisk: true,
		BlockHighRiskCommands: true, AutoApprove: builtinAutoApprove(),
		AllowedCommands: []string{"git", "npm", "cargo", "ls", "cat", "grep", "find", "echo", "pwd", "wc", "head", "tail",
			"date", "df", "du", "uname", "uptime", "hostname", "python", "python3", "pip", "node", "free"},
		ForbiddenPaths: []string{"/etc", "/root", "/home", "/usr", "/bin", "/sbin", "/lib", "/opt", "/boot", "/dev",
			"/proc", "/sys", "/var", "/tmp", "~/.ssh", "~/.gnupg", "~/.aws", "~/.config"}}
}

// builtinAutoApprove is merged into a risk profile named "default", and into no other.
func builtinAutoApprove() []string {
	return []string{"file_read", "memory_recall", "web_search_tool", "web_fetch", "calculator", "glob_search",
		"content_search", "image_info", "weather", "tool_search", "browser_open"}
}

func defaultRuntimeProfile() RuntimeProfile {
	return RuntimeProfile{MaxToolIterations: 0, MaxActionsPerHour: 20, MaxCostPerDayCents: 500, ShellTimeoutSecs: 60}
}
