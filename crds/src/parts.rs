//! Pieces that both kinds use: resources, references, placement. Types only, no I/O.

use crate::{rule, text};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The name of another object in the same namespace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NameRef {
    /// Name of the object, in the namespace of this one.
    #[schemars(schema_with = "text::object_name")]
    pub name: String,
}

/// The name of an EgressPolicy in the same namespace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyRef {
    /// Name of the EgressPolicy, in the namespace of this tier.
    #[schemars(schema_with = "text::tier_name")]
    pub name: String,
}

/// One entry of a Secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretKeyRef {
    /// Name of the Secret, in the namespace of this tier. It must carry the label `assistant.home.arpa/tier: <name of the tier>`.
    #[schemars(schema_with = "text::object_name")]
    pub name: String,
    /// Key inside the Secret.
    #[schemars(schema_with = "text::data_key")]
    pub key: String,
}

/// CPU and memory of a container.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [enough("cpu"), enough("memory")]))]
pub struct Resources {
    /// What is set aside on the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<Amounts>,
    /// What the container never gets more of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Amounts>,
}

/// A limit is not below the request.
fn enough(what: &str) -> Value {
    let both = format!("has(self.requests) && has(self.requests.{what}) && has(self.limits) && has(self.limits.{what})");
    let readable = format!("isQuantity(self.requests.{what}) && isQuantity(self.limits.{what})");
    rule::telling(
        &format!("!({both}) || !({readable}) || quantity(self.limits.{what}).compareTo(quantity(self.requests.{what})) >= 0"),
        &format!(
            "\"limits.{what} '\" + self.limits.{what} + \"' is less than requests.{what} '\" + self.requests.{what} + \"'; raise the limit or lower the request\""
        ),
        &format!("limits.{what} is at least requests.{what}"),
    )
}

/// Amounts of CPU and memory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Amounts {
    /// CPU cores, e.g. `500m` (half a core) or `"2"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "text::cpu")]
    pub cpu: Option<Quantity>,
    /// Memory, e.g. `256Mi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "text::memory")]
    pub memory: Option<Quantity>,
}

/// Which taint of a node the pods put up with (the same meaning as in a Pod).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    rule::fixed(
        "self.operator != 'Exists' || !has(self.value)",
        "toleration: operator Exists matches any value, so value must be left out; use operator Equal to compare a value",
    ),
    rule::fixed(
        "self.operator != 'Equal' || has(self.key)",
        "toleration: operator Equal needs a key; give the key of the taint, or use operator Exists",
    ),
    rule::fixed(
        "!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
        "toleration: tolerationSeconds is only used with effect NoExecute",
    ),
]))]
pub struct Toleration {
    /// Key of the taint. Left out with operator `Exists`: every taint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "text::label_key")]
    pub key: Option<String>,
    /// `Equal` compares the value, `Exists` does not.
    #[serde(default)]
    pub operator: TolerationOperator,
    /// Value of the taint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "text::label_value")]
    pub value: Option<String>,
    /// Effect of the taint. Left out: every effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<TaintEffect>,
    /// How many seconds a running pod stays after the taint appeared. Left out: for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub toleration_seconds: Option<i64>,
}

/// How a toleration compares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TolerationOperator {
    /// Key and value are the same.
    #[default]
    Equal,
    /// The key is there.
    Exists,
}

/// What a taint does to pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TaintEffect {
    /// No new pods.
    NoSchedule,
    /// No new pods if there is another node.
    PreferNoSchedule,
    /// Running pods leave too.
    NoExecute,
}

/// Labels a node must have.
pub type NodeSelector = BTreeMap<String, String>;
