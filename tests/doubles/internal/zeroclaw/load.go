package zeroclaw

// Reading config.toml the way ZeroClaw does, traps included: a file without schema_version loses its providers, a
// malformed security table ends the process, any other malformed table silently becomes its default. No I/O.

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/BurntSushi/toml"
)

// SchemaVersion is the only one the stand-in understands fully.
const SchemaVersion = 3

// securityTables must parse: with a default in their place the agent might be allowed more than was written.
var securityTables = []string{"security", "risk_profiles", "peer_groups", "users"}

// wholeFile is what ZeroClaw names when nothing of the file could be read.
const wholeFile = "<entire-config>"

// ErrDegraded means ZeroClaw would refuse to serve: exit code 1.
var ErrDegraded = errors.New("refusing to serve with a degraded security posture")

// Config is a loaded file.
type Config struct {
	Document
	Dropped  []string // tables that were malformed and became defaults
	Warnings []string // sentences for the log
}

// Load reads the file's text and the process's environment (os.Environ's form).
func Load(text string, environ []string) (*Config, error) {
	c := &Config{}
	tree := map[string]any{}
	if _, err := toml.Decode(text, &tree); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrDegraded, wholeFile, err)
	}
	version, err := schemaVersion(tree)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrDegraded, wholeFile, err)
	}
	delete(tree, "schema_version")
	if version < SchemaVersion {
		// The migration renames [providers.models.FAMILY.ALIAS] in a way that loses it.
		delete(tree, "providers")
		c.warn("no schema_version = 3: taken as version %d and migrated; [providers] is lost", version)
	}
	degraded := c.dropMalformed(tree)
	if err := applyOverrides(tree, environ); err != nil {
		return nil, err
	}
	if len(degraded) > 0 {
		return nil, fmt.Errorf("%w: malformed security-critical sections (%s)", ErrDegraded, strings.Join(degraded, ", "))
	}
	for _, key := range sortedKeys(tree) {
		table, known := tables[key]
		if !known {
			c.warn("[%s] is not read by this stand-in", key)
			continue
		}
		if err := table(&c.Document, tree[key]); err != nil {
			return nil, fmt.Errorf("[%s] after the overrides of the environment: %w", key, err)
		}
	}
	for key, table := range tables {
		if _, given := tree[key]; !given {
			if err := table(&c.Document, map[string]any{}); err != nil {
				return nil, fmt.Errorf("default of [%s]: %w", key, err)
			}
		}
	}
	if profile, ok := c.RiskProfiles["default"]; ok {
		for _, tool := range builtinAutoApprove() {
			if !slices.Contains(profile.AutoApprove, tool) {
				profile.AutoApprove = append(profile.AutoApprove, tool)
			}
		}
		c.RiskProfiles["default"] = profile
	}
	c.danglingReferences()
	return c, nil
}

func (c *Config) warn(format string, values ...any) {
	c.Warnings = append(c.Warnings, fmt.Sprintf(format, values...))
}

func schemaVersion(tree map[string]any) (int64, error) {
	switch v := tree["schema_version"].(type) {
	case nil:
		return 1, nil
	case int64:
		if v > SchemaVersion {
			return 0, fmt.Errorf("config schema_version %d is newer than this binary supports (%d)", v, SchemaVersion)
		}
		if v >= 1 {
			return v, nil
		}
	}
	return 0, fmt.Errorf("schema_version must be a positive integer, got %v", tree["schema_version"])
}

// dropMalformed removes what does not decode: first single channels and providers, then whole tables. It returns
// the security tables among them.
func (c *Config) dropMalformed(tree map[string]any) (degraded []string) {
	for _, key := range sortedKeys(tree) {
		table, known := tables[key]
		if !known || table(&Document{}, tree[key]) == nil {
			continue
		}
		switch {
		case key == "providers" && c.dropAliases(tree, key, "models"), key == "channels" && c.dropAliases(tree, key):
			continue
		case slices.Contains(securityTables, key):
			degraded = append(degraded, key)
		default:
			c.Dropped = append(c.Dropped, key)
			c.warn("config section `%s` is invalid and was skipped", key)
		}
		delete(tree, key)
	}
	return degraded
}

// dropAliases removes the malformed FAMILY.ALIAS entries of one table and reports whether that mended it.
func (c *Config) dropAliases(tree map[string]any, key string, below ...string) bool {
	families, ok := tree[key].(map[string]any)
	for _, step := range below {
		if ok {
			families, ok = families[step].(map[string]any)
		}
	}
	if !ok {
		return false
	}
	for _, family := range sortedKeys(families) {
		aliases, ok := families[family].(map[string]any)
		if !ok {
			return false
		}
		for _, alias := range sortedKeys(aliases) {
			alone := map[string]any{family: map[string]any{alias: aliases[alias]}}
			for i := len(below) - 1; i >= 0; i-- {
				alone = map[string]any{below[i]: alone}
			}
			if tables[key](&Document{}, alone) != nil {
				path := strings.Join(append(append([]string{key}, below...), family, alias), ".")
				c.Dropped = append(c.Dropped, path)
				c.warn("config section `%s` is invalid and was skipped", path)
				delete(aliases, alias)
			}
		}
	}
	return tables[key](&Document{}, tree[key]) == nil
}

// danglingReferences warns as ZeroClaw does: it boots anyway.
func (c *Config) danglingReferences() {
	for _, alias := range sortedKeys(c.Agents) {
		agent := c.Agents[alias]
		if _, ok := c.Provider(agent.ModelProvider); !ok {
			c.warn("agents.%s.model_provider = %q names no [providers.models] entry; booting anyway", alias, agent.ModelProvider)
		}
		if _, ok := c.RiskProfiles[agent.RiskProfile]; !ok {
			c.warn("agents.%s.risk_profile = %q names no [risk_profiles] entry; booting anyway", alias, agent.RiskProfile)
		}
		if _, ok := c.RuntimeProfiles[agent.RuntimeProfile]; !ok {
			c.warn("agents.%s.runtime_profile = %q names no [runtime_profiles] entry; booting anyway", alias, agent.RuntimeProfile)
		}
	}
}

// Provider finds "FAMILY.ALIAS".
func (c *Config) Provider(reference string) (Provider, bool) {
	family, alias, _ := strings.Cut(reference, ".")
	provider, ok := c.Providers.Models[family][alias]
	return provider, ok
}

// DefaultAgent is who answers a message that names no agent: "default", or the first enabled one by name.
func (c *Config) DefaultAgent() (string, bool) {
	if _, ok := c.Agents["default"]; ok {
		return "default", true
	}
	for _, alias := range sortedKeys(c.Agents) {
		if c.Agents[alias].Enabled {
			return alias, true
		}
	}
	return "", false
}

// tables decodes each top-level table over its defaults.
var tables = map[string]func(*Document, any) error{
	"gateway":       func(d *Document, v any) error { return into(v, &d.Gateway, defaultGateway()) },
	"observability": func(d *Document, v any) error { return into(v, &d.Observability, Observability{Backend: "none"}) },
	"memory": func(d *Document, v any) error {
		return into(v, &d.Memory, Memory{Backend: "sqlite", SearchMode: "hybrid"})
	},
	"proxy":            func(d *Document, v any) error { return into(v, &d.Proxy, Proxy{Scope: "zeroclaw"}) },
	"secrets":          func(d *Document, v any) error { return into(v, &d.Secrets, Secrets{Encrypt: true}) },
	"providers":        func(d *Document, v any) error { return into(v, &d.Providers, Providers{}) },
	"risk_profiles":    func(d *Document, v any) error { return intoEach(v, &d.RiskProfiles, defaultRiskProfile) },
	"runtime_profiles": func(d *Document, v any) error { return intoEach(v, &d.RuntimeProfiles, defaultRuntimeProfile) },
	"agents": func(d *Document, v any) error {
		return intoEach(v, &d.Agents, func() Agent { return Agent{Enabled: true} })
	},
	"channels":    func(d *Document, v any) error { return into(v, &d.Channels, nil) },
	"peer_groups": func(d *Document, v any) error { return into(v, &d.PeerGroups, nil) },
	"mcp":         func(d *Document, v any) error { return into(v, &d.MCP, MCP{Enabled: true}) },
	"mcp_bundles": func(d *Document, v any) error { return into(v, &d.MCPBundles, nil) },
	"cron":        func(d *Document, v any) error { return into(v, &d.Cron, nil) },
	"heartbeat":   func(d *Document, v any) error { return into(v, &d.Heartbeat, nil) },
	"scheduler":   func(d *Document, v any) error { return into(v, &d.Scheduler, nil) },
	"runtime":     func(d *Document, v any) error { return into(v, &d.Runtime, Runtime{Kind: "native"}) },
	"security":    func(d *Document, v any) error { return into(v, &d.Security, nil) },
	"users":       func(d *Document, v any) error { return into(v, &d.Users, nil) },
	"storage":     func(d *Document, v any) error { return into(v, &d.Storage, nil) },
	"skills":      func(d *Document, v any) error { return into(v, &d.Skills, nil) },
	"tools":       func(d *Document, v any) error { return into(v, &d.Tools, nil) },
}

// into decodes a value of the tree over a default, strictly typed: a number is no text.
func into[T any](value any, target *T, preset T) error {
	var text bytes.Buffer
	if err := toml.NewEncoder(&text).Encode(map[string]any{"x": value}); err != nil {
		return err
	}
	wrapped := struct {
		X T `toml:"x"`
	}{X: preset}
	if _, err := toml.Decode(text.String(), &wrapped); err != nil {
		return err
	}
	*target = wrapped.X
	return nil
}

// intoEach does the same for a table of tables, each over its own default.
func intoEach[T any](value any, target *map[string]T, preset func() T) error {
	entries, ok := value.(map[string]any)
	if !ok {
		return fmt.Errorf("expected a table, got %T", value)
	}
	*target = make(map[string]T, len(entries))
	for alias, entry := range entries {
		var decoded T
		if err := into(entry, &decoded, preset()); err != nil {
			return fmt.Errorf("%s: %w", alias, err)
		}
		(*target)[alias] = decoded
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}
