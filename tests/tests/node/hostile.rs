//! Steps shared by tests with a stand-in that misbehaves: did it ever run, did it ever get through.

use assistant_proof::{Evidence, Verdict};
use assistant_tests::Outcome;
use assistant_tests::cluster::{items, text};
use assistant_tests::ensure;
use assistant_tests::install::CONTROLS;
use assistant_tests::internet::stamp;
use assistant_tests::manifest;
use assistant_tests::space::{Pod, Space};
use assistant_tests::wait::{Look, until};
use serde_json::{Value, json};
use std::future::Future;
use std::time::Duration;

/// Whether the assistant's own container of a pod ever ran.
pub fn started(pod: &Value) -> bool {
    items(pod, "/status/containerStatuses").iter().any(|container| {
        container["restartCount"].as_u64().unwrap_or_default() > 0
            || ["running", "terminated"].iter().any(|state| container["state"].get(state).is_some())
            || container["lastState"].get("terminated").is_some()
    })
}

/// Fails when any agent pod of a tier has run an instruction of the assistant.
pub async fn nothing_started(space: &Space, tier: &str) -> Outcome {
    for pod in space.pods("tier", tier, "agent").await? {
        ensure!(
            !started(&pod),
            "the assistant in pod {} ran: {}",
            text(&pod, "/metadata/name"),
            pod["status"]["containerStatuses"]
        );
    }
    Ok(())
}

/// The lines a hostile stand-in wrote about its dialling.
pub async fn dials(space: &Space, namespace: &str, pod: &str, container: &str) -> Outcome<Vec<String>> {
    let log = space.world.cluster.log(namespace, pod, container, false, 100_000).await?;
    Ok(log.lines().filter(|line| line.starts_with("dial ")).map(str::to_owned).collect())
}

/// When the gate of a pod that runs had its proof, as the internet's records write times. What the pod's address sent before came from
/// the gate itself, which tries the closed targets while they may still be open.
async fn proven_at(space: &Space, pod: &Pod) -> Outcome<String> {
    let object = space.world.cluster.must("Pod", &space.name, &pod.name).await?;
    let gate = items(&object, "/status/initContainerStatuses").iter().find(|container| text(container, "/name") == "gate");
    let evidence: Evidence = serde_json::from_str(&gate.map(|gate| text(gate, "/state/terminated/message")).unwrap_or_default())?;
    ensure!(evidence.verdict == Verdict::Closed, "the gate of pod {} said {:?}", pod.name, evidence.verdict);
    Ok(stamp(evidence.at))
}

/// The stand-in tried at least `least` times and never got through. No packet of its pod ever came to `target`, where it dials, and
/// none anywhere after the proof.
pub async fn tried_in_vain(space: &Space, pod: &Pod, least: usize, since: &str, target: &str) -> Outcome<usize> {
    let lines = until("the stand-in's attempts", Duration::from_secs(20), || async {
        let lines = dials(space, &space.name, &pod.name, "assistant").await?;
        Ok(if lines.len() >= least { Look::Found(lines) } else { Look::NotYet(format!("{} attempts", lines.len())) })
    })
    .await?;
    let through: Vec<&String> = lines.iter().filter(|line| line.contains(" connected ")).collect();
    ensure!(through.is_empty(), "pod {} got through: {through:?}", pod.name);
    let proven = proven_at(space, pod).await?;
    let packets = space.world.internet.packets_from(&pod.address, since).await?;
    let to = |packet: &&Value| text(packet, "/dst").starts_with(&format!("{target}:"));
    let late = |packet: &&Value| text(packet, "/at") > proven;
    let bad: Vec<&Value> = packets.iter().filter(|packet| to(packet) || late(packet)).collect();
    ensure!(bad.is_empty(), "packets of pod {}, proven at {proven}, arrived: {bad:?}", pod.name);
    Ok(lines.len())
}

/// The same image where nothing fences it gets through: what it dials is alive, and it does dial.
pub async fn control(space: &Space, image: &str) -> Outcome {
    let name = format!("control-{}-{}", space.name, image.rsplit(':').next().unwrap_or_default());
    let pod = manifest::plain_pod(&name, image, &["daemon"], &json!({"app": "control"}));
    space.world.cluster.apply(CONTROLS, &[pod]).await?;
    let seen = until("the unfenced stand-in to get through", Duration::from_secs(90), || async {
        let lines = dials(space, CONTROLS, &name, "main").await?;
        let through = lines.iter().any(|line| line.contains(" connected "));
        Ok(if through { Look::Found(()) } else { Look::NotYet(format!("{lines:?}")) })
    })
    .await;
    space.world.cluster.delete("Pod", CONTROLS, &name, Some(0)).await?;
    seen
}

/// Does something and afterwards, whatever came of it, something else.
pub async fn then_always(work: impl Future<Output = Outcome>, after: impl Future<Output = Outcome>) -> Outcome {
    let outcome = work.await;
    let restored = after.await;
    outcome?;
    restored
}

/// Replaces the agent pod of a tier, without waiting for back-offs; the pod that was there.
pub async fn replace_agent(space: &Space, tier: &str) -> Outcome<Vec<String>> {
    let mut gone = Vec::new();
    for pod in space.pods("tier", tier, "agent").await? {
        let name = text(&pod, "/metadata/name");
        space.world.cluster.delete("Pod", &space.name, &name, Some(1)).await?;
        gone.push(name);
    }
    Ok(gone)
}

/// Waits until the tier has an agent pod that is none of these, with an address.
pub async fn new_agent(space: &Space, tier: &str, not: &[String]) -> Outcome<Pod> {
    until(&format!("a new agent pod of {tier}"), Duration::from_secs(60), || async {
        let pods = space.pods("tier", tier, "agent").await?;
        let fresh = pods.iter().find(|pod| !not.contains(&text(pod, "/metadata/name")) && !text(pod, "/status/podIP").is_empty());
        Ok(fresh.map_or_else(|| Look::NotYet(format!("{} pods", pods.len())), |pod| Look::Found(Pod::of(pod))))
    })
    .await
}
