//! The `sandbox` part of a tier. Types only, no I/O.

use crate::parts::Resources;
use crate::text;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A Docker daemon of the tier's own, in which its shell runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sandbox {
    /// `Nested`: the daemon is unprivileged, in namespaces of its own. `Privileged`: it is not, and no tier on its node can be proven contained.
    #[serde(default)]
    pub containment: Containment,
    /// `None`: no way out. `Policy`: the hosts that rules allow for component `Sandbox`.
    #[serde(default)]
    pub egress: SandboxEgress,
    /// Image that the shell's commands run in. Left out: the operator's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "text::image")]
    pub image: Option<String>,
    /// RuntimeClass of the daemon's pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "text::object_name")]
    pub runtime_class_name: Option<String>,
    /// CPU and memory. Left out: the operator's defaults.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
}

/// How the daemon is kept in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Containment {
    /// Unprivileged, in namespaces of its own.
    #[default]
    Nested,
    /// Privileged.
    Privileged,
}

/// The sandbox's way out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SandboxEgress {
    /// None.
    #[default]
    None,
    /// What the policy allows for component `Sandbox`.
    Policy,
}
