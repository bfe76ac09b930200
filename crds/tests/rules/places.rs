//! Where the rules are: a walk through a schema.

use serde_json::Value;

/// A rule in a schema.
pub struct Found {
    /// Such as `spec.rules[].hosts[]`; `{}` is any key of a map.
    pub place: String,
    pub rule: String,
    /// The expression that makes the sentence, or nothing.
    pub found: String,
    pub sentence: String,
}

pub fn rules(schema: &Value) -> Vec<Found> {
    let mut all = vec![];
    walk(schema, "", &mut |place, node| {
        for rule in node["x-kubernetes-validations"].as_array().into_iter().flatten() {
            let text = |key: &str| rule[key].as_str().unwrap_or_default().to_string();
            all.push(Found {
                place: place.into(),
                rule: text("rule"),
                found: text("messageExpression"),
                sentence: text("message"),
            });
        }
    });
    all
}

/// Calls `see` for every node of a schema with its place.
pub fn walk(node: &Value, place: &str, see: &mut impl FnMut(&str, &Value)) {
    see(place, node);
    for (name, child) in node["properties"].as_object().into_iter().flatten() {
        let dot = if place.is_empty() { "" } else { "." };
        walk(child, &format!("{place}{dot}{name}"), see);
    }
    if node["items"].is_object() {
        walk(&node["items"], &format!("{place}[]"), see);
    }
    if node["additionalProperties"].is_object() {
        walk(&node["additionalProperties"], &format!("{place}{{}}"), see);
    }
}

/// `spec.rules[0].hosts[1]` → `spec.rules[].hosts[]`; what follows a map is `{}`.
pub fn of(schema: &Value, path: &str) -> String {
    let (mut node, mut place) = (schema, String::new());
    for step in path.replace('[', ".[").split('.').filter(|s| !s.is_empty()) {
        if step.starts_with('[') && node["items"].is_object() {
            (node, place) = (&node["items"], format!("{place}[]"));
        } else if node["additionalProperties"].is_object() {
            (node, place) = (&node["additionalProperties"], format!("{place}{{}}"));
        } else {
            let dot = if place.is_empty() { "" } else { "." };
            (node, place) = (&node["properties"][step], format!("{place}{dot}{step}"));
        }
    }
    place
}
