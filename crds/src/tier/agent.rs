//! The `agent` part of a tier. Types only, no I/O.

use crate::parts::{NameRef, Resources};
use crate::text;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The assistant itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Agent {
    /// How much it does alone. `ReadOnly`: it only looks. `Supervised`: it asks before it acts. `Full`: it does not ask.
    #[serde(default)]
    pub autonomy: Autonomy,
    /// Programs its shell tool may start, e.g. `[git, ls]`. Empty: none, it has no shell.
    #[serde(default)]
    #[schemars(schema_with = "text::commands")]
    pub allowed_commands: Vec<String>,
    /// Tools it may use without asking: a tool (`memory_recall`), a tool of an MCP server (`marvin__get_tasks`) or all listed tools of a server
    /// (`marvin__*`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "text::approvals")]
    pub auto_approve: Vec<String>,
    /// What happens to commands that can do much harm, such as `rm` or `curl`, even if `allowedCommands` lists them. `Block`: never run. `Allow`:
    /// treated as any other.
    #[serde(default)]
    pub high_risk_commands: HighRiskCommands,
    /// `Confined`: its file tools stay in its workspace. `Unrestricted`: they see the whole file system of its container.
    #[serde(default)]
    pub workspace_access: WorkspaceAccess,
    /// Who it is: a ConfigMap with files such as SOUL.md and IDENTITY.md, mounted read-only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persona: Option<Persona>,
    /// Further ZeroClaw configuration (TOML) for the tables the operator does not write, such as `[cron.morning]`, `[heartbeat]` or `[memory]`. Tables
    /// that decide about security are refused. At most 16 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "text::extra_config")]
    pub extra_config: Option<String>,
    /// Image of the assistant. Left out: the operator's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "text::image")]
    pub image: Option<String>,
    /// CPU and memory. Left out: the operator's defaults.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
}

/// How much the assistant does alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Autonomy {
    /// It only looks.
    ReadOnly,
    /// It asks before it acts.
    #[default]
    Supervised,
    /// It does not ask.
    Full,
}

/// What happens to high-risk commands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum HighRiskCommands {
    /// Never run.
    #[default]
    Block,
    /// Treated as any other.
    Allow,
}

/// What the file tools see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum WorkspaceAccess {
    /// The workspace.
    #[default]
    Confined,
    /// The container's whole file system.
    Unrestricted,
}

/// Where the assistant's character comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Persona {
    /// A ConfigMap of this namespace; its keys are file names.
    pub config_map_ref: NameRef,
}
