//! `config.toml` of ZeroClaw 0.8, schema version 3. Pure.
//!
//! Without `schema_version = 3` as a key the file is read as version 1 and the providers are lost. An alias named `default` would get
//! a dozen tools approved by itself, and aliases know no hyphen: therefore `tier_<name with underscores>`.

use super::super::plan::Plan;
use crate::names::GATEWAY_PORT;
use assistant_crds::AssistantTier;
use assistant_crds::tier::{Autonomy, HighRiskCommands, WorkspaceAccess};
use toml::{Table, Value};

/// Tools that change what the agent may do or reach, or that ignore the proxy: `http_request` and `web_fetch` dial directly since 0.8.5.
const EXCLUDED: [&str; 7] =
    ["proxy_config", "model_routing_config", "model_switch", "backup", "http_request", "web_fetch", "file_download"];
/// Where the workspace is mounted.
pub const WORKSPACE: &str = "/workspace";
/// Name of the model's Service in the pod's `/etc/hosts`.
pub const MODEL_HOST: &str = "model.assistant.home.arpa";
/// Name of the proxy in the pod's `/etc/hosts`.
pub const PROXY_HOST: &str = "egress.assistant.home.arpa";

fn table<const N: usize>(pairs: [(&str, Value); N]) -> Value {
    Value::Table(pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}
fn strings<S: AsRef<str>>(items: impl IntoIterator<Item = S>) -> Value {
    Value::Array(items.into_iter().map(|item| Value::from(item.as_ref())).collect())
}

/// The alias of a tier's agent and profiles.
pub fn alias(tier: &str) -> String {
    format!("tier_{}", tier.replace('-', "_"))
}

/// The whole file. It holds no secret: the token stands there as its SHA-256.
pub fn toml(tier: &AssistantTier, name: &str, plan: &Plan, token: &str) -> String {
    let alias = alias(name);
    let agent = &tier.spec.agent;
    let mut file: Table = plan.extra.clone();
    file.insert("schema_version".to_owned(), Value::from(3));
    let gateway = table([
        ("host", "0.0.0.0".into()),
        ("port", GATEWAY_PORT.into()),
        ("allow_public_bind", true.into()),
        ("require_pairing", true.into()),
        ("allow_remote_admin", false.into()),
        ("check_updates", false.into()),
        ("paired_tokens", strings([token])),
    ]);
    file.insert("gateway".to_owned(), gateway);
    file.insert("observability".to_owned(), table([("backend", "prometheus".into())]));
    // Hybrid search needs an embedding provider; there is none.
    if let Value::Table(memory) = file.entry("memory").or_insert_with(|| Value::Table(Table::new())) {
        memory.entry("search_mode").or_insert_with(|| "bm25".into());
    }
    let uri = format!("http://{MODEL_HOST}:{}/v1", plan.model.port);
    let provider =
        table([("uri", uri.into()), ("model", tier.spec.model.name.as_str().into()), ("context_window", 128_000.into())]);
    file.insert("providers".to_owned(), table([("models", table([("litellm", table([("assistant", provider)]))]))]));
    file.insert("risk_profiles".to_owned(), one(&alias, risk(agent)));
    let runtime =
        table([("agentic", true.into()), ("max_actions_per_hour", 500.into()), ("max_cost_per_day_cents", 2000.into())]);
    file.insert("runtime_profiles".to_owned(), one(&alias, runtime));
    let unrestricted = agent.workspace_access == WorkspaceAccess::Unrestricted;
    let mut definition = Table::new();
    definition.insert("model_provider".to_owned(), "litellm.assistant".into());
    definition.insert("risk_profile".to_owned(), alias.as_str().into());
    definition.insert("runtime_profile".to_owned(), alias.as_str().into());
    let workspace = table([("path", WORKSPACE.into()), ("unrestricted_filesystem", unrestricted.into())]);
    definition.insert("workspace".to_owned(), workspace);
    if let Some(Value::Table(cron)) = plan.extra.get("cron") {
        definition.insert("cron_jobs".to_owned(), strings(cron.keys()));
    }
    file.insert("agents".to_owned(), one(&alias, Value::Table(definition)));
    // The version first: the reader looks for it before it looks at anything else.
    let version = file.remove("schema_version").expect("inserted above");
    format!("schema_version = {version}\n\n{}", toml::to_string(&file).expect("a table of tables serialises"))
}

fn one(alias: &str, value: Value) -> Value {
    Value::Table(Table::from_iter([(alias.to_owned(), value)]))
}

fn risk(agent: &assistant_crds::tier::Agent) -> Value {
    let level = match agent.autonomy {
        Autonomy::ReadOnly => "readonly",
        Autonomy::Supervised => "supervised",
        Autonomy::Full => "full",
    };
    table([
        ("level", level.into()),
        ("workspace_only", (agent.workspace_access == WorkspaceAccess::Confined).into()),
        ("allowed_commands", strings(&agent.allowed_commands)),
        ("auto_approve", strings(&agent.auto_approve)),
        ("block_high_risk_commands", (agent.high_risk_commands == HighRiskCommands::Block).into()),
        ("excluded_tools", strings(EXCLUDED)),
        // What an allowed command such as git needs to find the lane. In a tier without a gateway the lane is the agent's own.
        ("shell_env_passthrough", strings(["HTTPS_PROXY", "NO_PROXY"])),
        // The pod is the sandbox; a second one inside would need what the pod does not have.
        ("sandbox_enabled", false.into()),
    ])
}
