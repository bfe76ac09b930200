//! The `storage` part of a tier. Types only, no I/O.

use crate::{rule, text};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the assistant keeps its memory and its files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Storage {
    /// Memory, sessions, configuration.
    #[serde(default = "two_gibibytes")]
    pub state: Claim,
    /// Files it works on.
    #[serde(default = "five_gibibytes")]
    pub workspace: Claim,
    /// What happens to both when the tier is deleted. Claims of your own (`existingClaim`) are always kept.
    #[serde(default)]
    pub when_deleted: WhenDeleted,
}

impl Default for Storage {
    fn default() -> Self {
        Self { state: two_gibibytes(), workspace: five_gibibytes(), when_deleted: WhenDeleted::default() }
    }
}

/// A volume: a new one of some size, or one you made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    rule::telling(
        "has(self.size) != has(self.existingClaim)",
        "has(self.size) ? \"size and existingClaim are both given; keep size for a new claim, or existingClaim for one you made\" : \"neither size nor existingClaim is given; write size for a new claim, e.g. 2Gi, or existingClaim for one you made\"",
        "a volume has either size or existingClaim",
    ),
    rule::fixed(
        "!has(self.storageClassName) || !has(self.existingClaim)",
        "storageClassName is only used for a new claim; leave it out beside existingClaim",
    ),
    rule::fixed(
        "(has(self.existingClaim) ? self.existingClaim : '') == (has(oldSelf.existingClaim) ? oldSelf.existingClaim : '')",
        "existingClaim cannot change while the tier exists; delete the tier and create it again (claims are kept unless whenDeleted is Delete)",
    ),
    rule::fixed(
        "(has(self.storageClassName) ? self.storageClassName : '') == (has(oldSelf.storageClassName) ? oldSelf.storageClassName : '')",
        "storageClassName cannot change while the tier exists, Kubernetes does not move a claim; put it back as it was, or delete the tier, move the data, and create the tier again",
    ),
]))]
pub struct Claim {
    /// Size of the claim the operator makes, e.g. `2Gi`. It can grow later if the storage class allows it, never shrink.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "text::size")]
    pub size: Option<Quantity>,
    /// Storage class of the claim the operator makes. Left out: the cluster's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "text::object_name")]
    pub storage_class_name: Option<String>,
    /// A PersistentVolumeClaim of this namespace that you made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "text::object_name")]
    pub existing_claim: Option<String>,
}

/// What happens to the claims of a deleted tier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum WhenDeleted {
    /// Kept; a tier of the same name takes them up again.
    #[default]
    Retain,
    /// Deleted with their data.
    Delete,
}

fn two_gibibytes() -> Claim {
    Claim { size: Some(Quantity("2Gi".into())), ..Claim::default() }
}

fn five_gibibytes() -> Claim {
    Claim { size: Some(Quantity("5Gi".into())), ..Claim::default() }
}
