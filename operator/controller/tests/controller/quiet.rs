//! Quiet by design: nothing is asked or written while nothing changes.

use crate::world::{World, example};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_converged_cluster_is_left_alone() {
    let world = World::with_operator().await;
    world.apply(&example("two-tiers.yaml"));
    world.until_ready("updates").await;
    world.until_ready("tasks").await;
    world.until_quiet(Duration::from_millis(300)).await;
    let before = world.api.log().len();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let since: Vec<String> = world.api.log()[before..].iter().map(ToString::to_string).collect();
    assert!(since.is_empty(), "{since:#?}");

    // The next process finds everything as it should be.
    world.kill();
    let before = world.api.log().len();
    world.start();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let since = world.api.log().split_off(before);
    assert!(since.iter().any(|sent| sent.verb == "watch"), "it did start");
    let writes: Vec<String> = since.iter().filter(|sent| sent.writes()).map(ToString::to_string).collect();
    assert!(writes.is_empty(), "{writes:#?}");
}
