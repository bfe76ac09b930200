package zeroclaw

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

const tier = `schema_version = 3
[gateway]
host = "0.0.0.0"
port = 42617
paired_tokens = ["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"]
[providers.models.custom.assistant]
uri = "http://model.models:8080/v1"
model = "assistant"
[risk_profiles.updates]
allowed_commands = []
auto_approve = ["memory_recall"]
[runtime_profiles.updates]
agentic = true
max_actions_per_hour = 500
[agents.updates]
model_provider = "custom.assistant"
risk_profile = "updates"
runtime_profile = "updates"
`

func replaced(old, with string) string { return strings.Replace(tier, old, with, 1) }

// Each trap of the file and of the environment: what the daemon makes of it.
func TestLoad(t *testing.T) {
	cases := []struct {
		name    string
		text    string
		environ []string
		fails   string // part of the error; "" loads
		check   func(*testing.T, *Config)
	}{
		{name: "as written", text: tier, check: func(t *testing.T, c *Config) {
			if len(c.Warnings) != 0 || c.Gateway.Host != "0.0.0.0" || !c.Gateway.RequirePairing || !c.RiskProfiles["updates"].WorkspaceOnly {
				t.Errorf("warnings %v, gateway %+v, profile %+v", c.Warnings, c.Gateway, c.RiskProfiles["updates"])
			}
			if got := c.RiskProfiles["updates"]; len(got.AllowedCommands) != 0 || !slices.Equal(got.AutoApprove, []string{"memory_recall"}) {
				t.Errorf("lists given replace the defaults: %+v", got)
			}
		}},
		{name: "without schema_version the providers are lost", text: replaced("schema_version = 3\n", ""), check: func(t *testing.T, c *Config) {
			if _, ok := c.Provider("custom.assistant"); ok || c.Gateway.Host != "0.0.0.0" {
				t.Error("expected the provider gone and the gateway kept")
			}
		}},
		{name: "newer schema", text: replaced("schema_version = 3", "schema_version = 4"), fails: wholeFile},
		{name: "schema as text", text: replaced("schema_version = 3", `schema_version = "3"`), fails: wholeFile},
		{name: "no TOML", text: "schema_version = 3\n[gateway\n", fails: wholeFile},
		{name: "level misspelt", text: replaced("[risk_profiles.updates]", "[risk_profiles.updates]\nlevel = \"read_only\""), fails: "risk_profiles"},
		{name: "list as text", text: replaced("allowed_commands = []", `allowed_commands = "git"`), fails: "risk_profiles"},
		{name: "peer group malformed", text: tier + "[peer_groups.owner]\nagents = 3\n", fails: "peer_groups"},
		{name: "gateway malformed: defaults, no token", text: replaced("port = 42617", `port = "abc"`), check: func(t *testing.T, c *Config) {
			if c.Gateway.Host != "127.0.0.1" || len(c.Gateway.PairedTokens) != 0 || !slices.Contains(c.Dropped, "gateway") {
				t.Errorf("gateway %+v, dropped %v", c.Gateway, c.Dropped)
			}
		}},
		{name: "port out of range: same", text: replaced("port = 42617", "port = 70000"), check: func(t *testing.T, c *Config) {
			if !slices.Contains(c.Dropped, "gateway") {
				t.Errorf("dropped %v", c.Dropped)
			}
		}},
		{name: "one provider malformed: only that one goes", text: tier + "[providers.models.litellm.other]\nuri = 1\n", check: func(t *testing.T, c *Config) {
			_, kept := c.Provider("custom.assistant")
			if _, other := c.Provider("litellm.other"); !kept || other || !slices.Equal(c.Dropped, []string{"providers.models.litellm.other"}) {
				t.Errorf("kept %v, other %v, dropped %v", kept, other, c.Dropped)
			}
		}},
		{name: "unknown key in a known table", text: replaced("port = 42617", "port = 42617\nnonsense = 1"), check: func(t *testing.T, c *Config) {
			if len(c.Warnings) != 0 || c.Gateway.Port != 42617 {
				t.Errorf("warnings %v", c.Warnings)
			}
		}},
		{name: "unknown table", text: tier + "[nonsense]\na = 1\n", check: func(t *testing.T, c *Config) {
			if len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], "nonsense") {
				t.Errorf("warnings %v", c.Warnings)
			}
		}},
		{name: "dangling runtime profile: a warning and the defaults", text: replaced(`runtime_profile = "updates"`, `runtime_profile = "docker"`), check: func(t *testing.T, c *Config) {
			if len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], "runtime_profile") {
				t.Errorf("warnings %v", c.Warnings)
			}
		}},
		{name: "a profile called default gets more approvals", text: strings.ReplaceAll(tier, "updates", "default"), check: func(t *testing.T, c *Config) {
			if got := c.RiskProfiles["default"].AutoApprove; len(got) != len(builtinAutoApprove()) || !slices.Contains(got, "web_fetch") {
				t.Errorf("auto_approve %v", got)
			}
		}},
		{name: "key from the environment", text: tier, environ: []string{"ZEROCLAW_providers__models__custom__assistant__api_key=sk-1"}, check: func(t *testing.T, c *Config) {
			if p, _ := c.Provider("custom.assistant"); p.APIKey != "sk-1" || p.Model != "assistant" {
				t.Errorf("provider %+v", p)
			}
		}},
		{name: "a list from the environment is JSON", text: tier, environ: []string{`ZEROCLAW_gateway__paired_tokens=["abc"]`}, check: func(t *testing.T, c *Config) {
			if !slices.Equal(c.Gateway.PairedTokens, []string{"abc"}) {
				t.Errorf("tokens %v", c.Gateway.PairedTokens)
			}
		}},
		{name: "a list that is no JSON", text: tier, environ: []string{"ZEROCLAW_gateway__paired_tokens=abc"}, fails: "paired_tokens"},
		{name: "upper case is ignored", text: tier, environ: []string{"ZEROCLAW_GATEWAY_PORT=1", "ZEROCLAW_MODEL=x"}, check: func(t *testing.T, c *Config) {
			if c.Gateway.Port != 42617 {
				t.Errorf("port %d", c.Gateway.Port)
			}
		}},
		{name: "a path that leads nowhere", text: tier, environ: []string{"ZEROCLAW_gateway__prot=1"}, fails: "did not resolve"},
		{name: "an alias with a hyphen cannot be said, one with a bad form is refused", text: tier, environ: []string{"ZEROCLAW_agents___x__enabled=true"}, fails: "did not resolve"},
		{name: "schema_version cannot be overridden", text: tier, environ: []string{"ZEROCLAW_schema_version=3"}, fails: "not overridable"},
		{name: "a typo in an alias makes an entry", text: tier, environ: []string{"ZEROCLAW_providers__models__custom__asistant__api_key=k"}, check: func(t *testing.T, c *Config) {
			if p, ok := c.Provider("custom.asistant"); !ok || p.Model != "" {
				t.Errorf("provider %+v, %v", p, ok)
			}
		}},
		{name: "a header of an MCP server", text: tier + "[[mcp.servers]]\nname = \"tools\"\nurl = \"http://x\"\n", environ: []string{"ZEROCLAW_mcp__servers__tools__headers__authorization=Bearer x"}, check: func(t *testing.T, c *Config) {
			if len(c.MCP.Servers) != 1 || c.MCP.Servers[0].Headers["authorization"] != "Bearer x" || c.MCP.Servers[0].URL != "http://x" {
				t.Errorf("servers %+v", c.MCP.Servers)
			}
		}},
		{name: "a wrong type from the environment", text: tier, environ: []string{"ZEROCLAW_gateway__port=abc"}, fails: "gateway__port"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			config, err := Load(c.text, c.environ)
			if c.fails != "" {
				if err == nil || !strings.Contains(err.Error(), c.fails) {
					t.Fatalf("expected an error with %q, got %v", c.fails, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			c.check(t, config)
		})
	}
	if _, err := Load("schema_version = 4", nil); !errors.Is(err, ErrDegraded) {
		t.Errorf("a lost file must be told apart: %v", err)
	}
}
