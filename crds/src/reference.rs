//! `docs/reference.md` from the schema: every field, what it may be, and every rule with its sentence. Pure.

use crate::policy::HostPreset;
use crate::{GROUP, VERSION, schema};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::Value;

/// The whole page.
pub fn markdown() -> String {
    let mut page = format!(
        "# Reference\n\nGenerated from the types in `crds/src`; do not edit.\n\nAPI group `{GROUP}`, version `{VERSION}`. Both kinds are namespaced; `kubectl get assistants` lists both.\n\
         A field that is *required* has no default. What does not keep to the limits or to a rule is refused when it is applied.\n"
    );
    for definition in schema::all() {
        page += &kind(&definition);
    }
    page += "\n## Host presets\n\nFor `preset` of a rule or a workload of an EgressPolicy.\n\n| preset | hosts |\n|---|---|\n";
    for preset in HostPreset::ALL {
        let hosts: Vec<String> = preset.hosts().iter().map(|h| format!("`{h}`")).collect();
        page += &format!("| {} | {} |\n", preset.name(), hosts.join(", "));
    }
    page
}

fn kind(definition: &CustomResourceDefinition) -> String {
    let (names, version) = (&definition.spec.names, &definition.spec.versions[0]);
    let schema = version.schema.as_ref().and_then(|s| s.open_api_v3_schema.as_ref()).expect("the derive writes a schema");
    let root = serde_json::to_value(schema).expect("a schema is JSON");
    let columns: Vec<String> = version.additional_printer_columns.iter().flatten().map(|c| c.name.to_uppercase()).collect();
    let short = names.short_names.iter().flatten().map(|s| format!("`{s}`")).collect::<Vec<_>>().join(", ");
    let mut text = format!("\n## {}\n\n{}\n\nShort name {short}. Columns: {}.\n", names.kind, said(&root), columns.join(", "));
    text += &format!("\nRules:\n\n{}", rules("metadata.name", &root));
    for part in ["spec", "status"] {
        text += &object(part, &root["properties"][part]);
    }
    text
}

/// One object with its fields, then the objects inside it.
fn object(place: &str, node: &Value) -> String {
    let mut text = format!("\n### `{place}`\n\n{}\n\n| field | type | default | description |\n|---|---|---|---|\n", said(node));
    let (mut inside, mut sentences) = (String::new(), rules(place, node));
    for (name, field) in node["properties"].as_object().into_iter().flatten() {
        let required = node["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
        let default = match &field["default"] {
            Value::Null if required => "*required*".into(),
            Value::Null => String::new(),
            value => format!("`{value}`"),
        };
        text += &format!("| `{name}` | {} | {default} | {} |\n", shape(field), said(field).replace('|', "\\|"));
        let at = format!("{place}.{name}");
        // Conditions are Kubernetes' own type and documented there.
        if name == "conditions" {
            continue;
        }
        for (at, node) in [(at.clone(), field), (format!("{at}[]"), &field["items"])] {
            if node["properties"].is_object() {
                inside += &object(&at, node);
            } else {
                sentences += &rules(&at, node);
            }
        }
        sentences += &rules(&format!("{at}.<key>"), &field["additionalProperties"]);
        if field["items"]["properties"].is_object() {
            sentences += &rules(&at, field);
        }
    }
    if !sentences.is_empty() {
        text += &format!("\nRules:\n\n{sentences}");
    }
    text + &inside
}

/// The sentences of a node's rules.
fn rules(place: &str, node: &Value) -> String {
    let all = node["x-kubernetes-validations"].as_array().into_iter().flatten();
    all.filter_map(|rule| rule["message"].as_str()).map(|sentence| format!("- `{place}`: {}\n", plain(sentence))).collect()
}

/// A sentence with nothing in it that Markdown would act on.
fn plain(sentence: &str) -> String {
    sentence.chars().flat_map(|c| "*_<".contains(c).then_some('\\').into_iter().chain([c])).collect()
}

fn said(node: &Value) -> String {
    node["description"].as_str().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a value may be, in a few words.
fn shape(node: &Value) -> String {
    if let Some(allowed) = node["enum"].as_array() {
        return allowed.iter().filter_map(Value::as_str).map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", ");
    }
    let number = |key: &str| node[key].as_f64();
    match node["type"].as_str().unwrap_or("any") {
        "string" if node["format"] == "date-time" => "time".into(),
        "string" => number("maxLength").map_or("text".into(), |max| format!("text, up to {max} characters")),
        "integer" => match (number("minimum"), number("maximum")) {
            (Some(min), Some(max)) => format!("number, {min} to {max}"),
            (Some(min), None) => format!("number, {min} or more"),
            _ => "number".into(),
        },
        "boolean" => "`true`, `false`".into(),
        "array" => format!("list of up to {}: {}", number("maxItems").unwrap_or_default(), shape(&node["items"])),
        "object" if node["additionalProperties"].is_object() => {
            format!("map of up to {}: {}", number("maxProperties").unwrap_or_default(), shape(&node["additionalProperties"]))
        }
        other => other.into(),
    }
}
