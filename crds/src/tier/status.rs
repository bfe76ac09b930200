//! What the operator writes about an `AssistantTier`. Types only, no I/O.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What was observed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AssistantTierStatus {
    /// Which generation of the spec this speaks about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, `Contained`, `EgressReady`, `ModelReady` and so on. `True` was observed, `False` was observed broken or refused, `Unknown` was not
    /// observed. `Ready` carries the reason of the first that fails.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// What a mistake of this assistant could cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposure: Option<Exposure>,
    /// The last proof that nothing but the planned ways is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub containment: Option<ContainmentStatus>,
    /// How many of the credentials work, e.g. `2/2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub credentials: Option<String>,
    /// The model that serves this tier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub model: Option<String>,
}

/// The three things that are dangerous together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Exposure {
    /// What it can read that is yours.
    pub private_data: PrivateData,
    /// What it reads that strangers wrote.
    pub untrusted_content: UntrustedContent,
    /// How data could leave.
    pub outside: Outside,
    /// The hosts it can reach, by any part of the tier.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(max = 254)))]
    pub hosts: Vec<String>,
}

/// What the assistant can read that is yours, the most private kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PrivateData {
    /// Only what was put into its own workspace and memory.
    Workspace,
    /// Accounts it has credentials for.
    Accounts,
    /// Mail.
    Mail,
}

/// What the assistant reads that strangers wrote, the most open kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum UntrustedContent {
    /// Nothing known.
    None,
    /// What hosts it reaches answer.
    Hosts,
    /// What its tools return.
    Tools,
    /// What people write in its channels.
    Channels,
}

/// How data could leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Outside {
    /// No channel, and no host that strangers can have an account on.
    Contained,
    /// By a host that strangers can have an account on.
    ViaSharedHosts,
    /// By a channel.
    ViaChannels,
}

/// A proof of containment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContainmentStatus {
    /// When it was made.
    pub proven_at: Time,
    /// How long after the pod's first instruction everything was closed, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_after_milliseconds: Option<i64>,
    /// Targets that did not answer, but for which nothing shows that they would have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(max = 64)))]
    pub not_proven: Vec<String>,
}
