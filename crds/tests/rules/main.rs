//! Every validation rule of both kinds refuses what it should, with its sentence, and accepts what it should.
//!
//! The tables in `policy` and `tier` hold a case per rule, place and usual mistake. The rules run in the CEL interpreter; the last test here runs the
//! same tables on a real API server.

#![allow(clippy::unwrap_used)] // outside #[test] functions too: what cannot be unwrapped here fails a test

mod base;
mod case;
mod places;
mod policy;
mod server;
mod shape;
mod tier;

use case::Case;
use kube::core::cel::{CompiledSchema, Validator, compile_schema};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

const KINDS: [&str; 2] = ["AssistantTier", "EgressPolicy"];

/// A refusal.
#[derive(Clone, Debug, PartialEq)]
struct Refusal {
    place: String,
    rule: String,
    sentence: String,
}

/// A case and what the rules said about its two objects.
struct Tried {
    case: Case,
    good: Vec<Refusal>,
    bad: Vec<Refusal>,
}

/// The schemas of both kinds, as they are installed.
static SCHEMAS: LazyLock<BTreeMap<&str, Value>> = LazyLock::new(|| {
    let all = assistant_crds::all();
    let of = |kind: &str| all.iter().find(|d| d.spec.names.kind == kind).unwrap_or_else(|| panic!("no kind {kind}"));
    let schema = |kind| of(kind).spec.versions[0].schema.as_ref().unwrap().open_api_v3_schema.as_ref().unwrap();
    KINDS.into_iter().map(|kind| (kind, serde_json::to_value(schema(kind)).unwrap())).collect()
});

/// Every case, tried once: compiling and running the rules takes seconds.
static TRIED: LazyLock<Vec<Tried>> = LazyLock::new(|| {
    let compiled: BTreeMap<_, _> = SCHEMAS.iter().map(|(kind, schema)| (*kind, compile_schema(schema))).collect();
    let cases = policy::cases().into_iter().chain(tier::cases());
    cases
        .map(|case| {
            let (rules, old) = (&compiled[case.kind], case.old());
            let (good, bad) = (verdict(rules, &case.good(), old.as_ref()), verdict(rules, &case.bad(), old.as_ref()));
            Tried { case, good, bad }
        })
        .collect()
});

fn verdict(rules: &CompiledSchema, object: &Value, old: Option<&Value>) -> Vec<Refusal> {
    match Validator::new().validate_compiled(rules, object, old) {
        Ok(()) => vec![],
        Err(errors) => errors.into_iter().map(|e| Refusal { place: e.field_path, rule: e.rule, sentence: e.message }).collect(),
    }
}

#[test]
fn what_is_right_is_accepted() {
    for Tried { case, good, .. } in TRIED.iter() {
        assert_eq!(*good, vec![], "{case}: accepted value");
        assert_eq!(shape::faults(&SCHEMAS[case.kind], &case.good()), Vec::<String>::new(), "{case}: accepted value");
        base::decodes(case.kind, case.good());
    }
}

#[test]
fn what_is_wrong_is_refused_once_and_with_its_sentence() {
    let mut wrong = vec![];
    for Tried { case, bad, .. } in TRIED.iter() {
        match bad.as_slice() {
            [only] if only.place == case.place && only.sentence.contains(case.says) => {}
            other => wrong.push(format!("{case}\n  expected at {}: {}\n  found {other:#?}", case.place, case.says)),
        }
    }
    assert!(wrong.is_empty(), "{} cases differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_rule_has_a_case() {
    for (kind, schema) in SCHEMAS.iter() {
        let broken = TRIED.iter().filter(|t| t.case.kind == *kind).flat_map(|t| &t.bad);
        let tried: BTreeSet<_> = broken.map(|r| (places::of(schema, &r.place), r.rule.clone())).collect();
        let there: BTreeSet<_> = places::rules(schema).into_iter().map(|r| (r.place, r.rule)).collect();
        assert!(there.len() > 10, "{kind}: rules are found in the schema");
        let (missing, unknown): (Vec<_>, Vec<_>) = (there.difference(&tried).collect(), tried.difference(&there).collect());
        assert!(missing.is_empty() && unknown.is_empty(), "{kind}: no case for {missing:#?}; cases for no rule {unknown:#?}");
    }
}

#[test]
fn every_reason_of_a_rule_has_a_case() {
    let mut said: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for refusal in TRIED.iter().flat_map(|t| &t.bad) {
        said.entry(&refusal.rule).or_default().insert(case::without_value(&refusal.sentence));
    }
    for (kind, schema) in SCHEMAS.iter() {
        for rule in places::rules(schema) {
            let reasons = 1 + rule.found.matches(" ? ").count();
            let said = said.get(rule.rule.as_str()).cloned().unwrap_or_default();
            assert!(said.len() >= reasons, "{kind} {}: {reasons} reasons, tried {said:#?}", rule.place);
        }
    }
}

#[test]
fn every_rule_has_a_sentence() {
    for (kind, schema) in SCHEMAS.iter() {
        for rule in places::rules(schema) {
            assert!(rule.sentence.len() > 15 && !rule.sentence.contains('\n'), "{kind} {}: {:?}", rule.place, rule.sentence);
        }
        assert!(!schema.to_string().contains("\"pattern\""), "{kind}: a bare pattern says nothing to a person");
    }
}

#[test]
fn everything_is_bounded() {
    for (kind, schema) in SCHEMAS.iter() {
        let free: Vec<String> = shape::unbounded(schema).into_iter().filter(|p| !p.starts_with("status.conditions[]")).collect();
        assert_eq!(free, Vec::<String>::new(), "{kind}: without a bound the API server refuses the definition");
    }
}
