//! What a gate says, and what follows from it; and what stops a proof from being made at all.

use crate::cluster_double::says;
use crate::fake_api::key;
use crate::fake_api::resource::of_kind;
use crate::fake_api::store::{Deletion, label};
use crate::world::{NAMESPACE, OWN, World, example};
use assistant_operator::names;
use assistant_proof::{Verdict, reason};
use serde_json::{Value, json};
use std::time::Duration;

fn is_agent(pod: &Value) -> bool {
    label(pod, names::COMPONENT) == Some(names::AGENT)
}

fn closed() -> crate::cluster_double::Says {
    says(Verdict::Closed, reason::CLOSED, "closed", false)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_breach_is_told_with_its_remedy() {
    let world = World::with_operator().await;
    world.cluster.gates_say(|pod| {
        Some(if is_agent(pod) {
            says(Verdict::Breach, reason::LINK_LOCAL_OPEN, "fe80::1 answered; set nodePrep.enabled=true", false)
        } else {
            closed()
        })
    });
    world.apply(&example("tier.yaml"));
    world.until_condition("AssistantTier", "updates", "Contained", "False", "LinkLocalOpen").await;
    world.until_condition("AssistantTier", "updates", "Ready", "False", "LinkLocalOpen").await;
    let (_, _, message) = world.condition("AssistantTier", "updates", "Contained").expect("it is reported");
    assert_eq!(message, "fe80::1 answered; set nodePrep.enabled=true");
    assert!(world.get("AssistantTier", "updates").expect("it is there")["status"]["containment"].is_null());
    world.cluster.gates_say(|_| Some(closed()));
    world.until_ready("updates").await;
    assert_eq!(
        world.get("AssistantTier", "updates").expect("it is there")["status"]["containment"]["closedAfterMilliseconds"],
        840
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn not_proven_is_unknown() {
    let world = World::with_operator().await;
    world.cluster.gates_say(|pod| {
        Some(if is_agent(pod) {
            says(Verdict::Inconclusive, reason::WITNESS_BLOCKED, "a does not reach b", false)
        } else {
            closed()
        })
    });
    world.apply(&example("tier.yaml"));
    world.until_condition("AssistantTier", "updates", "Contained", "Unknown", "WitnessBlocked").await;
    world.until_condition("AssistantTier", "updates", "Ready", "False", "WitnessBlocked").await;
    // Evidence that does not fit the exit code is no evidence.
    world
        .cluster
        .gates_say(|pod| Some(if is_agent(pod) { crate::cluster_double::Says { exit_code: 1, ..closed() } } else { closed() }));
    world.until_condition("AssistantTier", "updates", "Contained", "Unknown", "NoEvidence").await;
    world.cluster.gates_say(|pod| {
        Some(if is_agent(pod) { crate::cluster_double::Says { exit_code: 137, message: String::new() } } else { closed() })
    });
    world
        .until("the exit code is told", |store| {
            crate::world::condition(store, "AssistantTier", "updates", "Contained")
                .is_some_and(|(_, _, message)| message.contains("137"))
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_whose_flow_may_live_on_is_replaced() {
    let world = World::with_operator().await;
    world.cluster.gates_say(|pod| {
        // Only the very first agent pod was reached by UDP.
        let first = pod["metadata"]["name"].as_str().is_some_and(|name| name.ends_with("-2"));
        Some(if first { says(Verdict::Breach, reason::CANARY_REACHED_UDP, "witness a answered by UDP", true) } else { closed() })
    });
    world.apply(&example("tier.yaml"));
    world.until_ready("updates").await;
    let deleted: Vec<String> =
        world.api.log().iter().filter(|sent| sent.verb == "delete" && sent.kind == "Pod").map(|sent| sent.name.clone()).collect();
    assert_eq!(deleted.len(), 1, "{deleted:?}");
    assert!(deleted[0].starts_with("updates-agent-") && deleted[0].ends_with("-2"), "{deleted:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_egress_pod_whose_flow_may_live_on_is_replaced() {
    let world = World::with_operator().await;
    world.cluster.gates_say(|pod| {
        let first = pod["metadata"]["name"].as_str().is_some_and(|name| name.ends_with("-1"));
        Some(if first { says(Verdict::Breach, reason::CANARY_REACHED_UDP, "witness a answered by UDP", true) } else { closed() })
    });
    world.apply(&example("tier.yaml"));
    world.until_ready("updates").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_on_the_witness_stops_every_start() {
    let world = World::with_operator().await;
    let foreign = json!({"metadata": {"name": "deny-all"}, "spec": {"podSelector": {}, "policyTypes": ["Ingress"]}});
    world.api.with(|store| store.create(foreign, of_kind("NetworkPolicy"), OWN)).expect("it is new");
    world.apply(&example("tier.yaml"));
    world.until_condition("AssistantTier", "updates", "Contained", "Unknown", "WitnessPolicy").await;
    let (_, _, message) = world.condition("AssistantTier", "updates", "Contained").expect("it is reported");
    assert!(message.contains("deny-all"), "{message}");
    world.until_quiet(Duration::from_millis(700)).await;
    assert!(world.get("Deployment", "updates-agent").is_none(), "an agent was started although nothing can be proven");
    world.until_condition("AssistantTier", "updates", "Ready", "False", "WitnessPolicy").await;
    world.api.with(|store| store.delete(&key("NetworkPolicy", OWN, "deny-all"), &Deletion::default())).expect("it is there");
    world.until_ready("updates").await;
    // While a tier runs: what was proven is not known any more.
    let foreign =
        json!({"metadata": {"name": "deny-all"}, "spec": {"podSelector": {"matchLabels": {"assistant.home.arpa/witness": "a"}}}});
    world.api.with(|store| store.create(foreign, of_kind("NetworkPolicy"), OWN)).expect("it is new");
    world.until_condition("AssistantTier", "updates", "Ready", "False", "WitnessPolicy").await;
    assert!(world.get("Deployment", "updates-agent").is_some_and(|d| d["spec"]["replicas"] == 1), "what ran keeps running");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_witnesses_nothing_starts() {
    let world = World::new().await;
    world.api.with(|store| store.delete(&key("Service", OWN, "witness-b"), &Deletion::default())).expect("it is there");
    world.start();
    world.apply(&example("tier.yaml"));
    world.until_condition("AssistantTier", "updates", "Contained", "Unknown", "WitnessMissing").await;
    world.until_condition("EgressPolicy", "home", "Ready", "False", "WitnessMissing").await;
    world.until_quiet(Duration::from_millis(300)).await;
    assert_eq!(world.api.with(|store| store.list("Deployment", NAMESPACE).count()), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn suspend_stops_and_resume_goes_on() {
    let world = World::with_operator().await;
    world.apply(&example("tier.yaml"));
    world.until_ready("updates").await;
    let token = world.get("Secret", "updates-token").expect("it is there")["data"].clone();
    let suspend = |on: bool| world.edit("AssistantTier", NAMESPACE, "updates", |tier| tier["spec"]["suspend"] = json!(on));
    suspend(true);
    world.until_condition("AssistantTier", "updates", "Ready", "False", "Suspended").await;
    world.until("no agent is left", |store| !store.list("Pod", NAMESPACE).any(is_agent)).await;
    world.until_condition("AssistantTier", "updates", "Contained", "Unknown", "NotStarted").await;
    assert!(world.get("PersistentVolumeClaim", "updates-state").is_some());
    suspend(false);
    world.until_ready("updates").await;
    assert_eq!(world.get("Secret", "updates-token").expect("it is there")["data"], token, "the token was minted anew");

    // Whatever else is wrong, suspend stops.
    world.delete("EgressPolicy", "home");
    world.until_condition("AssistantTier", "updates", "EgressReady", "False", "PolicyMissing").await;
    suspend(true);
    world.until("no agent is left", |store| !store.list("Pod", NAMESPACE).any(is_agent)).await;
}
