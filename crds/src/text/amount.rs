//! Amounts of CPU, memory and disk. Schema functions; pure.

use crate::rule;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

/// A number or a text, as Kubernetes writes amounts everywhere.
fn amount(rules: Value) -> Schema {
    json_schema!({"x-kubernetes-int-or-string": true, "x-kubernetes-validations": rules})
}

/// CPU cores.
pub fn cpu(_: &mut SchemaGenerator) -> Schema {
    amount(json!([rule::telling(
        "isQuantity(string(self)) && quantity(string(self)).sign() > 0",
        "\"cpu '\" + string(self) + \"' is not an amount of CPU; write cores, e.g. 500m (half a core) or 2\"",
        "cpu is a number of cores above zero, e.g. 500m (half a core) or 2",
    )]))
}

/// Bytes of memory. `512` and `512m` are what people write who mean `512Mi`.
pub fn memory(_: &mut SchemaGenerator) -> Schema {
    amount(json!([rule::telling(
        "isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('1Mi')) >= 0",
        "\"memory '\" + string(self) + \"' \" + (isQuantity(string(self)) ? \"is less than 1Mi; write a unit, e.g. 256Mi or 1Gi\" : \"is not an amount of memory; write e.g. 256Mi or 1Gi\")",
        "memory is at least 1Mi, e.g. 256Mi or 1Gi",
    )]))
}

/// Size of a claim.
pub fn size(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "maxLength": 32, "x-kubernetes-validations": [
        rule::telling(
            "isQuantity(self) && quantity(self).compareTo(quantity('1Mi')) >= 0",
            "\"size '\" + self + \"' \" + (isQuantity(self) ? \"is less than 1Mi; write a unit, e.g. 2Gi\" : \"is not a size; write e.g. 500Mi or 2Gi\")",
            "size is at least 1Mi, e.g. 500Mi or 2Gi",
        ),
        rule::telling(
            "!isQuantity(self) || !isQuantity(oldSelf) || quantity(self).compareTo(quantity(oldSelf)) >= 0",
            "\"size '\" + self + \"' is smaller than before ('\" + oldSelf + \"'); a claim can grow but never shrink\"",
            "size can grow but never shrink",
        ),
    ]})
}
