//! From a tier and what was observed to a plan that builders cannot fail on, or to a refusal with a sentence. Pure.

use super::gather::{Egress, Gathered};
use crate::settings::Settings;
use assistant_crds::tier::Attestation;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use std::net::{Ipv4Addr, SocketAddrV4};

/// Files of a persona that ZeroClaw reads from its workspace (its `agent/personality.rs`).
pub const PERSONA_FILES: [&str; 8] =
    ["SOUL.md", "IDENTITY.md", "USER.md", "AGENTS.md", "TOOLS.md", "HEARTBEAT.md", "BOOTSTRAP.md", "MEMORY.md"];
/// Tables of ZeroClaw's configuration that `spec.agent.extraConfig` may hold. All others are ours or belong to a field of their own.
pub const EXTRA_TABLES: [&str; 8] = ["cron", "heartbeat", "knowledge", "memory", "scheduler", "skill_bundles", "skills", "sop"];

/// A tier that can be built.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The policy whose lane it uses.
    pub policy: String,
    /// The lane's Service address.
    pub egress: Ipv4Addr,
    /// The lane's port.
    pub lane: u16,
    /// Hash of the lane's password.
    pub lane_hash: String,
    /// The model Service.
    pub model: ModelTarget,
    /// Parsed `extraConfig`.
    pub extra: toml::Table,
    /// Persona files to mount.
    pub persona: Vec<String>,
    /// Witness addresses.
    pub witnesses: [Ipv4Addr; 2],
    /// The API server's Service address.
    pub api_server: Option<SocketAddrV4>,
    /// Pods run in a user namespace.
    pub user_namespaces: bool,
    /// 0 while suspended.
    pub replicas: i32,
}

/// How the pod reaches its model.
#[derive(Clone, Debug)]
pub struct ModelTarget {
    /// Namespace of the Service.
    pub namespace: String,
    /// Its address.
    pub address: Ipv4Addr,
    /// Its port.
    pub port: u16,
    /// Labels of its pods.
    pub selector: std::collections::BTreeMap<String, String>,
    /// The port its pods listen on, by number or name.
    pub target_port: IntOrString,
}

/// Why nothing new is built. What ran keeps running, except where `stop` says otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The condition it belongs to.
    pub condition: &'static str,
    /// CamelCase word.
    pub reason: String,
    /// One sentence: field, found, allowed, what to do.
    pub message: String,
    /// Only a change of the spec helps.
    pub stalled: bool,
}

fn spec(reason: &str, message: String) -> Refusal {
    Refusal { condition: "Ready", reason: reason.to_owned(), message, stalled: true }
}
fn waiting(condition: &'static str, reason: &str, message: impl Into<String>) -> Refusal {
    Refusal { condition, reason: reason.to_owned(), message: message.into(), stalled: false }
}

/// Plans.
pub fn plan(gathered: &Gathered, settings: &Settings, api_server: Option<SocketAddrV4>) -> Result<Plan, Refusal> {
    let tier = &gathered.tier.spec;
    supported(gathered)?;
    let extra = extra_config(tier.agent.extra_config.as_deref().unwrap_or_default())?;
    let persona = persona(gathered)?;
    let model = model(gathered, settings)?;
    if !gathered.fenced {
        return Err(waiting(
            "Contained",
            "FenceMissing",
            "waiting for the namespace's fence to be seen; nothing starts before it",
        ));
    }
    if let Some(policy) = &gathered.witness_policy {
        let message = format!(
            "NetworkPolicy {policy} in the operator's namespace selects the witness pods, so no proof can be made; change its podSelector so that it leaves out pods labelled app.kubernetes.io/name=witness"
        );
        return Err(waiting("Contained", "WitnessPolicy", message));
    }
    let Some(witnesses) = gathered.witnesses else {
        let message =
            "the Services witness-a and witness-b of the operator have no address; install them with the chart secure-assistant";
        return Err(waiting("Contained", "WitnessMissing", message));
    };
    let (egress, lane, lane_hash) = match &gathered.egress {
        Egress::Lane { address, port, hash, .. } => (*address, *port, hash.clone()),
        other => return Err(no_lane(&tier.egress_policy_ref.name, other)),
    };
    Ok(Plan {
        policy: tier.egress_policy_ref.name.clone(),
        egress,
        lane,
        lane_hash,
        model,
        extra,
        persona,
        witnesses,
        api_server,
        user_namespaces: gathered.user_namespaces,
        replicas: i32::from(!tier.suspend),
    })
}

/// The refusal for a tier without a lane.
pub fn no_lane(policy: &str, egress: &Egress) -> Refusal {
    match egress {
        Egress::Missing => {
            let message = format!(
                "spec.egressPolicyRef.name is {policy:?}, and there is no EgressPolicy of that name in this namespace; create it or name another"
            );
            waiting("EgressReady", "PolicyMissing", message)
        }
        Egress::Deleting => waiting(
            "EgressReady",
            "PolicyDeleting",
            format!("EgressPolicy {policy} is being deleted; create it again or name another"),
        ),
        Egress::NotReady { reason, message } => waiting("EgressReady", reason, format!("EgressPolicy {policy}: {message}")),
        Egress::Lane { .. } => waiting("EgressReady", "LanePending", "the lane is not served yet"),
    }
}

/// Fields whose machinery this version does not have are refused by name, never ignored.
fn supported(gathered: &Gathered) -> Result<(), Refusal> {
    let tier = &gathered.tier.spec;
    let refuse = |field: &str, instead: &str| {
        Err(spec("Unsupported", format!("{field} is set, which this version of the operator cannot do yet; {instead}")))
    };
    if let Some(credential) = tier.credentials.first() {
        return refuse(&format!("spec.credentials[{}]", credential.name), "leave spec.credentials out");
    }
    if let Some(server) = tier.mcp_servers.first() {
        return refuse(&format!("spec.mcpServers[{}]", server.name), "leave spec.mcpServers out");
    }
    if tier.channels.is_some() {
        return refuse("spec.channels", "leave it out and talk to the assistant through `kubectl port-forward`");
    }
    if tier.sandbox.is_some() {
        return refuse("spec.sandbox", "leave it out; allowed commands then run inside the assistant's own pod");
    }
    if tier.model.budget.is_some() {
        return refuse("spec.model.budget", "leave it out");
    }
    if tier.model.requests_per_minute.is_some() {
        return refuse("spec.model.requestsPerMinute", "leave it out");
    }
    if let Some(entry) = tier.agent.auto_approve.iter().find(|entry| entry.contains("__")) {
        let message = format!(
            "spec.agent.autoApprove holds {entry:?}, a tool of an MCP server, and this tier has none; allowed here: names of built-in tools such as memory_recall"
        );
        return Err(spec("Unsupported", message));
    }
    Ok(())
}

fn extra_config(text: &str) -> Result<toml::Table, Refusal> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        spec("ExtraConfigInvalid", format!("spec.agent.extraConfig is no TOML, line {line}: {}", error.message()))
    })?;
    match table.keys().find(|key| !EXTRA_TABLES.contains(&key.as_str())) {
        None => match table.iter().find(|(_, value)| !is_table(value)) {
            None => Ok(table),
            Some((key, _)) => Err(spec(
                "ExtraConfigInvalid",
                format!("spec.agent.extraConfig holds {key} as a plain value; allowed: a table, [{key}]"),
            )),
        },
        Some(key) => {
            let allowed = EXTRA_TABLES.join(", ");
            Err(spec(
                "ExtraConfigRefused",
                format!("spec.agent.extraConfig holds [{key}], which the operator manages; allowed tables: {allowed}"),
            ))
        }
    }
}

/// A table, or a list of tables (`[[name]]`).
fn is_table(value: &toml::Value) -> bool {
    value.is_table() || value.as_array().is_some_and(|list| !list.is_empty() && list.iter().all(toml::Value::is_table))
}

fn persona(gathered: &Gathered) -> Result<Vec<String>, Refusal> {
    let name = super::persona(&gathered.tier).unwrap_or_default();
    let Some(keys) = &gathered.persona else {
        let message = format!(
            "spec.agent.persona.configMapRef.name is {name:?}, and there is no ConfigMap of that name in this namespace; create it"
        );
        return Err(waiting("Ready", "PersonaMissing", message));
    };
    if let Some(key) = keys.iter().find(|key| !PERSONA_FILES.contains(&key.as_str())) {
        let allowed = PERSONA_FILES.join(", ");
        return Err(waiting(
            "Ready",
            "PersonaInvalid",
            format!("ConfigMap {name} holds the key {key:?}; allowed keys: {allowed}"),
        ));
    }
    Ok(keys.clone())
}

fn model(gathered: &Gathered, settings: &Settings) -> Result<ModelTarget, Refusal> {
    let Some(model) = &gathered.model else {
        let message =
            "the operator's settings name no model Service; set the chart's values model.service.namespace, .name and .port";
        return Err(waiting("ModelReady", "NoModelService", message));
    };
    let service = format!("Service {}/{}", model.namespace, model.name);
    if gathered.tier.spec.model.attestation == Attestation::Required {
        let message = format!(
            "spec.model.attestation is Required (the default), and nothing attests {service}; set it to None if you trust that Service"
        );
        return Err(Refusal { condition: "ModelReady", reason: "UnattestedModel".into(), message, stalled: true });
    }
    let Some(address) = model.address else {
        return Err(waiting(
            "ModelReady",
            "ModelServiceMissing",
            format!("{service} of the operator's settings is not there or has no address"),
        ));
    };
    let port = settings.model.as_ref().map_or(0, |model| model.port);
    match (model.target_port.clone(), model.selector.is_empty()) {
        (Some(target_port), false) => {
            Ok(ModelTarget { namespace: model.namespace.clone(), address, port, selector: model.selector.clone(), target_port })
        }
        _ => {
            let message =
                format!("{service} needs a selector and the port {port}, because a NetworkPolicy names pods and their ports");
            Err(waiting("ModelReady", "ModelServiceUnusable", message))
        }
    }
}
