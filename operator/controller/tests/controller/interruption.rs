//! A whole life of a tier (birth, a wider policy, suspension, both deletions) with a fault at every single write: it always ends
//! the same, and at no moment is a pod without its fence.

use crate::fake_api::fault::Fault;
use crate::fake_api::store::Key;
use crate::mask::{difference, picture};
use crate::world::{World, condition, example};
use futures::stream::{self, StreamExt};
use serde_json::{Value, json};
use std::collections::BTreeMap;

type Picture = BTreeMap<Key, Value>;

/// How many worlds live at once.
const AT_ONCE: usize = 4;

const BREAKS: [Fault; 2] = [Fault::LostRequest, Fault::LostAnswer];
const REFUSALS: [Fault; 5] = [Fault::Refuse(409), Fault::Refuse(403), Fault::Refuse(429), Fault::Refuse(500), Fault::Refuse(504)];

async fn settled(world: &World, expected: Option<&Picture>, what: &str) -> Picture {
    if let Some(expected) = expected {
        let mut last = None;
        let same = |last: &mut Option<String>, store: &crate::fake_api::store::Store| {
            *last = difference(&picture(store), expected);
            last.is_none()
        };
        let outcome = tokio::time::timeout(crate::world::DEADLINE / 2, world.until(what, |store| same(&mut last, store))).await;
        assert!(outcome.is_ok(), "{what}: {}\n{}", last.unwrap_or_default(), world.picture());
    } else {
        world.until_quiet(std::time::Duration::from_millis(800)).await;
    }
    world.api.with(|store| picture(store))
}

/// Runs the story; compares each chapter's end with the expected one, if there is one.
async fn story(world: &World, expected: Option<&[Picture]>) -> Vec<Picture> {
    let mut chapters = vec![];
    let end = |n: usize| expected.map(|expected| &expected[n]);
    world.apply(&example("tier.yaml"));
    world.until_ready("updates").await;
    chapters.push(settled(world, end(0), "the tier is born").await);

    world.edit("EgressPolicy", "assistants", "home", |policy| {
        policy["spec"]["rules"][0]["hosts"] = json!(["api.example.org", "two.example.org"])
    });
    world
        .until("the wider plan is served", |store| {
            store.get("EgressPolicy", "assistants", "home").is_some_and(|p| p["status"]["hostCount"] == 2)
                && condition(store, "EgressPolicy", "home", "Ready").is_some_and(|(status, ..)| status == "True")
        })
        .await;
    chapters.push(settled(world, end(1), "the policy is wider").await);

    world.edit("AssistantTier", "assistants", "updates", |tier| tier["spec"]["suspend"] = json!(true));
    world.until("the pod is gone", |store| store.list("Pod", "assistants").count() == 1).await;
    chapters.push(settled(world, end(2), "the tier is suspended").await);
    world.edit("AssistantTier", "assistants", "updates", |tier| tier["spec"]["suspend"] = json!(false));
    world.until_ready("updates").await;

    world.delete("AssistantTier", "updates");
    world.until("the tier is gone", |store| store.get("AssistantTier", "assistants", "updates").is_none()).await;
    world.until_condition("EgressPolicy", "home", "Ready", "True", "Unused").await;
    chapters.push(settled(world, end(3), "only the policy is left").await);

    world.delete("EgressPolicy", "home");
    world.until("the policy is gone", |store| store.get("EgressPolicy", "assistants", "home").is_none()).await;
    world.until("the fence is released", |store| store.list("NetworkPolicy", "assistants").count() == 0).await;
    chapters.push(settled(world, end(4), "only claims are left").await);
    chapters
}

/// `all`: every fault at every write; else one fault a write, in turn.
async fn every_write(faults: &[Fault], all: bool) {
    let world = World::with_operator().await;
    let expected = story(&world, None).await;
    let writes = world.api.write_count();
    drop(world);
    assert!(writes > 30, "the story has only {writes} writes");
    let left: Vec<String> = expected[4].keys().map(ToString::to_string).collect();
    assert_eq!(left, ["PersistentVolumeClaim assistants/updates-state", "PersistentVolumeClaim assistants/updates-workspace"]);

    let each = (1..=writes).flat_map(|nth| faults.iter().enumerate().map(move |(n, fault)| (nth, n, *fault)));
    let cases: Vec<(usize, Fault)> =
        each.filter(|(nth, n, _)| all || nth % faults.len() == *n).map(|(nth, _, fault)| (nth, fault)).collect();
    let count = cases.len();
    let expected = &expected;
    let fired = stream::iter(cases)
        .map(|(nth, fault)| async move {
            let mut world = World::new().await;
            world.revive = true;
            world.api.fail(nth, fault);
            world.start();
            let told = std::panic::AssertUnwindSafe(story(&world, Some(expected)));
            let outcome = futures::FutureExt::catch_unwind(told).await;
            assert!(outcome.is_ok(), "the story with {fault:?} at write {nth} went wrong: see above");
            usize::from(world.api.fired())
        })
        .buffer_unordered(AT_ONCE)
        .fold(0, |sum, one| async move { sum + one })
        .await;
    // Two tasks that run at once need not write in the same order each time; a fault near the end may come to nothing.
    assert!(fired + 3 * faults.len() >= count, "only {fired} of {count} faults happened");
}

/// To die before a write is to die after the one before it, but for what runs beside it: that is for the long run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_process_dies_after_any_write() {
    every_write(&[Fault::DieAfter], true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_connection_breaks_at_any_write() {
    every_write(&BREAKS, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_api_server_refuses_any_write() {
    every_write(&REFUSALS, false).await;
}

/// Minutes of work, for the long runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: death before, every refusal and every break at every write"]
async fn every_fault_at_every_write() {
    every_write(&[Fault::DieBefore], true).await;
    every_write(&REFUSALS, true).await;
    every_write(&BREAKS, true).await;
}
