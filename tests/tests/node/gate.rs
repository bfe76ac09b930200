//! Nothing of an assistant runs before the proof: assistants whose first instruction dials, and everything that keeps a proof from being made.

use crate::hostile::{control, new_agent, nothing_started, replace_agent, then_always, tried_in_vain};
use assistant_tests::cluster::{condition, conditions, text};
use assistant_tests::images::hostile;
use assistant_tests::install::OPERATOR;
use assistant_tests::internet::now;
use assistant_tests::manifest;
use assistant_tests::space::{READY, Space};
use assistant_tests::suite::Suite;
use assistant_tests::wait::{Look, throughout, until};
use assistant_tests::{Outcome, ensure};
use serde_json::{Value, json};
use std::time::Duration;

/// Where the hostile stand-ins of this file dial on the internet.
const OUTSIDE: &str = "203.0.113.120";
/// The gate gives up after half a minute; the kubelet needs a moment to say so.
const VERDICT: Duration = Duration::from_secs(75);

/// All of them.
pub fn tests(suite: &mut Suite) {
    suite.shared("first_instruction_never_connects", first_instruction);
    suite.shared("starts_under_churn_never_connect", churn);
    suite.alone("policy_controller_stopped_or_late", late_policies);
    suite.alone("one_witness_gone", witness_gone);
    suite.alone("a_policy_that_selects_the_witness", witness_policy);
    suite.alone("link_local_is_open_without_the_node_rule", link_local);
}

/// An image that dials outside, for this test.
async fn outside_image(space: &Space) -> Outcome<String> {
    hostile(&space.world.node, &format!("{}-outside", space.name), &format!("{OUTSIDE}:443"), false).await
}

/// One policy and one hostile tier `dialler`, Ready.
async fn dialler(space: &Space) -> Outcome {
    let image = outside_image(space).await?;
    control(space, &image).await?;
    let host = format!("api.{}.example.org", space.name);
    space
        .apply(&[manifest::policy("home", &[("one", &[&host], &[])]), manifest::tier_with_image("dialler", "home", &image)])
        .await?;
    space.ready("dialler").await.map(|_| ())
}

async fn first_instruction(space: Space) -> Outcome {
    let began = now();
    let canary = format!("{}:7071", space.world.witness("a").await?);
    let inside = hostile(&space.world.node, &format!("{}-canary", space.name), &canary, false).await?;
    control(&space, &inside).await?;
    dialler(&space).await?;
    space.apply(&[manifest::tier_with_image("canary", "home", &inside)]).await?;
    space.ready("canary").await?;
    for tier in ["dialler", "canary"] {
        let pod = space.agent(tier).await?;
        let tries = tried_in_vain(&space, &pod, 20, &began, OUTSIDE).await?;
        println!("first instruction: {tier} tried {tries} times in vain");
    }
    // The same pods, seen from the place that dials: a connection attempt of somebody unfenced does arrive there.
    let seen = space.world.node.probe(&space.world.outsider(), &["tcp", &format!("{OUTSIDE}:443")]).await?;
    ensure!(seen.open(), "the address they dial is not alive: {}", seen.short());
    Ok(())
}

async fn churn(space: Space) -> Outcome {
    let (tiers, rounds) = if std::env::var("SOAK").is_ok_and(|value| value == "1") { (8, 25) } else { (4, 5) };
    let began = now();
    dialler(&space).await?;
    let image = outside_image(&space).await?;
    let names: Vec<String> = (0..tiers).map(|n| format!("c{n}")).collect();
    for name in &names {
        space.apply(&[manifest::tier_with_image(name, "home", &image)]).await?;
    }
    let mut starts = 0;
    let one_tier = |name: String| {
        let (space, began, image) = (space.clone(), began.clone(), image.clone());
        async move {
            let (mut gone, mut starts) = (Vec::new(), 0);
            for round in 0..rounds {
                if round > 0 {
                    // Every third time the tier itself goes and comes back, which also changes its policies and its lane.
                    if round % 3 == 0 {
                        space.delete("AssistantTier", &name).await?;
                        until(&format!("the end of {name}"), READY, || async {
                            Ok(if space.get("AssistantTier", &name).await?.is_none() {
                                Look::Found(())
                            } else {
                                Look::NotYet("it is there".into())
                            })
                        })
                        .await?;
                        space.apply(&[manifest::tier_with_image(&name, "home", &image)]).await?;
                    } else {
                        gone.extend(replace_agent(&space, &name).await?);
                    }
                }
                // A tier that comes back may be given another lane while its first pod is still held back; that pod is then replaced.
                let pod = until(&format!("a pod of {name} to run its assistant"), READY, || async {
                    let pod = new_agent(&space, &name, &gone).await?;
                    Ok(match space.get("Pod", &pod.name).await? {
                        Some(found) if crate::hostile::started(&found) => Look::Found(pod),
                        Some(found) => Look::NotYet(found["status"]["initContainerStatuses"].to_string()),
                        None => Look::NotYet(format!("pod {} is gone", pod.name)),
                    })
                })
                .await?;
                tried_in_vain(&space, &pod, 3, &began, OUTSIDE).await?;
                starts += 1;
            }
            Ok::<usize, assistant_tests::Failure>(starts)
        }
    };
    for result in futures::future::join_all(names.into_iter().map(one_tier)).await {
        starts += result?;
    }
    let least = tiers * rounds;
    ensure!(starts >= least, "{starts} starts, wanted {least}");
    println!("churn: {starts} starts, none of them reached anything");
    Ok(())
}

/// The agent pod is replaced; the new one must be kept back, with this condition; the tier as it then is.
async fn kept_back(space: &Space, tier: &str, status: &str, reasons: &[&str]) -> Outcome<Value> {
    let gone = replace_agent(space, tier).await?;
    new_agent(space, tier, &gone).await?;
    let told = until(&format!("{tier} to say Contained={status}, {reasons:?}"), VERDICT, || async {
        nothing_started(space, tier).await?;
        let object = space.world.cluster.must("AssistantTier", &space.name, tier).await?;
        let (is, reason, _) = condition(&object, "Contained").unwrap_or_default();
        Ok(if is == status && reasons.contains(&reason.as_str()) {
            Look::Found(object)
        } else {
            Look::NotYet(conditions(&object))
        })
    })
    .await?;
    let (_, reason, message) = condition(&told, "Contained").unwrap_or_default();
    println!("kept back: {reason}: {message}");
    ensure!(condition(&told, "Ready").is_some_and(|(status, ..)| status == "False"), "kept back, and yet: {}", conditions(&told));
    nothing_started(space, tier).await?;
    Ok(told)
}

/// Back to Ready without waiting for the kubelet's back-off.
async fn recovers(space: &Space, tier: &str, began: &str) -> Outcome {
    let gone = replace_agent(space, tier).await?;
    let pod = new_agent(space, tier, &gone).await?;
    space.ready(tier).await?;
    // The operator may have replaced that one, too.
    let pod = space.agent(tier).await.unwrap_or(pod);
    tried_in_vain(space, &pod, 3, began, OUTSIDE).await.map(|_| ())
}

async fn late_policies(space: Space) -> Outcome {
    let began = now();
    dialler(&space).await?;
    let node = space.world.node.clone();
    let open = ["CanaryReached", "CanaryReachedByUdp", "OutsideReached", "DnsReached", "ClosedTargetReached"];
    then_always(
        async {
            node.policy_controller(&["stop"]).await?;
            kept_back(&space, "dialler", "False", &open).await?;
            throughout(Duration::from_secs(3), || nothing_started(&space, "dialler")).await?;
            // Started again, but every change half a minute late: the pod that comes now outlives its gate's deadline once.
            node.policy_controller(&["delay", "30"]).await?;
            kept_back(&space, "dialler", "False", &open).await.map(|_| ())
        },
        node.policy_controller(&["delay", "0"]),
    )
    .await?;
    recovers(&space, "dialler", &began).await
}

async fn witness_gone(space: Space) -> Outcome {
    let began = now();
    dialler(&space).await?;
    let selector = |value: Value| json!({"spec": {"template": {"spec": {"nodeSelector": value}}}});
    let cluster = &space.world.cluster;
    then_always(
        async {
            cluster.patch("DaemonSet", OPERATOR, "witness-a", &selector(json!({"nowhere": "here"}))).await?;
            until("witness a to go", Duration::from_secs(40), || async {
                let pods = cluster.list("Pod", OPERATOR, "assistant.home.arpa/witness=a").await?;
                Ok(if pods.is_empty() { Look::Found(()) } else { Look::NotYet(format!("{} pods", pods.len())) })
            })
            .await?;
            let told = kept_back(&space, "dialler", "Unknown", &["WitnessMissing"]).await?;
            let (_, _, message) = condition(&told, "Contained").unwrap_or_default();
            ensure!(message.contains("witness"), "the message does not name the witness: {message}");
            Ok(())
        },
        async {
            cluster.patch("DaemonSet", OPERATOR, "witness-a", &selector(json!({"nowhere": null}))).await?;
            space
                .world
                .node
                .kubectl(&["-n", OPERATOR, "rollout", "status", "daemonset/witness-a", "--timeout=60s"])
                .await
                .map(|_| ())
        },
    )
    .await?;
    recovers(&space, "dialler", &began).await
}

async fn witness_policy(space: Space) -> Outcome {
    dialler(&space).await?;
    let before = space.agent("dialler").await?;
    let cluster = &space.world.cluster;
    let foreign = json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "nosy"},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress"]}});
    then_always(
        async {
            cluster.apply(OPERATOR, &[foreign]).await?;
            let object = space
                .condition("AssistantTier", "dialler", "Contained", "Unknown", "WitnessPolicy", Duration::from_secs(15))
                .await?;
            ensure!(conditions(&object).contains("nosy"), "the policy is not named: {}", conditions(&object));
            space.apply(&[manifest::tier("late", "home")]).await?;
            let late =
                space.condition("AssistantTier", "late", "Ready", "False", "WitnessPolicy", Duration::from_secs(15)).await?;
            println!("a policy that selects the witness: {}", conditions(&late));
            throughout(Duration::from_secs(4), || async {
                ensure!(space.pods("tier", "late", "agent").await?.is_empty(), "a pod of the tier `late` was made");
                Ok(())
            })
            .await
        },
        cluster.delete("NetworkPolicy", OPERATOR, "nosy", None),
    )
    .await?;
    space.ready("late").await?;
    space.ready("dialler").await?;
    ensure!(space.agent("dialler").await? == before, "the pod that ran was replaced");
    Ok(())
}

async fn link_local(space: Space) -> Outcome {
    let began = now();
    dialler(&space).await?;
    let node = space.world.node.clone();
    let outsider = space.world.outsider();
    let neighbours = ["ll", "7071", "8080", "10250", "--timeout", "1200"];
    let fenced = node.probe(&space.from(&space.agent("dialler").await?.name), &neighbours).await?;
    ensure!(fenced.closed(), "with the node rule a fenced pod reaches its neighbours: {}", fenced.0);
    then_always(
        async {
            node.rule("off").await?;
            // Two controls: without the rule the neighbours answer anybody, a fenced pod too. That is why the rule is needed.
            for (who, place) in [("an unfenced pod", outsider), ("a fenced pod", space.from(&space.agent("dialler").await?.name))]
            {
                let seen = node.probe(&place, &neighbours).await?;
                ensure!(
                    seen.open(),
                    "without the node rule {who} reaches no neighbour, so its closing shows nothing: {}",
                    seen.0
                );
            }
            let told = kept_back(&space, "dialler", "False", &["LinkLocalOpen"]).await?;
            let (_, _, message) = condition(&told, "Contained").unwrap_or_default();
            ensure!(message.contains("nodePrep.enabled=true"), "the remedy is not named: {message}");
            Ok(())
        },
        node.rule("on"),
    )
    .await?;
    let seen =
        node.probe(&space.from(&text(&space.pods("policy", "home", "egress").await?[0], "/metadata/name")), &neighbours).await?;
    ensure!(seen.closed(), "with the node rule an egress pod reaches its neighbours: {}", seen.0);
    recovers(&space, "dialler", &began).await
}
