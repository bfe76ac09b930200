//! Amounts of CPU, memory and disk. Schema functions; pure.

use super::text;
use crate::rule;
use schemars::{Schema, SchemaGenerator};
use serde_json::Value;

// Texts only, although Kubernetes elsewhere takes `cpu: 2` as well: the API server cannot bound the cost of a rule on "number or text".

/// CPU cores.
pub fn cpu(_: &mut SchemaGenerator) -> Schema {
    text(
        32,
        &[rule::telling(
            "isQuantity(self) && quantity(self).isGreaterThan(quantity('0'))",
            "\"cpu '\" + self + \"' is not an amount of CPU; write cores, e.g. 500m (half a core) or '2'\"",
            "cpu is a number of cores above zero, e.g. 500m (half a core) or '2'",
        )],
    )
}

/// Bytes of memory. `512` and `512m` are what people write who mean `512Mi`.
pub fn memory(_: &mut SchemaGenerator) -> Schema {
    text(32, &[bytes("memory", "256Mi or 1Gi")])
}

fn bytes(noun: &str, example: &str) -> Value {
    rule::because(
        noun,
        "isQuantity(self) && quantity(self).compareTo(quantity('1Mi')) >= 0",
        &[("isQuantity(self)", &format!("is less than 1Mi; write a unit, e.g. {example}"))],
        &format!("is not a number of bytes; write e.g. {example}"),
        &format!("{noun} is at least 1Mi, e.g. {example}"),
    )
}

/// Size of a claim.
pub fn size(_: &mut SchemaGenerator) -> Schema {
    let shrink = rule::telling(
        "!isQuantity(self) || !isQuantity(oldSelf) || quantity(self).compareTo(quantity(oldSelf)) >= 0",
        "\"size '\" + self + \"' is less than before ('\" + oldSelf + \"'); a claim can grow but never shrink\"",
        "size can grow but never shrink",
    );
    text(32, &[bytes("size", "500Mi or 2Gi"), shrink])
}
