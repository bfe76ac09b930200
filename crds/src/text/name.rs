//! Names, labels, keys and images. Schema functions; pure.

use super::{set, text, with};
use crate::rule;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::Value;

const LABEL: &str = "self.matches('^[a-z0-9]([a-z0-9-]*[a-z0-9])?$')";

fn label(noun: &str) -> Value {
    rule::because(
        noun,
        LABEL,
        &[
            ("self == ''", "is empty; use lower-case letters, digits and hyphens"),
            ("self.matches('[A-Z]')", "has upper-case letters; use lower-case letters, digits and hyphens"),
            (
                "self.startsWith('-') || self.endsWith('-')",
                "begins or ends with a hyphen; begin and end with a letter or a digit",
            ),
        ],
        "has characters that are not allowed; use lower-case letters, digits and hyphens",
        &format!("{noun} is lower-case letters, digits and hyphens, with a letter or a digit at both ends"),
    )
}

/// Name of a tier or of an EgressPolicy.
pub fn tier_name(_: &mut SchemaGenerator) -> Schema {
    text(40, &[label("name")])
}

/// Names of tiers.
pub fn tier_names(_: &mut SchemaGenerator) -> Schema {
    set(
        64,
        text(40, &[label("tier")]),
        &[rule::fixed("size(self) > 0", "tiers is empty: leave it out to mean every tier, or name some")],
    )
}

/// Name of a rule, a workload or a credential.
pub fn rule_name(_: &mut SchemaGenerator) -> Schema {
    text(40, &[label("name")])
}

/// Name of an MCP server. Short: it ends up in names of other objects, behind the tier's.
pub fn server_name(_: &mut SchemaGenerator) -> Schema {
    text(17, &[label("name")])
}

/// Names of MCP servers.
pub fn server_names(_: &mut SchemaGenerator) -> Schema {
    set(
        16,
        text(17, &[label("server")]),
        &[rule::fixed("size(self) > 0", "servers is empty: leave it out to mean every server, or name some")],
    )
}

/// Names of credentials.
pub fn credential_names(_: &mut SchemaGenerator) -> Schema {
    // No rule on the letters: each must be listed in spec.credentials, where they are checked.
    set(8, text(40, &[]), &[])
}

/// Name of a Secret, ConfigMap, claim or class.
pub fn object_name(_: &mut SchemaGenerator) -> Schema {
    text(
        253,
        &[rule::telling(
            "self.matches('^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$')",
            "\"name '\" + self + \"' cannot be the name of a Kubernetes object; use lower-case letters, digits, hyphens and dots, with a letter or a digit at both ends\"",
            "the name of a Kubernetes object is lower-case letters, digits, hyphens and dots, with a letter or a digit at both ends",
        )],
    )
}

/// Key inside a Secret.
pub fn data_key(_: &mut SchemaGenerator) -> Schema {
    text(
        253,
        &[rule::telling(
            "self.matches('^[A-Za-z0-9._-]+$')",
            "\"key '\" + self + \"' cannot be a key of a Secret; use letters, digits, hyphens, underscores and dots\"",
            "a key of a Secret is letters, digits, hyphens, underscores and dots",
        )],
    )
}

/// Name of an image.
pub fn image(_: &mut SchemaGenerator) -> Schema {
    text(
        512,
        &[rule::telling(
            "self.matches('^[A-Za-z0-9][A-Za-z0-9._/:@-]*$')",
            "\"image '\" + self + \"' is not the name of an image; write it like registry.example.org/name:1.2.3\"",
            "an image is written like registry.example.org/name:1.2.3",
        )],
    )
}

const KEY: &str = "'^([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$'";
const VALUE: &str = "'^([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)?$'";

/// Key of a label or taint.
pub fn label_key(_: &mut SchemaGenerator) -> Schema {
    text(
        316,
        &[rule::telling(
            &format!("self.matches({KEY})"),
            "\"key '\" + self + \"' cannot be the key of a label; write it like role or example.org/role\"",
            "the key of a label is written like role or example.org/role",
        )],
    )
}

/// Value of a label or taint.
pub fn label_value(_: &mut SchemaGenerator) -> Schema {
    text(63, &[value()])
}

fn value() -> Value {
    rule::telling(
        &format!("self.matches({VALUE})"),
        "\"value '\" + self + \"' cannot be the value of a label; use letters, digits, hyphens, underscores and dots, with a letter or a digit at both ends\"",
        "the value of a label is letters, digits, hyphens, underscores and dots, with a letter or a digit at both ends",
    )
}

fn labels(rules: &[Value]) -> Schema {
    let key = rule::fixed(
        &format!("self.all(k, size(k) <= 316 && k.matches({KEY}))"),
        "a key here cannot be the key of a label; write it like role or example.org/role",
    );
    let rules: Vec<Value> = rules.iter().cloned().chain([key]).collect();
    with(json_schema!({"type": "object", "maxProperties": 16, "additionalProperties": text(63, &[value()])}), &rules)
}

/// Labels of nodes.
pub fn node_labels(_: &mut SchemaGenerator) -> Schema {
    labels(&[])
}

/// Labels that select pods: at least one.
pub fn pod_labels(_: &mut SchemaGenerator) -> Schema {
    labels(&[rule::fixed(
        "size(self) > 0",
        "matchLabels is empty, which would mean every pod of the namespace; name at least one label, e.g. app.kubernetes.io/name: privatemode-proxy",
    )])
}
