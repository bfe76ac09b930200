//! Every right that the chart grants is used. That no other is asked for, every test checks at its end.

use crate::cluster_double::says;
use crate::fake_api::fault::Process;
use crate::fake_api::rights::Right;
use crate::world::{NAMESPACE, OWN, World, example};
use assistant_operator::lease::Contender;
use assistant_operator::names;
use assistant_proof::{Verdict, reason};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// (section, group, resource, verb, why it is granted although no request of these tests uses it).
const NOT_SENT: [(&str, &str, &str, &str, &str); 2] = [
    (
        "cluster",
        "assistant.home.arpa",
        "assistanttiers/finalizers",
        "update",
        "asked for by an admission plugin, not by a request",
    ),
    (
        "cluster",
        "assistant.home.arpa",
        "egresspolicies/finalizers",
        "update",
        "asked for by an admission plugin, not by a request",
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_right_is_used() {
    let world = World::with_operator().await;
    // The first egress pod is replaced; a second tier adds a lane; the policy gets wider; a claim grows; everything ends.
    world.cluster.gates_say(|pod| {
        let first =
            pod["metadata"]["name"].as_str().is_some_and(|name| name.starts_with("updates-agent-") && name.ends_with("-2"));
        Some(if first {
            says(Verdict::Breach, reason::CANARY_REACHED_UDP, "reached", true)
        } else {
            says(Verdict::Closed, reason::CLOSED, "closed", false)
        })
    });
    world.apply(&example("tier.yaml"));
    world.until_ready("updates").await;
    world.apply(&example("two-tiers.yaml"));
    world.until_ready("tasks").await;
    world.until_ready("updates").await;
    world.edit("AssistantTier", NAMESPACE, "updates", |tier| {
        tier["spec"]["storage"]["state"]["size"] = json!("1Gi");
        tier["spec"]["agent"]["allowedCommands"] = json!(["ls"]);
        tier["spec"]["agent"]["persona"] = json!({"configMapRef": {"name": "nobody"}});
    });
    world.until_condition("AssistantTier", "updates", "Ready", "False", "PersonaMissing").await;
    world.edit("AssistantTier", NAMESPACE, "updates", |tier| tier["spec"]["agent"]["persona"] = serde_json::Value::Null);
    world.until_ready("updates").await;
    world.delete("NetworkPolicy", "assistants-fence");
    world.until("the fence is followed", |store| store.get("NetworkPolicy", NAMESPACE, "assistants-fence").is_none()).await;
    // The same reason twice: an Event is counted up.
    for _ in 0..2 {
        for suspend in [true, false] {
            world.edit("AssistantTier", NAMESPACE, "tasks", |tier| tier["spec"]["suspend"] = json!(suspend));
            let (status, why) = if suspend { ("False", "Suspended") } else { ("True", "Running") };
            world.until_condition("AssistantTier", "tasks", "Ready", status, why).await;
        }
    }
    for tier in ["updates", "tasks"] {
        world.delete("AssistantTier", tier);
    }
    world.until_condition("EgressPolicy", "home", "Ready", "True", "Unused").await;
    world.until("the unused proxy is gone", |store| store.get("ConfigMap", NAMESPACE, "home-egress-plan").is_none()).await;
    world.delete("EgressPolicy", "home");
    world.until("the fence is released", |store| store.list("NetworkPolicy", NAMESPACE).count() == 0).await;

    let stop = CancellationToken::new();
    let mut contender = Contender::new(world.api.client(&Arc::new(Process::default())), OWN, names::OPERATOR, "operator-0");
    assert!(contender.acquire(&stop).await);
    stop.cancel();
    assert!(contender.keep(&stop).await);

    let unused: BTreeSet<Right> = world.api.granted().difference(&world.api.used()).cloned().collect();
    let listed: BTreeSet<Right> =
        NOT_SENT.iter().map(|(a, b, c, d, _)| ((*a).to_owned(), (*b).to_owned(), (*c).to_owned(), (*d).to_owned())).collect();
    let needless: Vec<&Right> = unused.difference(&listed).collect();
    assert!(needless.is_empty(), "rights that nothing uses; take them out of rbac.yaml: {needless:#?}");
    let stale: Vec<&Right> = listed.difference(&unused).collect();
    assert!(stale.is_empty(), "rights that are used and listed as not sent: {stale:#?}");
}
