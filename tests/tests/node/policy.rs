//! A policy that changes, goes, or loses its operator while assistants use it.

use crate::hostile::then_always;
use assistant_tests::cluster::{conditions, items, text};
use assistant_tests::install::{OPERATOR, charts};
use assistant_tests::manifest;
use assistant_tests::probe::Seen;
use assistant_tests::space::{Lane, Pod, READY, Space};
use assistant_tests::suite::Suite;
use assistant_tests::wait::{Look, throughout, until};
use assistant_tests::{Outcome, ensure};
use serde_json::json;
use std::time::{Duration, Instant};

/// All of them.
pub fn tests(suite: &mut Suite) {
    suite.shared("hosts_come_at_once_and_go_at_once", hosts);
    suite.shared("a_policy_deleted_under_a_tier", deleted);
    suite.shared("another_policy_and_back_from_suspension", changed);
    suite.alone("without_an_operator_the_fence_stands", no_operator);
}

fn host(space: &Space, name: &str) -> String {
    format!("{name}.{}.example.org", space.name)
}

/// One `connect` through a lane from an agent's pod.
async fn connect(space: &Space, pod: &Pod, lane: &Lane, host: &str, more: &[&str]) -> Outcome<Seen> {
    let target = format!("{host}:443");
    let mut words =
        vec!["connect", &lane.address, &target, "--user", &lane.user, "--password", &lane.password, "--timeout", "4000"];
    words.extend(more);
    space.world.node.probe_for(&space.from(&pod.name), &words, Duration::from_secs(60)).await
}

/// How long until a host can be reached, or no more.
async fn until_open(space: &Space, pod: &Pod, lane: &Lane, host: &str, open: bool, limit: Duration) -> Outcome<Duration> {
    let began = Instant::now();
    let what = format!("{host} to be {}", if open { "open" } else { "closed" });
    until(&what, limit, || async {
        let seen = connect(space, pod, lane, host, &[]).await?;
        Ok(if seen.open() == open { Look::Found(()) } else { Look::NotYet(seen.short()) })
    })
    .await?;
    Ok(began.elapsed())
}

async fn hosts(space: Space) -> Outcome {
    let (one, two) = (host(&space, "one"), host(&space, "two"));
    let policy = |hosts: &[&str]| manifest::policy("home", &[("all", hosts, &[])]);
    space.apply(&[policy(&[&one]), manifest::tier("user", "home")]).await?;
    space.ready("user").await?;
    let (pod, lane) = (space.agent("user").await?, space.lane("home", "user").await?);
    let proxy = space.egress("home").await?;
    until_open(&space, &pod, &lane, &one, true, Duration::from_secs(15)).await?;
    let before = connect(&space, &pod, &lane, &two, &[]).await?;
    ensure!(!before.open(), "a host that is not listed is reachable");

    // A tunnel that is open while a host is added stays open.
    let stream = ["--path", "/stream", "--hold", "14"];
    let (held, added) = tokio::join!(connect(&space, &pod, &lane, &one, &stream), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        space.apply(&[policy(&[&one, &two])]).await?;
        until_open(&space, &pod, &lane, &two, true, Duration::from_secs(10)).await
    });
    let (held, added) = (held?, added?);
    println!("a host was added and reachable after {:.1} s", added.as_secs_f64());
    ensure!(held.open(), "the tunnel that was open was cut while a host was added: {}", held.0);

    // A tunnel to a host that goes is cut within five seconds.
    let stream = ["--path", "/stream", "--hold", "25"];
    let (held, removed) = tokio::join!(connect(&space, &pod, &lane, &two, &stream), async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let began = Instant::now();
        space.apply(&[policy(&[&one])]).await?;
        until_open(&space, &pod, &lane, &two, false, Duration::from_secs(10)).await?;
        Ok::<_, assistant_tests::Failure>(began)
    });
    let (held, began) = (held?, removed?);
    ensure!(!held.open() && held.stage() == "http", "the tunnel to the removed host was not cut: {}", held.0);
    let lived = held.0["heldMs"].as_u64().unwrap_or(u64::MAX);
    println!("a host was removed; the tunnel to it lived {lived} ms, up to 2000 of them before the change");
    ensure!(lived < 2000 + 5000 + 1000, "the tunnel outlived its host by more than five seconds: it lived {lived} ms");
    ensure!(began.elapsed() < Duration::from_secs(40), "the removal took {:?}", began.elapsed());
    until_open(&space, &pod, &lane, &one, true, Duration::from_secs(10)).await?;
    space.ready("user").await?;
    ensure!(space.agent("user").await? == pod, "the assistant's pod was replaced by a change of hosts");
    ensure!(space.egress("home").await? == proxy, "the proxy's pod was replaced by a change of hosts");
    Ok(())
}

/// Nothing but the lane was ever open, and now not even that.
async fn shut(space: &Space, pod: &Pod) -> Outcome {
    let place = space.from(&pod.name);
    for target in
        ["203.0.113.122:443".to_owned(), format!("{}:8080", space.world.outsider_address().await?), "10.43.0.1:443".to_owned()]
    {
        let control = space.world.node.probe(&space.world.outsider(), &["tcp", &target]).await?;
        ensure!(control.open(), "{target} is not alive: {}", control.short());
        let seen = space.world.node.probe(&place, &["tcp", &target]).await?;
        ensure!(seen.closed(), "{target} is {}", seen.short());
    }
    Ok(())
}

async fn deleted(space: Space) -> Outcome {
    let one = host(&space, "one");
    let policy = manifest::policy("home", &[("all", &[&one], &[])]);
    space.apply(&[policy.clone(), manifest::tier("user", "home")]).await?;
    space.ready("user").await?;
    let (pod, lane) = (space.agent("user").await?, space.lane("home", "user").await?);
    until_open(&space, &pod, &lane, &one, true, Duration::from_secs(15)).await?;
    space.delete("EgressPolicy", "home").await?;
    until_open(&space, &pod, &lane, &one, false, Duration::from_secs(20)).await?;
    shut(&space, &pod).await?;
    let told = until("the tier to name the missing policy", Duration::from_secs(30), || async {
        let object = space.world.cluster.must("AssistantTier", &space.name, "user").await?;
        let said = conditions(&object);
        let named = said.contains("EgressReady=False/PolicyMissing") || said.contains("EgressReady=False/PolicyDeleting");
        Ok(if named && said.contains("Ready=False") { Look::Found(said) } else { Look::NotYet(said) })
    })
    .await?;
    println!("policy deleted: {told}");
    throughout(Duration::from_secs(3), || shut(&space, &pod)).await?;
    until("the policy to be gone", Duration::from_secs(60), || async {
        Ok(if space.get("EgressPolicy", "home").await?.is_none() { Look::Found(()) } else { Look::NotYet("it is there".into()) })
    })
    .await?;
    space.apply(&[policy]).await?;
    space.ready("user").await?;
    let (pod, lane) = (space.agent("user").await?, space.lane("home", "user").await?);
    until_open(&space, &pod, &lane, &one, true, Duration::from_secs(15)).await.map(|_| ())
}

async fn changed(space: Space) -> Outcome {
    let (one, two) = (host(&space, "one"), host(&space, "two"));
    space
        .apply(&[manifest::policy("first", &[("all", &[&one], &[])]), manifest::policy("second", &[("all", &[&two], &[])])])
        .await?;
    space.condition("EgressPolicy", "second", "Ready", "True", "Unused", Duration::from_secs(30)).await?;
    space.apply(&[manifest::tier("user", "first")]).await?;
    space.ready("user").await?;
    let (before, old) = (space.agent("user").await?, space.lane("first", "user").await?);
    space.apply(&[manifest::tier("user", "second")]).await?;
    until("the pod to be rolled", READY, || async {
        let pods = space.pods("tier", "user", "agent").await?;
        Ok(if pods.iter().all(|pod| text(pod, "/metadata/uid") != before.uid) {
            Look::Found(())
        } else {
            Look::NotYet("the old pod runs".into())
        })
    })
    .await?;
    space.ready("user").await?;
    let (pod, lane) = (space.agent("user").await?, space.lane("second", "user").await?);
    until_open(&space, &pod, &lane, &two, true, Duration::from_secs(15)).await?;
    ensure!(!connect(&space, &pod, &lane, &one, &[]).await?.open(), "the old policy's host is reachable");
    ensure!(!connect(&space, &pod, &old, &one, &[]).await?.open(), "the old lane still works");
    let first = space.condition("EgressPolicy", "first", "Ready", "True", "Unused", Duration::from_secs(60)).await?;
    ensure!(items(&first, "/status/lanes").is_empty(), "the old policy keeps its lane: {}", first["status"]["lanes"]);

    let claim = |object: serde_json::Value| text(&object, "/metadata/uid");
    let state = claim(space.world.cluster.must("PersistentVolumeClaim", &space.name, "user-state").await?);
    let suspended = |suspend: bool| json!({"spec": {"suspend": suspend}});
    space.world.cluster.patch("AssistantTier", &space.name, "user", &suspended(true)).await?;
    space.condition("AssistantTier", "user", "Ready", "False", "Suspended", Duration::from_secs(30)).await?;
    until("no pod to run", Duration::from_secs(30), || async {
        let pods = space.world.cluster.list("Pod", &space.name, "assistant.home.arpa/tier=user").await?;
        Ok(if pods.is_empty() { Look::Found(()) } else { Look::NotYet(format!("{} pods", pods.len())) })
    })
    .await?;
    space.world.cluster.patch("AssistantTier", &space.name, "user", &suspended(false)).await?;
    space.ready("user").await?;
    let kept = claim(space.world.cluster.must("PersistentVolumeClaim", &space.name, "user-state").await?);
    ensure!(kept == state, "the claim was made anew by a suspension");
    Ok(())
}

async fn no_operator(space: Space) -> Outcome {
    let one = host(&space, "one");
    space.apply(&[manifest::policy("home", &[("all", &[&one], &[])]), manifest::tier("user", "home")]).await?;
    space.ready("user").await?;
    let (pod, lane) = (space.agent("user").await?, space.lane("home", "user").await?);
    let node = space.world.node.clone();
    then_always(
        async {
            space.world.cluster.patch("Deployment", OPERATOR, "assistant-operator", &json!({"spec": {"replicas": 0}})).await?;
            until("the operator to be gone", Duration::from_secs(40), || async {
                let pods = space.world.cluster.list("Pod", OPERATOR, "app.kubernetes.io/name=assistant-operator").await?;
                Ok(if pods.is_empty() { Look::Found(()) } else { Look::NotYet(format!("{} pods", pods.len())) })
            })
            .await?;
            shut(&space, &pod).await?;
            ensure!(connect(&space, &pod, &lane, &one, &[]).await?.open(), "without an operator the way out is closed, too");
            // A pod that comes now is proven by the witnesses, which need no operator.
            let gone = crate::hostile::replace_agent(&space, "user").await?;
            let next = crate::hostile::new_agent(&space, "user", &gone).await?;
            until("the new pod to be ready", READY, || async {
                let found = space.world.cluster.must("Pod", &space.name, &next.name).await?;
                let ready = items(&found, "/status/conditions")
                    .iter()
                    .any(|c| text(c, "/type") == "Ready" && text(c, "/status") == "True");
                Ok(if ready { Look::Found(()) } else { Look::NotYet(found["status"]["initContainerStatuses"].to_string()) })
            })
            .await?;
            shut(&space, &next).await?;
            node.helm(&["uninstall", "secure-assistant", "-n", OPERATOR, "--wait"]).await?;
            throughout(Duration::from_secs(5), || shut(&space, &next)).await?;
            ensure!(connect(&space, &next, &lane, &one, &[]).await?.open(), "after the uninstall the way out is closed, too");
            ensure!(space.get("AssistantTier", "user").await?.is_some(), "the uninstall took the tier along");
            Ok(())
        },
        charts(&node),
    )
    .await?;
    for workload in ["deployment/assistant-operator", "daemonset/witness-a", "daemonset/witness-b"] {
        node.kubectl(&["-n", OPERATOR, "rollout", "status", workload, "--timeout=90s"]).await?;
    }
    space.ready("user").await?;
    Ok(())
}
