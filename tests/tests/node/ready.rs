//! The example becomes a running, contained assistant that answers; and then the operator keeps quiet.

use assistant_tests::cluster::{CHILDREN, condition, text};
use assistant_tests::command::run;
use assistant_tests::install::OPERATOR;
use assistant_tests::space::{READY, Space};
use assistant_tests::suite::Suite;
use assistant_tests::wait::{Look, until};
use assistant_tests::{Outcome, ensure};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// What the operator says when the API server stores something else than was built.
const READ_BACK: &str = "The API server changed what was written";

/// How long a settled house is watched for writes.
const QUIET: Duration = Duration::from_secs(20);

/// All of them.
pub fn tests(suite: &mut Suite) {
    suite.shared("example_becomes_ready_and_answers", example);
    suite.alone("a_settled_house_is_quiet_and_a_restart_writes_nothing", quiet);
}

/// `examples/tier.yaml` as it is, in this test's namespace.
async fn apply_example(space: &Space) -> Outcome {
    let yaml = std::fs::read_to_string(space.world.node.root.join("examples/tier.yaml"))?;
    let mut objects = serde_saphyr::from_multiple::<Value>(&yaml)?;
    for object in &mut objects {
        object["metadata"]["namespace"] = Value::from(space.name.as_str());
    }
    ensure!(objects.len() == 2, "examples/tier.yaml holds {} objects, not a policy and a tier", objects.len());
    space.apply(&objects).await
}

async fn example(space: Space) -> Outcome {
    apply_example(&space).await?;
    let tier = space.ready("updates").await?;
    let (status, reason, _) = condition(&tier, "Contained").ok_or("a Ready tier has no condition Contained")?;
    ensure!(status == "True" && reason == "ProvenAtStart", "Contained is {status}/{reason}");
    let closed = tier.pointer("/status/containment/closedAfterMilliseconds").and_then(Value::as_u64);
    let closed = closed.ok_or("status.containment.closedAfterMilliseconds is not there")?;
    // Ten rounds take longer than a second, so the first of them ended well before the deadline of 30 s.
    ensure!(closed < 30_000, "closedAfterMilliseconds is {closed}");
    println!("example: the floor closed {closed} ms after the gate began");
    for type_ in ["EgressReady", "ModelReady"] {
        let (status, reason, message) = condition(&tier, type_).ok_or_else(|| format!("no condition {type_}"))?;
        ensure!(status == "True", "{type_} is {status}/{reason}: {message}");
    }
    columns(&space).await?;
    pod_shape(&space).await?;
    let answer = say(&space, "updates", "say the kettle is on").await?;
    ensure!(answer.trim() == "the kettle is on", "the assistant answered {answer:?}");
    no_read_back(&space).await
}

async fn columns(space: &Space) -> Outcome {
    let shown = space.world.node.kubectl(&["-n", &space.name, "get", "assistanttiers"]).await?;
    let mut lines = shown.lines();
    let head: Vec<&str> = lines.next().unwrap_or_default().split_whitespace().collect();
    ensure!(head == ["NAME", "READY", "CONTAINED", "CREDENTIALS", "MODEL", "REASON", "AGE"], "columns of tiers are {head:?}");
    let row: Vec<&str> = lines.next().unwrap_or_default().split_whitespace().collect();
    ensure!(row.len() == 7 && row[..6] == ["updates", "True", "True", "0/0", "assistant", "Running"], "the row is {row:?}");
    let shown = space.world.node.kubectl(&["-n", &space.name, "get", "egresspolicies"]).await?;
    let mut lines = shown.lines();
    let head: Vec<&str> = lines.next().unwrap_or_default().split_whitespace().collect();
    ensure!(head == ["NAME", "READY", "HOSTS", "LANES", "DENIED", "REASON", "AGE"], "columns of policies are {head:?}");
    let row = lines.next().unwrap_or_default();
    let words: Vec<&str> = row.split_whitespace().collect();
    ensure!(words.starts_with(&["home", "True", "1", "1"]) && words.contains(&"Serving"), "the row is {row:?}");
    Ok(())
}

/// What a pod of a tier must never have.
async fn pod_shape(space: &Space) -> Outcome {
    let agent = space.agent("updates").await?;
    let pod = space.world.cluster.must("Pod", &space.name, &agent.name).await?;
    let spec = &pod["spec"];
    ensure!(spec["automountServiceAccountToken"] == false, "the pod has a service account's token");
    ensure!(
        text(&pod, "/spec/initContainers/0/name") == "gate",
        "the first init container is {}",
        spec["initContainers"][0]["name"]
    );
    ensure!(spec["dnsPolicy"] == "None", "dnsPolicy is {}", spec["dnsPolicy"]);
    ensure!(spec["hostUsers"] == false, "hostUsers is {}, and this node has user namespaces", spec["hostUsers"]);
    let mounts = serde_json::to_string(&spec["initContainers"][0]["volumeMounts"])?;
    ensure!(!mounts.contains("state") && !mounts.contains("workspace") && !mounts.contains("token"), "the gate mounts {mounts}");
    for label in ["assistant.home.arpa/fenced", "assistant.home.arpa/tier", "app.kubernetes.io/managed-by"] {
        ensure!(pod["metadata"]["labels"].get(label).is_some(), "the pod has no label {label}");
    }
    Ok(())
}

/// A message by the way a person sends one.
pub async fn say(space: &Space, tier: &str, message: &str) -> Outcome<String> {
    let mut command = std::process::Command::new(space.world.node.root.join("k3s/say"));
    command.args([tier, message, "-n", &space.name]).env("KUBECONFIG", space.world.node.kubeconfig());
    command.env("SECURE_ASSISTANT_CACHE", &space.world.node.cache);
    run(command, Duration::from_secs(150)).await?.good("k3s/say")
}

async fn no_read_back(space: &Space) -> Outcome {
    let log = space.world.operator_log(5000).await?;
    let told: Vec<&str> = log.lines().filter(|line| line.contains(READ_BACK)).take(5).collect();
    ensure!(told.is_empty(), "what is read back differs from what was built:\n{}", told.join("\n"));
    Ok(())
}

/// UID and resource version of everything the operator writes in a namespace, by kind and name.
async fn versions(space: &Space) -> Outcome<BTreeMap<String, String>> {
    let mut all = BTreeMap::new();
    for kind in CHILDREN.iter().chain(&["AssistantTier", "EgressPolicy", "Pod"]) {
        for object in space.world.cluster.list(kind, &space.name, "").await? {
            let version = format!("{} {}", text(&object, "/metadata/uid"), text(&object, "/metadata/resourceVersion"));
            all.insert(format!("{kind}/{}", text(&object, "/metadata/name")), version);
        }
    }
    Ok(all)
}

/// Changes the operator asked the API server for since the log had this many bytes, but those of its own lease.
async fn asked(space: &Space, from: usize) -> Outcome<(Vec<String>, usize)> {
    let log = std::fs::read_to_string(space.world.node.state().join("log/audit.jsonl"))?;
    let mut found = Vec::new();
    let mut lease = 0;
    for line in log.get(from..).unwrap_or_default().lines() {
        let event: Value = serde_json::from_str(line)?;
        let object = &event["objectRef"];
        if object["resource"] == "leases" {
            lease += 1;
            continue;
        }
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        found.push(format!(
            "{} {} {}/{}",
            word(&event["verb"]),
            word(&object["resource"]),
            word(&object["namespace"]),
            word(&object["name"])
        ));
    }
    ensure!(lease > 0, "the audit log shows not even the operator's lease, so its silence shows nothing");
    Ok((found, log.len()))
}

async fn audit_length(space: &Space) -> Outcome<usize> {
    Ok(std::fs::read_to_string(space.world.node.state().join("log/audit.jsonl"))?.len())
}

async fn quiet(space: Space) -> Outcome {
    apply_example(&space).await?;
    space.ready("updates").await?;
    let settled = |before: BTreeMap<String, String>, after: BTreeMap<String, String>| {
        let changed: Vec<String> =
            after.iter().filter(|(key, version)| before.get(*key) != Some(*version)).map(|(key, _)| key.clone()).collect();
        if changed.is_empty() && before.len() == after.len() {
            Ok(())
        } else {
            Err(format!("these changed: {}", changed.join(", ")))
        }
    };
    // Kubelets and endpoint controllers have their last words first; other tests' leftovers go.
    until("the cluster to settle", Duration::from_secs(90), || async {
        let (from, before) = (audit_length(&space).await?, versions(&space).await?);
        tokio::time::sleep(Duration::from_secs(6)).await;
        let (asked, _) = asked(&space, from).await?;
        let still = settled(before, versions(&space).await?);
        Ok(match (asked.is_empty(), still) {
            (true, Ok(())) => Look::Found(()),
            (_, still) => Look::NotYet(format!("{still:?}; the operator asked for {asked:?}")),
        })
    })
    .await?;

    let (from, before) = (audit_length(&space).await?, versions(&space).await?);
    tokio::time::sleep(QUIET).await;
    let (writes, from) = { asked(&space, from).await? };
    ensure!(writes.is_empty(), "in {QUIET:?} of quiet the operator asked for {writes:?}");
    settled(before, versions(&space).await?).map_err(|what| format!("in {QUIET:?} of quiet {what}"))?;

    let before = versions(&space).await?;
    restart_operator(&space).await?;
    space.condition("AssistantTier", "updates", "Ready", "True", "", READY).await?;
    tokio::time::sleep(Duration::from_secs(8)).await;
    let (writes, _) = asked(&space, from).await?;
    ensure!(writes.is_empty(), "a restarted operator asked for {writes:?}");
    settled(before, versions(&space).await?).map_err(|what| format!("after a restart of the operator {what}"))?;
    let log = space.world.operator_log(2000).await?;
    ensure!(log.contains("Leading"), "the new operator does not lead:\n{log}");
    no_read_back(&space).await
}

/// A new operator process that leads.
pub async fn restart_operator(space: &Space) -> Outcome {
    let node = &space.world.node;
    node.kubectl(&["-n", OPERATOR, "rollout", "restart", "deployment/assistant-operator"]).await?;
    node.kubectl(&["-n", OPERATOR, "rollout", "status", "deployment/assistant-operator", "--timeout=90s"]).await?;
    until("the new operator to lead", Duration::from_secs(40), || async {
        let log = space.world.operator_log(200).await?;
        Ok(if log.contains("Leading") {
            Look::Found(())
        } else {
            Look::NotYet(log.lines().last().unwrap_or_default().to_owned())
        })
    })
    .await
}
