//! How tiers, policies and fences end, also when people delete them in an order that nobody planned.

use crate::fake_api::Sent;
use crate::fake_api::store::{Change, deleting, label};
use crate::world::{NAMESPACE, World, example};
use assistant_operator::names;
use serde_json::json;
use std::time::Duration;

fn gone_at(history: &[Change], kind: &str, name: &str) -> u64 {
    let last = history.iter().rev().find(|change| change.key.kind == kind && change.key.name == name && change.new.is_none());
    last.unwrap_or_else(|| panic!("{kind} {name} was never removed")).version
}

fn made_at(history: &[Change], kind: &str, name: &str) -> u64 {
    let first = history.iter().find(|change| change.key.kind == kind && change.key.name == name && change.old.is_none());
    first.unwrap_or_else(|| panic!("{kind} {name} was never made")).version
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tier_ends_with_its_pods_and_keeps_its_claims() {
    let world = World::with_operator().await;
    world.apply(&example("tier.yaml"));
    world.until_ready("updates").await;
    // A status that was still to be written is not the first write of the ending.
    world.until_quiet(Duration::from_millis(300)).await;
    world.cluster.turn(|behaviour| behaviour.linger = true);
    let mark = world.api.log().len();
    world.delete("AssistantTier", "updates");
    let agent = |store: &crate::fake_api::store::Store| {
        store.list("Pod", NAMESPACE).any(|pod| label(pod, names::TIER) == Some("updates") && deleting(pod))
    };
    world.until("the agent is told to end", agent).await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    // The pod ignores it: nothing that fences or closes may go before it.
    assert!(world.get("AssistantTier", "updates").is_some(), "the finalizer was released while a pod lives");
    for policy in ["updates-agent", "assistants-fence", "assistants-witness"] {
        assert!(world.get("NetworkPolicy", policy).is_some(), "{policy} ended before the pod");
    }
    let first: Option<Sent> = world.api.log()[mark..].iter().find(|sent| sent.writes() && !sent.tells()).cloned();
    let first = first.expect("something was written");
    assert_eq!((first.verb.as_str(), first.kind, first.name.as_str()), ("delete", "Deployment", "updates-agent"));

    world.cluster.turn(|behaviour| behaviour.linger = false);
    world.until("the tier is gone", |store| store.get("AssistantTier", NAMESPACE, "updates").is_none()).await;
    world
        .until("its children are gone", |store| {
            store.get("Secret", NAMESPACE, "updates-token").is_none()
                && store.get("NetworkPolicy", NAMESPACE, "updates-agent").is_none()
        })
        .await;
    assert!(world.get("PersistentVolumeClaim", "updates-state").is_some(), "claims are retained by default");
    assert!(world.get("NetworkPolicy", "assistants-fence").is_some(), "the policy's Squid is still to be fenced");

    // The same tier again finds its claims and goes on.
    world.apply(&example("tier.yaml"));
    world.until_ready("updates").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claims_go_where_the_tier_says_so() {
    let world = World::with_operator().await;
    world.apply(&example("tier.yaml").replace("    state: {size: 256Mi}", "    whenDeleted: Delete\n    state: {size: 256Mi}"));
    world.until_ready("updates").await;
    world.delete("AssistantTier", "updates");
    world.until("its claims are gone", |store| store.list("PersistentVolumeClaim", NAMESPACE).count() == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_decision_about_claims_may_change_while_the_tier_runs() {
    let world = World::with_operator().await;
    world.apply(&example("tier.yaml"));
    world.until_ready("updates").await;
    let owner = |store: &crate::fake_api::store::Store| {
        store
            .get("PersistentVolumeClaim", NAMESPACE, "updates-state")
            .is_some_and(|c| c["metadata"]["ownerReferences"].is_array())
    };
    world.edit("AssistantTier", NAMESPACE, "updates", |tier| tier["spec"]["storage"]["whenDeleted"] = json!("Delete"));
    world.until("the claim belongs to the tier", owner).await;
    world.edit("AssistantTier", NAMESPACE, "updates", |tier| tier["spec"]["storage"]["whenDeleted"] = json!("Retain"));
    world.until("the claim belongs to nobody", |store| !owner(store)).await;
    world.delete("AssistantTier", "updates");
    world.until("the tier is gone", |store| store.get("AssistantTier", NAMESPACE, "updates").is_none()).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(world.get("PersistentVolumeClaim", "updates-state").is_some());
}

/// A ReplicaSet makes its pod even when its Deployment is already gone: the fence must still stand then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleted_before_its_first_pod() {
    let world = World::with_operator().await;
    world.cluster.turn(|behaviour| behaviour.hold_pods = true);
    world.apply(&example("tier.yaml"));
    world.until("the proxy's ReplicaSet is there", |store| store.list("ReplicaSet", NAMESPACE).count() == 1).await;
    world.cluster.turn(|behaviour| behaviour.hold_garbage = true);
    world.delete("AssistantTier", "updates");
    world.delete("EgressPolicy", "home");
    tokio::time::sleep(Duration::from_millis(500)).await;
    world.cluster.turn(|behaviour| behaviour.hold_pods = false);
    tokio::time::sleep(Duration::from_millis(200)).await;
    world.cluster.turn(|behaviour| behaviour.hold_garbage = false);
    world
        .until("all is gone", |store| {
            store.list("NetworkPolicy", NAMESPACE).count() == 0 && store.list("Pod", NAMESPACE).count() == 0
        })
        .await;
    // That no pod was ever without its fence is checked after every write, and told at the end of the world.
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_deleted_under_a_tier() {
    let world = World::with_operator().await;
    world.apply(&example("tier.yaml"));
    world.until_ready("updates").await;
    world.cluster.turn(|behaviour| behaviour.linger = true);
    world.delete("EgressPolicy", "home");
    world.until_condition("AssistantTier", "updates", "EgressReady", "False", "PolicyDeleting").await;
    world.cluster.turn(|behaviour| behaviour.linger = false);
    world.until_condition("AssistantTier", "updates", "EgressReady", "False", "PolicyMissing").await;
    world.until_condition("AssistantTier", "updates", "Ready", "False", "PolicyMissing").await;
    let (_, _, message) = world.condition("AssistantTier", "updates", "EgressReady").expect("it is reported");
    assert!(message.contains("spec.egressPolicyRef.name") && message.contains("\"home\""), "{message}");
    for (kind, name) in [
        ("Deployment", "updates-agent"),
        ("NetworkPolicy", "updates-agent"),
        ("NetworkPolicy", "assistants-fence"),
        ("Secret", "updates-token"),
    ] {
        assert!(world.get(kind, name).is_some(), "{kind} {name} is gone");
    }
    assert!(world.get("Deployment", "home-egress").is_none());
    // It comes back, and so does the tier.
    world.apply(example("tier.yaml").split("---").next().expect("the policy comes first"));
    world.until_ready("updates").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fence_deleted_by_hand_is_followed_before_it_ends() {
    let world = World::with_operator().await;
    world.apply(&example("tier.yaml"));
    world.until_ready("updates").await;
    world.delete("NetworkPolicy", "assistants-fence");
    world.until("the first fence is gone", |store| store.get("NetworkPolicy", NAMESPACE, "assistants-fence").is_none()).await;
    let history = world.api.with(|store| store.history.clone());
    assert!(made_at(&history, "NetworkPolicy", "assistants-fence-2") < gone_at(&history, "NetworkPolicy", "assistants-fence"));
    // And again: the next name is the first one.
    world.delete("NetworkPolicy", "assistants-fence-2");
    world.until("the second fence is gone", |store| store.get("NetworkPolicy", NAMESPACE, "assistants-fence-2").is_none()).await;
    world.until_quiet(Duration::from_millis(300)).await;
    assert!(world.get("NetworkPolicy", "assistants-fence").is_some());
    world.until_ready("updates").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_edited_or_deleted_by_hand_comes_back() {
    let mut world = World::with_operator().await;
    // The edits themselves are what the fence's check complains about.
    world.strict = false;
    world.apply(&example("tier.yaml"));
    world.until_ready("updates").await;
    world.until_quiet(Duration::from_millis(300)).await;
    let before = world.api.with(|store| crate::mask::picture(store));
    let policies = ["assistants-fence", "assistants-witness", "updates-agent", "home-egress"];
    for name in policies {
        world.edit("NetworkPolicy", NAMESPACE, name, |policy| policy["spec"]["egress"] = json!([{}]));
    }
    world.edit("Deployment", NAMESPACE, "updates-agent", |d| d["spec"]["template"]["spec"]["hostNetwork"] = json!(true));
    world.edit("ConfigMap", NAMESPACE, "updates-config", |map| map["data"]["config.toml"] = json!("[gateway]"));
    world.edit("Service", NAMESPACE, "home-egress", |service| service["spec"]["type"] = json!("NodePort"));
    world.until("all edits are undone", |store| crate::mask::difference(&crate::mask::picture(store), &before).is_none()).await;
    for name in &policies[1..] {
        world.delete("NetworkPolicy", name);
    }
    for (kind, name) in [
        ("Service", "updates-agent"),
        ("ConfigMap", "updates-config"),
        ("Secret", "home-egress-auth"),
        ("Deployment", "updates-agent"),
    ] {
        world.delete(kind, name);
    }
    world.until("all is there again", |store| crate::mask::difference(&crate::mask::picture(store), &before).is_none()).await;
}

/// A lost lane password or token is minted again, and who has the old one is replaced.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_password_is_minted_again() {
    let world = World::with_operator().await;
    world.apply(&example("tier.yaml"));
    world.until_ready("updates").await;
    let template = |world: &World| world.get("Deployment", "updates-agent").expect("it runs")["spec"]["template"].clone();
    for secret in ["home-lane-3200", "updates-token"] {
        let before = template(&world);
        world.delete("Secret", secret);
        world
            .until("the agent is rolled", |store| {
                store.get("Deployment", NAMESPACE, "updates-agent").is_some_and(|d| d["spec"]["template"] != before)
            })
            .await;
        world.until_ready("updates").await;
    }
    let lane = world.api.with(|store| crate::cluster_double::secret(store, NAMESPACE, "home-lane-3200", "hash"));
    let auth = world.api.with(|store| crate::cluster_double::secret(store, NAMESPACE, "home-egress-auth", "htpasswd"));
    assert!(auth.contains(&lane), "the password file does not know the new password");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_namespace_that_is_not_served_is_told_so() {
    let world = World::with_operator().await;
    world.apply(&example("tier.yaml").replace("namespace: assistants", "namespace: elsewhere"));
    for (kind, name) in [("AssistantTier", "updates"), ("EgressPolicy", "home")] {
        world.until_condition(kind, name, "Ready", "False", "NamespaceNotServed").await;
        let (_, _, message) = world.condition(kind, name, "Ready").expect("it is reported");
        assert!(message.contains("elsewhere") && message.contains(NAMESPACE) && message.contains("`namespaces`"), "{message}");
    }
    world.until_quiet(Duration::from_millis(300)).await;
    // Nothing is made there, and no finalizer keeps a person from deleting what we do not serve.
    let made: Vec<String> = world
        .api
        .with(|store| store.all().filter(|(key, _)| key.namespace == "elsewhere").map(|(key, _)| key.to_string()).collect());
    assert_eq!(made, ["AssistantTier elsewhere/updates", "EgressPolicy elsewhere/home"]);
}
