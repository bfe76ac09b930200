//! `AssistantTier`: one assistant, what it may do, and what it needs. Types only, no I/O.

mod agent;
mod channel;
mod credential;
mod model;
mod sandbox;
mod server;
mod status;
mod storage;

use crate::parts::{NodeSelector, PolicyRef, Toleration};
use crate::{rule, text};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub use agent::{Agent, Autonomy, HighRiskCommands, Persona, WorkspaceAccess};
pub use channel::{Channels, Matrix, Signal, Telegram, WhatsApp};
pub use credential::{Credential, OAuth, OAuthApp, StaticCredential};
pub use model::{Attestation, Budget, Model};
pub use sandbox::{Containment, Sandbox, SandboxEgress};
pub use server::{ContainerServer, McpServer, PresetServer, RemoteServer, ServerPreset, Transport};
pub use status::{AssistantTierStatus, ContainmentStatus, Exposure, Outside, PrivateData, UntrustedContent};
pub use storage::{Claim, Storage, WhenDeleted};

/// One assistant.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "assistant.home.arpa",
    version = "v1alpha1",
    kind = "AssistantTier",
    plural = "assistanttiers",
    shortname = "at",
    category = "assistants",
    namespaced,
    validation = rule::OWN_NAME_LENGTH,
    validation = rule::OWN_NAME_LETTERS,
    derive = "PartialEq",
    status = "AssistantTierStatus",
    doc = "One assistant in a pod of its own: what it may do, which model it talks to, and the policy that is its only way out.",
    selectable = ".spec.egressPolicyRef.name",
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Contained", type_ = "string", json_path = r#".status.conditions[?(@.type=="Contained")].status"#),
    printcolumn(name = "Credentials", type_ = "string", json_path = ".status.credentials"),
    printcolumn(name = "Model", type_ = "string", json_path = ".status.model"),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[cfg_attr(feature = "cel", kube(cel))]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    // Fixed: the API server reckons a sentence with the server's name in it too dear.
    rule::fixed(
        "!has(self.mcpServers) || self.mcpServers.all(s, !has(s.credentials) || s.credentials.all(c, has(self.credentials) && self.credentials.exists(k, k.name == c)))",
        "mcpServers: a server uses a credential that spec.credentials does not list; add it there, or correct the name",
    ),
    rule::telling(
        "!has(self.agent.autoApprove) || self.agent.autoApprove.all(a, !a.endsWith('__*') || (has(self.mcpServers) && self.mcpServers.exists(s, s.name + '__*' == a)))",
        "\"agent.autoApprove: '\" + self.agent.autoApprove.filter(a, a.endsWith('__*') && !(has(self.mcpServers) && self.mcpServers.exists(s, s.name + '__*' == a)))[0] + \"' means all tools of an MCP server that spec.mcpServers does not list; add the server, or correct the name\"",
        "<server>__* in agent.autoApprove means a server listed in spec.mcpServers",
    ),
]))]
pub struct AssistantTierSpec {
    /// The EgressPolicy of this namespace that is the assistant's only way out.
    pub egress_policy_ref: PolicyRef,
    /// The assistant itself: how much it may do alone.
    #[serde(default)]
    pub agent: Agent,
    /// The model it talks to.
    pub model: Model,
    /// Accounts it uses without ever seeing the secret.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub credentials: Vec<Credential>,
    /// Its tools, each in a pod of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub mcp_servers: Vec<McpServer>,
    /// How people talk to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<Channels>,
    /// If present, its shell runs in a Docker daemon of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<Sandbox>,
    /// Where it keeps its memory and its files.
    #[serde(default)]
    pub storage: Storage,
    /// On which nodes it may run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduling: Option<Scheduling>,
    /// `true` stops the assistant and keeps everything it owns.
    #[serde(default)]
    pub suspend: bool,
}

/// On which nodes the pods of a tier may run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Scheduling {
    /// Labels a node must have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "text::node_labels")]
    pub node_selector: NodeSelector,
    /// Taints of nodes the pods put up with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub tolerations: Vec<Toleration>,
}
