//! Every kind of bad input, on a tier and a policy that run: refused when it is applied, or told in a condition; each time with a
//! sentence that names the field, and what ran keeps running.

use crate::bad_tables::{Case, Told, cases};
use assistant_tests::cluster::{condition, conditions};
use assistant_tests::install::CONTROLS;
use assistant_tests::manifest;
use assistant_tests::space::Space;
use assistant_tests::suite::Suite;
use assistant_tests::wait::{Look, until};
use assistant_tests::{Outcome, ensure};
use serde_json::{Value, json};
use std::time::Duration;

/// All of them.
pub fn tests(suite: &mut Suite) {
    suite.shared("bad_input_is_refused_with_a_sentence", bad_input);
    suite.shared("a_namespace_that_is_not_served_is_named", not_served);
}

/// The objects that run, before a case spoils them.
fn base(space: &Space, kind: &str) -> Value {
    let host = format!("api.{}.example.org", space.name);
    if kind == "EgressPolicy" { manifest::policy("home", &[("one", &[&host], &[])]) } else { manifest::tier("runs", "home") }
}

/// JSON merge patch (RFC 7396).
fn merge(target: &mut Value, patch: &Value) {
    let Some(patch) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, value) in patch {
        if value.is_null() {
            target.as_object_mut().map(|object| object.remove(key));
        } else {
            merge(&mut target[key], value);
        }
    }
}

async fn bad_input(space: Space) -> Outcome {
    space.apply(&[base(&space, "EgressPolicy"), base(&space, "AssistantTier")]).await?;
    space.ready("runs").await?;
    let (agent, egress) = (space.agent("runs").await?, space.egress("home").await?);
    let all = cases();
    let mut failed = Vec::new();
    for case in &all {
        if let Err(error) = one(&space, case).await {
            println!("  FAILED  {}: {error}", case.what);
            failed.push(format!("{}: {error}", case.what));
        }
    }
    let (still, proxy) = (space.agent("runs").await?, space.egress("home").await?);
    ensure!(still == agent, "the assistant's pod was replaced by bad input");
    ensure!(proxy == egress, "the proxy's pod was replaced by bad input");
    space.apply(&[base(&space, "EgressPolicy"), base(&space, "AssistantTier")]).await?;
    space.ready("runs").await?;
    ensure!(space.agent("runs").await? == agent, "the assistant's pod was replaced when the bad input was taken back");
    println!("  {} cases of bad input", all.len());
    ensure!(failed.is_empty(), "{} of {} cases failed:\n{}", failed.len(), all.len(), failed.join("\n"));
    Ok(())
}

async fn one(space: &Space, case: &Case) -> Outcome {
    let mut object = base(space, case.kind);
    merge(&mut object, &case.patch);
    let applied = space.world.cluster.try_apply(&space.name, &object).await?;
    match (&case.told, applied) {
        (Told::AtOnce(fragment), Err(refused)) => {
            // A server-side apply that does not fit the schema is 500 by the API server's own choice.
            ensure!(refused.code != 403 && refused.code != 404, "code {}: {}", refused.code, refused.message);
            ensure!(refused.message.contains(fragment), "the sentence has no {fragment:?}: {}", refused.message);
            ensure!(!refused.message.contains("should match '"), "a bare pattern is no sentence: {}", refused.message);
            Ok(())
        }
        (Told::AtOnce(fragment), Ok(_)) => Err(format!("it was accepted; expected a refusal with {fragment:?}").into()),
        (Told::InCondition { .. }, Err(refused)) => Err(format!("it was refused at once: {}", refused.message).into()),
        (Told::InCondition { type_, reason, fragment }, Ok(_)) => {
            let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            let told = until(reason, Duration::from_secs(20), || async {
                let live = space.world.cluster.must(case.kind, &space.name, &name).await?;
                let current = live.pointer("/status/observedGeneration") == live.pointer("/metadata/generation");
                let found = condition(&live, type_).filter(|(status, is, _)| status == "False" && is == reason && current);
                Ok(found.map_or_else(|| Look::NotYet(conditions(&live)), |(_, _, message)| Look::Found((message, live.clone()))))
            })
            .await;
            let (message, live) = told?;
            ensure!(message.contains(fragment), "the sentence has no {fragment:?}: {message}");
            let ready = condition(&live, "Ready").unwrap_or_default();
            ensure!(ready.0 == "False" && ready.1 == *reason, "Ready is {}/{} beside {type_}=False/{reason}", ready.0, ready.1);
            Ok(())
        }
    }
}

async fn not_served(space: Space) -> Outcome {
    let name = format!("lost-{}", space.name);
    let cluster = &space.world.cluster;
    let (tier, policy) = (manifest::tier(&name, &name), manifest::policy(&name, &[("one", &["api.example.org"], &[])]));
    cluster.apply(CONTROLS, &[tier, policy]).await?;
    let mut outcome = Ok(());
    for kind in ["AssistantTier", "EgressPolicy"] {
        let told = until(&format!("{kind} to be told"), Duration::from_secs(20), || async {
            let live = cluster.must(kind, CONTROLS, &name).await?;
            let said = conditions(&live);
            Ok(if said.contains("Ready=False/NamespaceNotServed") && said.contains(CONTROLS) {
                Look::Found(())
            } else {
                Look::NotYet(said)
            })
        })
        .await;
        cluster.delete(kind, CONTROLS, &name, None).await?;
        outcome = outcome.and(told);
    }
    outcome?;
    until("both to go", Duration::from_secs(20), || async {
        let left = cluster.get("AssistantTier", CONTROLS, &name).await?.is_some()
            || cluster.get("EgressPolicy", CONTROLS, &name).await?.is_some();
        Ok(if left { Look::NotYet("something is there".into()) } else { Look::Found(()) })
    })
    .await
}
