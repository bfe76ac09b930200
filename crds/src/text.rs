//! What the texts in both kinds look like: a length, and a rule with a sentence for each. Schema functions for `schema_with`; pure.

mod agent;
mod amount;
mod channel;
mod host;
mod name;
mod time;

pub use agent::{SECURITY_TABLES, approvals, commands, dollars, extra_config, model_name, tools};
pub use amount::{cpu, memory, size};
pub use channel::{matrix_users, phones, telegram_users};
pub use host::{exact_host, header, hosts, url};
pub use name::{
    credential_names, data_key, image, label_key, label_value, node_labels, object_name, pod_labels, rule_name, server_name,
    server_names, tier_name, tier_names,
};
pub use time::time;

use schemars::{Schema, json_schema};
use serde_json::{Value, json};

/// A text of at most `max` characters.
fn text(max: u32, rules: &[Value]) -> Schema {
    with(json_schema!({"type": "string", "maxLength": max}), rules)
}

/// A list of at most `max` of `item`, in which order and repetition mean nothing.
fn set(max: u32, item: Schema, rules: &[Value]) -> Schema {
    let mut schema = list(max, item, rules);
    schema.insert("x-kubernetes-list-type".into(), json!("set"));
    schema
}

/// A list of at most `max` of `item`.
fn list(max: u32, item: Schema, rules: &[Value]) -> Schema {
    with(json_schema!({"type": "array", "maxItems": max, "items": item}), rules)
}

/// `schema` with `rules`.
fn with(mut schema: Schema, rules: &[Value]) -> Schema {
    if !rules.is_empty() {
        schema.insert("x-kubernetes-validations".into(), json!(rules));
    }
    schema
}
