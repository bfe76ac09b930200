//! What a person wants to see when a test failed: the objects of its namespace, the pods with their gates' words, and the logs. I/O: API reads.

use crate::Outcome;
use crate::cluster::{conditions, items, text};
use crate::space::Space;
use serde_json::Value;
use std::fmt::Write;

/// Longer lines are cut: evidence and objects fill screens.
const WIDTH: usize = 320;

/// As text; what cannot be read is left out with a word why.
pub async fn of(space: &Space) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "--- namespace {}", space.name);
    for kind in ["EgressPolicy", "AssistantTier"] {
        for object in space.world.cluster.list(kind, &space.name, "").await.unwrap_or_default() {
            let deleting = text(&object, "/metadata/deletionTimestamp");
            let _ = writeln!(out, "{kind} {} {deleting}: {}", text(&object, "/metadata/name"), conditions(&object));
        }
    }
    for pod in space.world.cluster.list("Pod", &space.name, "").await.unwrap_or_default() {
        if let Err(error) = one_pod(space, &pod, &mut out).await {
            let _ = writeln!(out, "  (not shown: {error})");
        }
    }
    for kind in ["NetworkPolicy", "Deployment"] {
        let names: Vec<String> = space
            .world
            .cluster
            .list(kind, &space.name, "")
            .await
            .unwrap_or_default()
            .iter()
            .map(|o| text(o, "/metadata/name"))
            .collect();
        let _ = writeln!(out, "{kind}: {}", names.join(", "));
    }
    let log = space.world.operator_log(400).await.unwrap_or_else(|error| error.to_string());
    let about: Vec<&str> = log.lines().filter(|line| line.contains(&space.name)).collect();
    let _ = writeln!(out, "operator about it:");
    about.iter().skip(about.len().saturating_sub(15)).for_each(|line| {
        let _ = writeln!(out, "  {line}");
    });
    out.lines().map(|line| line.chars().take(WIDTH).chain(['\n']).collect::<String>()).collect()
}

async fn one_pod(space: &Space, pod: &Value, out: &mut String) -> Outcome {
    let name = text(pod, "/metadata/name");
    let (phase, address, deleting) =
        (text(pod, "/status/phase"), text(pod, "/status/podIP"), text(pod, "/metadata/deletionTimestamp"));
    writeln!(out, "Pod {name} {phase} {address} {deleting}")?;
    let all = items(pod, "/status/initContainerStatuses").iter().chain(items(pod, "/status/containerStatuses"));
    for container in all {
        let which = text(container, "/name");
        writeln!(
            out,
            "  {which}: restarts {} state {} last {}",
            container["restartCount"], container["state"], container["lastState"]
        )?;
        if container.pointer("/state/waiting").is_none() || container["restartCount"].as_u64().unwrap_or_default() > 0 {
            let log =
                space.world.cluster.log(&space.name, &name, &which, false, 12).await.unwrap_or_else(|error| error.to_string());
            log.lines().try_for_each(|line| writeln!(out, "    {line}"))?;
        }
    }
    Ok(())
}
