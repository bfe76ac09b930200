//! The rights of the operator, read from the file that the chart renders its Roles from. The fake refuses what they do not cover.

use super::resource::{Query, Target};
use serde_json::Value;
use std::collections::BTreeSet;

/// One right: section of the file, group, resource with subresource, verb.
pub type Right = (String, String, String, String);

/// See the module.
#[derive(Clone)]
pub struct Rights {
    file: Value,
    served: BTreeSet<String>,
    own: String,
    model: (String, String),
}

impl Rights {
    /// `model`: namespace and name of the model's Service.
    pub fn read(served: BTreeSet<String>, own: &str, model: (&str, &str)) -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../charts/secure-assistant/files/rbac.yaml");
        let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let file = serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
        Self { file, served, own: own.to_owned(), model: (model.0.to_owned(), model.1.to_owned()) }
    }

    fn sections(&self, namespace: &str) -> Vec<&'static str> {
        let mut sections = vec!["cluster"];
        sections.extend(self.served.contains(namespace).then_some("served"));
        sections.extend((self.own == namespace).then_some("own"));
        sections.extend((self.model.0 == namespace).then_some("model"));
        sections
    }

    fn rules<'a>(&'a self, section: &str) -> impl Iterator<Item = &'a Value> {
        self.file[section].as_array().into_iter().flatten()
    }

    /// The rights that cover a request; none: it is forbidden.
    pub fn covering(&self, target: &Target, query: &Query, verb: &str) -> Vec<Right> {
        let resource = match &target.subresource {
            Some(sub) => format!("{}/{sub}", target.served.resource),
            None => target.served.resource.to_owned(),
        };
        // The authorizer takes the name of a list or watch from its field selector.
        let name = target.name.as_ref().or(query.name.as_ref());
        let has = |list: &Value, wanted: &str| list.as_array().into_iter().flatten().any(|entry| entry == wanted);
        let named = |rule: &Value| match rule["resourceNames"].as_array() {
            None => true,
            Some(names) => names.iter().filter_map(Value::as_str).any(|allowed| {
                let allowed = if allowed == "$model" { self.model.1.as_str() } else { allowed };
                name.is_some_and(|name| name == allowed)
            }),
        };
        let mut found = vec![];
        for section in self.sections(&target.namespace) {
            let covers = |rule: &&Value| {
                has(&rule["apiGroups"], target.served.group)
                    && has(&rule["resources"], &resource)
                    && rule["verbs"].get(verb).is_some()
                    && named(rule)
            };
            if self.rules(section).any(|rule| covers(&rule)) {
                found.push((section.to_owned(), target.served.group.to_owned(), resource.clone(), verb.to_owned()));
            }
        }
        found
    }

    /// Everything granted.
    pub fn all(&self) -> BTreeSet<Right> {
        let strings = |list: &Value| {
            list.as_array().into_iter().flatten().filter_map(|v| v.as_str().map(str::to_owned)).collect::<Vec<_>>()
        };
        let mut all = BTreeSet::new();
        for section in ["cluster", "served", "own", "model"] {
            for rule in self.rules(section) {
                for group in strings(&rule["apiGroups"]) {
                    for resource in strings(&rule["resources"]) {
                        for verb in rule["verbs"].as_object().expect("verbs are a map").keys() {
                            all.insert((section.to_owned(), group.clone(), resource.clone(), verb.clone()));
                        }
                    }
                }
            }
        }
        all
    }
}
