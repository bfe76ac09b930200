//! Deleting what fences an assistant while it hammers and ignores SIGTERM: no packet of it ever arrives, and afterwards nothing is left.

use crate::hostile::{control, tried_in_vain};
use crate::ready::restart_operator;
use assistant_tests::cluster::{CHILDREN, items, text};
use assistant_tests::images::hostile;
use assistant_tests::install::charts;
use assistant_tests::internet::now;
use assistant_tests::manifest;
use assistant_tests::probe::Seen;
use assistant_tests::space::{Pod, READY, Space};
use assistant_tests::suite::Suite;
use assistant_tests::wait::{Look, until};
use assistant_tests::{Outcome, ensure};
use serde_json::Value;
use std::future::Future;
use std::time::Duration;

const OUTSIDE: &str = "203.0.113.121";

/// All of them.
pub fn tests(suite: &mut Suite) {
    suite.shared("deleting_the_tier_lets_nothing_out", tier);
    suite.shared("deleting_the_namespace_lets_nothing_out", namespace);
    suite.shared("deleting_the_policies_by_hand_lets_nothing_out", policies);
    suite.alone("operator_starts_without_one_of_its_namespaces", without_a_namespace);
    suite.alone("deleting_the_kinds_lets_nothing_out", kinds);
}

/// A Ready tier `stubborn` that dials outside and ignores SIGTERM; its pod.
async fn stubborn(space: &Space) -> Outcome<Pod> {
    let began = now();
    let image = hostile(&space.world.node, &format!("{}-stubborn", space.name), &format!("{OUTSIDE}:443"), true).await?;
    control(space, &image).await?;
    let host = format!("api.{}.example.org", space.name);
    space
        .apply(&[manifest::policy("home", &[("one", &[&host], &[])]), manifest::tier_with_image("stubborn", "home", &image)])
        .await?;
    space.ready("stubborn").await?;
    let pod = space.agent("stubborn").await?;
    tried_in_vain(space, &pod, 5, &began, OUTSIDE).await?;
    Ok(pod)
}

/// Hammers from the pod's network, four connections at a time to each target, while something is done; nothing may have arrived at any moment.
async fn under_hammer(space: &Space, pod: &Pod, seconds: u32, work: impl Future<Output = Outcome>) -> Outcome {
    let began = now();
    let world = &space.world;
    let targets =
        format!("{OUTSIDE}:443,{}:7071,{}:8080,10.43.0.1:443", world.witness("b").await?, world.outsider_address().await?);
    let alive = world.node.probe(&world.outsider(), &["hammer", &targets, "0.5"]).await?;
    ensure!(
        items(&alive.0, "/targets").iter().all(|target| target["opened"].as_u64() > Some(0)),
        "not every target is alive: {}",
        alive.0
    );
    let (place, time) = (space.from(&pod.name), seconds.to_string());
    let words = ["hammer", &targets, &time];
    let hammer = world.node.probe_for(&place, &words, Duration::from_secs(u64::from(seconds) + 30));
    let (hammered, worked) = tokio::join!(hammer, async {
        // The hammer is at work before anything is done.
        tokio::time::sleep(Duration::from_millis(700)).await;
        work.await
    });
    let (Seen(said), ()) = (hammered?, worked?);
    let mut tries = 0;
    for target in items(&said, "/targets") {
        ensure!(target["opened"] == 0, "a connection got through: {target}");
        let once = target["tries"].as_u64().unwrap_or_default();
        ensure!(once > u64::from(seconds), "the hammer hardly tried: {target}");
        tries += once;
    }
    tokio::time::sleep(Duration::from_millis(400)).await;
    let packets = world.internet.packets_from(&pod.address, &began).await?;
    ensure!(packets.is_empty(), "packets of pod {} arrived: {packets:?}", pod.name);
    println!("hammered {tries} times in {seconds} s, in vain");
    Ok(())
}

async fn gone(space: &Space, kind: &str, name: &str, limit: Duration) -> Outcome {
    until(&format!("the end of {kind} {name}"), limit, || async {
        Ok(match space.get(kind, name).await? {
            None => Look::Found(()),
            Some(object) => Look::NotYet(format!("finalizers {}, {}", object["metadata"]["finalizers"], object["status"])),
        })
    })
    .await
}

/// What is left in a namespace that we did not put there and that is no claim's own.
async fn leftovers(space: &Space) -> Outcome<Vec<String>> {
    let mut all = Vec::new();
    for kind in CHILDREN.iter().chain(&["Pod", "AssistantTier", "EgressPolicy"]) {
        for object in space.world.cluster.list(kind, &space.name, "").await? {
            let name = text(&object, "/metadata/name");
            if name != "kube-root-ca.crt" {
                all.push(format!("{kind}/{name}"));
            }
        }
    }
    Ok(all)
}

async fn nothing_left(space: &Space) -> Outcome {
    until("nothing to be left", Duration::from_secs(60), || async {
        let left = leftovers(space).await?;
        Ok(if left.is_empty() { Look::Found(()) } else { Look::NotYet(left.join(", ")) })
    })
    .await
}

async fn tier(space: Space) -> Outcome {
    let pod = stubborn(&space).await?;
    under_hammer(&space, &pod, 12, async {
        space.delete("AssistantTier", "stubborn").await?;
        gone(&space, "AssistantTier", "stubborn", Duration::from_secs(30)).await
    })
    .await?;
    // Tier pods end within two seconds of grace; the policy then has no user and keeps no proxy.
    let policy = space.condition("EgressPolicy", "home", "Ready", "True", "Unused", Duration::from_secs(60)).await?;
    ensure!(items(&policy, "/status/lanes").is_empty(), "an unused policy shows lanes: {}", policy["status"]["lanes"]);
    space.delete("EgressPolicy", "home").await?;
    nothing_left(&space).await
}

async fn namespace(space: Space) -> Outcome {
    let pod = stubborn(&space).await?;
    under_hammer(&space, &pod, 15, async {
        space.world.cluster.delete("Namespace", "", &space.name, None).await?;
        until("the agent's pod to end", Duration::from_secs(30), || async {
            Ok(if space.get("Pod", &pod.name).await?.is_none() { Look::Found(()) } else { Look::NotYet("it is there".into()) })
        })
        .await
    })
    .await?;
    gone(&space, "Namespace", &space.name, Duration::from_secs(60)).await
}

async fn policies(space: Space) -> Outcome {
    let pod = stubborn(&space).await?;
    let before = names(&space).await?;
    under_hammer(&space, &pod, 12, async {
        for _ in 0..15 {
            for name in names(&space).await? {
                space.delete("NetworkPolicy", &name).await?;
            }
            tokio::time::sleep(Duration::from_millis(400)).await;
        }
        Ok(())
    })
    .await?;
    let shape = |names: &[String]| names.iter().filter(|name| !name.starts_with("assistants-fence")).cloned().collect::<Vec<_>>();
    until("all policies to be back, with one fence", Duration::from_secs(20), || async {
        let now = names(&space).await?;
        let fences = now.iter().filter(|name| name.starts_with("assistants-fence")).count();
        Ok(if shape(&now) == shape(&before) && fences == 1 { Look::Found(()) } else { Look::NotYet(now.join(", ")) })
    })
    .await?;
    space.ready("stubborn").await?;
    ensure!(space.agent("stubborn").await? == pod, "the assistant's pod was replaced although nothing ever opened");
    // The fence may have another name now: what starts behind it is still proven.
    space.apply(&[manifest::tier("fresh", "home")]).await?;
    space.ready("fresh").await.map(|_| ())
}

async fn names(space: &Space) -> Outcome<Vec<String>> {
    Ok(space
        .world
        .cluster
        .list("NetworkPolicy", &space.name, "")
        .await?
        .iter()
        .map(|policy| text(policy, "/metadata/name"))
        .collect())
}

/// A new operator must not wait for ever for a namespace, with its Role, that somebody removed.
async fn without_a_namespace(space: Space) -> Outcome {
    let removed = space.world.take_space()?;
    space.world.cluster.delete("Namespace", "", &removed, None).await?;
    gone(&space, "Namespace", &removed, Duration::from_secs(60)).await?;
    restart_operator(&space).await?;
    let host = format!("api.{}.example.org", space.name);
    space.apply(&[manifest::policy("home", &[("one", &[&host], &[])]), manifest::tier("after", "home")]).await?;
    space.ready("after").await.map(|_| ())
}

async fn kinds(space: Space) -> Outcome {
    let pod = stubborn(&space).await?;
    let kinds = ["assistanttiers.assistant.home.arpa", "egresspolicies.assistant.home.arpa"];
    under_hammer(&space, &pod, 20, async {
        for kind in kinds {
            space.world.cluster.delete("CustomResourceDefinition", "", kind, None).await?;
        }
        for kind in kinds {
            gone(&space, "CustomResourceDefinition", kind, Duration::from_secs(60)).await?;
        }
        Ok(())
    })
    .await?;
    nothing_left(&space).await?;
    charts(&space.world.node).await?;
    let established = |crd: &Value| {
        items(crd, "/status/conditions").iter().any(|c| text(c, "/type") == "Established" && text(c, "/status") == "True")
    };
    until("the kinds to be back", Duration::from_secs(30), || async {
        let crd = space.world.cluster.must("CustomResourceDefinition", "", kinds[0]).await?;
        Ok(if established(&crd) { Look::Found(()) } else { Look::NotYet(crd["status"].to_string()) })
    })
    .await?;
    let host = format!("api.{}.example.org", space.name);
    space.apply(&[manifest::policy("home", &[("one", &[&host], &[])]), manifest::tier("again", "home")]).await?;
    space.condition("AssistantTier", "again", "Ready", "True", "", READY).await.map(|_| ())
}
