//! The part of a schema that is not rules: types, required and unknown fields, bounds.

use super::places;
use serde_json::Value;

/// What of `value` does not fit `schema`; nothing if all fits. apiVersion, kind and metadata are the API server's.
pub fn faults(schema: &Value, value: &Value) -> Vec<String> {
    let mut all = vec![];
    for part in ["spec", "status"] {
        if let Some(value) = value.get(part) {
            check(&schema["properties"][part], value, part, &mut all);
        }
    }
    all
}

fn check(node: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
    let mut fault = |text: String| faults.push(format!("{at}: {text}"));
    if let Some(allowed) = node["enum"].as_array()
        && !allowed.contains(value)
    {
        fault(format!("{value} is none of {allowed:?}"));
    }
    let over = |limit: &str, size: usize| node[limit].as_u64().is_some_and(|max| size as u64 > max);
    match (node["type"].as_str(), value) {
        (Some("object"), Value::Object(map)) => {
            for name in node["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                if !map.contains_key(name) {
                    fault(format!("{name} is missing"));
                }
            }
            if over("maxProperties", map.len()) {
                fault("too many keys".into());
            }
            for (key, value) in map {
                let child = if node["additionalProperties"].is_object() {
                    &node["additionalProperties"]
                } else {
                    &node["properties"][key]
                };
                if child.is_null() {
                    faults.push(format!("{at}: {key} is no field"));
                } else {
                    check(child, value, &format!("{at}.{key}"), faults);
                }
            }
        }
        (Some("array"), Value::Array(list)) => {
            if over("maxItems", list.len()) {
                fault("too many".into());
            }
            for (index, value) in list.iter().enumerate() {
                check(&node["items"], value, &format!("{at}[{index}]"), faults);
            }
        }
        (Some("string"), Value::String(text)) => {
            if over("maxLength", text.chars().count()) {
                fault("too long".into());
            }
        }
        (Some("integer"), Value::Number(number)) => {
            let number = number.as_f64().unwrap();
            if node["minimum"].as_f64().is_some_and(|min| number < min)
                || node["maximum"].as_f64().is_some_and(|max| number > max)
            {
                fault(format!("{number} is out of range"));
            }
        }
        (Some("boolean"), Value::Bool(_)) => {}
        (wanted, _) => fault(format!("{value} is no {wanted:?}")),
    }
}

/// Places of texts, lists and maps without an upper bound.
pub fn unbounded(schema: &Value) -> Vec<String> {
    let mut all = vec![];
    places::walk(schema, "", &mut |place, node| {
        let free = match node["type"].as_str() {
            Some("string") => node["maxLength"].is_null() && node["enum"].is_null() && node["format"] != "date-time",
            Some("array") => node["maxItems"].is_null(),
            Some("object") => node["additionalProperties"].is_object() && node["maxProperties"].is_null(),
            Some(_) => false,
            None => true,
        };
        if free {
            all.push(place.to_string());
        }
    });
    all
}
