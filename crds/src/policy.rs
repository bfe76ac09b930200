//! `EgressPolicy`: which hosts the assistants that refer to it may reach. Types only, no I/O.

mod preset;
mod status;

use crate::parts::{NodeSelector, Resources};
use crate::{rule, text};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

pub use preset::HostPreset;
pub use status::{Denial, EgressPolicyStatus, Lane};

/// Which hosts may be reached, by whom, through one proxy.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "assistant.home.arpa",
    version = "v1alpha1",
    kind = "EgressPolicy",
    plural = "egresspolicies",
    shortname = "egp",
    category = "assistants",
    namespaced,
    validation = rule::OWN_NAME_LENGTH,
    validation = rule::OWN_NAME_LETTERS,
    derive = "PartialEq",
    status = "EgressPolicyStatus",
    doc = "The hosts that assistants may reach, and the one proxy that lets them. Nothing is reachable that no rule names.",
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Hosts", type_ = "integer", json_path = ".status.hostCount"),
    printcolumn(name = "Lanes", type_ = "integer", json_path = ".status.laneCount"),
    printcolumn(name = "Denied", type_ = "integer", json_path = ".status.denied"),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[cfg_attr(feature = "cel", kube(cel))]
#[serde(rename_all = "camelCase")]
pub struct EgressPolicySpec {
    /// What may be reached. Every rule adds hosts; nothing is allowed that no rule names. Only port 443, only TLS.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub rules: Vec<EgressRule>,
    /// Hosts that are never allowed, whatever a rule says. Written like `hosts` of a rule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "text::hosts")]
    pub except: Vec<String>,
    /// Other pods of this namespace that get a way out of their own, such as the proxy of a model provider.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub workloads: Vec<Workload>,
    /// The pod of the proxy itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<Proxy>,
}

/// Some hosts, and who may reach them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    hosts_or_preset("rule"),
    rule::telling(
        "!has(self.servers) || (has(self.components) && self.components == ['MCP'])",
        "\"rule '\" + self.name + \"' names servers, which only the MCP part of a tier has; add components: [MCP], or leave servers out\"",
        "servers needs components: [MCP]",
    ),
]))]
pub struct EgressRule {
    /// Name of the rule, unique in this policy. It appears in messages and audit lines.
    #[schemars(schema_with = "text::rule_name")]
    pub name: String,
    /// Hosts by name, e.g. `api.example.org`. A leading dot means "this and everything below it", e.g. `.example.org`; whoever may use such an
    /// entry chooses the names below it and can carry data out in them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "text::hosts")]
    pub hosts: Vec<String>,
    /// A named set of hosts instead of `hosts`; the sets are listed at the end of this reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<HostPreset>,
    /// Only these tiers. Left out: every tier that refers to this policy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "text::tier_names")]
    pub tiers: Vec<String>,
    /// Only these parts of a tier. Left out: all parts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4), extend("x-kubernetes-list-type" = "set", "x-kubernetes-validations" = [
        rule::fixed("size(self) > 0", "components is empty: leave it out to mean every part, or name some"),
    ]))]
    pub components: Vec<Component>,
    /// Only these MCP servers of a tier; needs `components: [MCP]`. Left out: every server.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "text::server_names")]
    pub servers: Vec<String>,
    /// Why the rule is there, for whoever reads it next year.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub reason: Option<String>,
    /// When the rule ends, e.g. `2026-12-01T00:00:00Z`. The proxy itself ends it, whether the operator runs or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "text::time")]
    pub until: Option<Time>,
}

/// Exactly one way to say which hosts.
fn hosts_or_preset(noun: &str) -> Value {
    rule::telling(
        "has(self.preset) != (has(self.hosts) && size(self.hosts) > 0)",
        &format!(
            "\"{noun} '\" + self.name + \"' \" + (has(self.preset) ? \"has both hosts and preset; keep one of them\" : \"has neither hosts nor preset; name hosts, or a preset such as Telegram\")"
        ),
        &format!("a {noun} has either hosts or preset"),
    )
}

/// A part of a tier that has a way out of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Component {
    /// The assistant itself.
    Agent,
    /// What serves its chat channels.
    Channels,
    /// Its MCP servers, each on its own.
    #[serde(rename = "MCP")]
    Mcp,
    /// Its Docker daemon.
    Sandbox,
}

/// Pods that are not a tier and may reach some hosts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [hosts_or_preset("workload")]))]
pub struct Workload {
    /// Name, unique in this policy.
    #[schemars(schema_with = "text::rule_name")]
    pub name: String,
    /// Which pods of this namespace. Pods of a tier and proxies are never meant.
    pub pod_selector: PodSelector,
    /// Hosts they may reach, written like `hosts` of a rule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "text::hosts")]
    pub hosts: Vec<String>,
    /// A named set of hosts instead of `hosts`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<HostPreset>,
    /// Why, for whoever reads it next year.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub reason: Option<String>,
}

/// Pods by their labels.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PodSelector {
    /// Labels a pod must have, all of them.
    #[schemars(schema_with = "text::pod_labels")]
    pub match_labels: BTreeMap<String, String>,
}

/// The pod of the proxy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Proxy {
    /// CPU and memory. Left out: the operator's defaults.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// Labels a node must have to run it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "text::node_labels")]
    pub node_selector: NodeSelector,
}
