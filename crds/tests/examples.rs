//! Every example is what the two kinds and their rules accept.

#![allow(clippy::unwrap_used)] // outside #[test] functions too: what cannot be unwrapped here fails a test

use assistant_crds::{AssistantTier, EgressPolicy};
use kube::core::cel::Validator;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

#[path = "rules/places.rs"]
#[allow(dead_code)]
mod places;
#[path = "rules/shape.rs"]
#[allow(dead_code)]
mod shape;

/// File name and the documents in it.
fn examples() -> BTreeMap<String, Vec<Value>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    files
        .filter(|file| file.extension().is_some_and(|e| e == "yaml"))
        .map(|file| {
            let text = std::fs::read_to_string(&file).unwrap();
            let documents = text
                .split("\n---\n")
                .map(|one| serde_saphyr::from_str(one).unwrap_or_else(|e| panic!("{}: {e}", file.display())));
            (file.file_name().unwrap().to_string_lossy().into_owned(), documents.collect())
        })
        .collect()
}

#[test]
fn examples_are_accepted() {
    let definitions = assistant_crds::all();
    let mut seen = 0;
    for (file, documents) in examples() {
        for document in documents {
            let kind = document["kind"].as_str().unwrap_or_else(|| panic!("{file}: a document without a kind"));
            let Some(definition) = definitions.iter().find(|d| d.spec.names.kind == kind) else {
                assert_eq!(kind, "Namespace", "{file}: nothing but our kinds and namespaces");
                continue;
            };
            assert_eq!(document["apiVersion"], "assistant.home.arpa/v1alpha1", "{file}");
            let schema =
                serde_json::to_value(definition.spec.versions[0].schema.as_ref().unwrap().open_api_v3_schema.as_ref().unwrap())
                    .unwrap();
            assert_eq!(shape::faults(&schema, &document), Vec::<String>::new(), "{file}");
            Validator::new().validate(&schema, &document, None).unwrap_or_else(|e| panic!("{file}: {e}"));
            match kind {
                "AssistantTier" => drop(serde_json::from_value::<AssistantTier>(document).unwrap()),
                _ => drop(serde_json::from_value::<EgressPolicy>(document).unwrap()),
            }
            seen += 1;
        }
    }
    assert!(seen >= 6, "only {seen} objects in examples/");
}

#[test]
fn a_tier_of_an_example_finds_its_policy_there() {
    let all = examples();
    let names = |documents: &[Value], kind: &str| -> Vec<String> {
        documents.iter().filter(|d| d["kind"] == kind).map(|d| d["metadata"]["name"].as_str().unwrap().to_string()).collect()
    };
    let basic = names(&all["tier.yaml"], "EgressPolicy");
    for (file, documents) in &all {
        for tier in documents.iter().filter(|d| d["kind"] == "AssistantTier") {
            let policy = tier["spec"]["egressPolicyRef"]["name"].as_str().unwrap().to_string();
            assert!(names(documents, "EgressPolicy").contains(&policy) || basic.contains(&policy), "{file}: no policy {policy}");
        }
    }
}
