//! Every child of the examples, as the API server has it, so that each later change is seen in review. Secrets are masked.

use crate::mask::picture;
use crate::world::{World, example};
use std::time::Duration;

async fn children(example_name: &str, tiers: &[&str]) -> String {
    let mut world = World::new().await;
    world.clock = || "2026-11-01T12:00:00Z".parse().expect("a time");
    // Before the operator starts, so that it sees all at once and numbers the lanes in the same order every time.
    world.apply(&example(example_name));
    world.start();
    for tier in tiers {
        world.until_ready(tier).await;
    }
    world.until_quiet(Duration::from_millis(300)).await;
    let all = world.api.with(|store| picture(store));
    all.values().map(|object| format!("---\n{}", serde_saphyr::to_string(object).expect("JSON is YAML"))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_example() {
    insta::assert_snapshot!("tier", children("tier.yaml", &["updates"]).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_tiers_on_one_policy() {
    insta::assert_snapshot!("two-tiers", children("two-tiers.yaml", &["updates", "tasks"]).await);
}
