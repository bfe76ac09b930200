//! The two CustomResourceDefinitions as they are installed. Pure.

use crate::{AssistantTier, EgressPolicy};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{CustomResourceDefinition, JSONSchemaProps};
use kube::CustomResourceExt;
use serde_json::Value;

/// Both definitions.
pub fn all() -> Vec<CustomResourceDefinition> {
    [AssistantTier::crd(), EgressPolicy::crd()].map(tidy).into()
}

/// One definition as YAML, with a line that says where it comes from.
pub fn yaml(definition: &CustomResourceDefinition) -> String {
    let text = serde_saphyr::to_string(definition).expect("a CustomResourceDefinition is maps, lists, texts and numbers");
    format!("# Generated from the types in crds/src; do not edit.\n{text}")
}

/// What the derive cannot say, taken out of every version's schema.
fn tidy(mut definition: CustomResourceDefinition) -> CustomResourceDefinition {
    for version in &mut definition.spec.versions {
        let Some(schema) = version.schema.as_mut().and_then(|s| s.open_api_v3_schema.as_mut()) else { continue };
        let mut value = serde_json::to_value(&*schema).expect("a schema is JSON");
        clean(&mut value);
        *schema = serde_json::from_value::<JSONSchemaProps>(value).expect("removing two keywords leaves a schema");
    }
    definition
}

/// Without `nullable`: then the API server drops a `null` before anyone sees it, and `has()` in a rule means "is set". Without `format: uint32`
/// and the like, which the API server does not know and warns about.
fn clean(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if map.get("nullable").is_some_and(Value::is_boolean) {
                map.remove("nullable");
            }
            if map.get("format").and_then(Value::as_str).is_some_and(|f| f.starts_with("uint")) {
                map.remove("format");
            }
            map.values_mut().for_each(clean);
        }
        Value::Array(list) => list.iter_mut().for_each(clean),
        _ => {}
    }
}
