//! Lanes: who has which hosts, what a changed reference does and in which order, and a Squid that refuses its plan.

use crate::fake_api::store::{Change, label};
use crate::world::{NAMESPACE, World, example};
use assistant_egress::Plan;
use assistant_operator::names;
use serde_json::json;
use std::time::Duration;

fn plan(world: &World, policy: &str) -> Plan {
    Plan::from_json(crate::cluster_double::squid::plan(&world.api, NAMESPACE, policy).as_bytes())
        .expect("the plan on record is readable")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_tiers_share_a_policy_and_not_their_hosts() {
    let world = World::with_operator().await;
    world.apply(&example("two-tiers.yaml"));
    world.until_ready("updates").await;
    world.until_ready("tasks").await;
    let plan = plan(&world, "home");
    let hosts = |tier: &str| -> Vec<String> {
        let lane = plan.lanes.iter().find(|lane| lane.key.tier == tier).expect("each tier has a lane");
        lane.hosts.iter().map(|allowed| allowed.host.as_str().to_owned()).filter(|host| host != "try.example.org").collect()
    };
    assert_eq!((hosts("updates"), hosts("tasks")), (vec!["api.example.org".to_owned()], vec!["tasks.example.org".to_owned()]));
    assert_ne!(plan.lanes[0].port, plan.lanes[1].port);
    // Each lane's port is open to the pods of its own tier only.
    let policy = world.get("NetworkPolicy", "home-egress").expect("it stands");
    for lane in &plan.lanes {
        let rules: Vec<_> = policy["spec"]["ingress"]
            .as_array()
            .expect("it has rules")
            .iter()
            .filter(|rule| rule["ports"].as_array().is_some_and(|ports| ports.iter().any(|p| p["port"] == lane.port)))
            .collect();
        assert_eq!(rules.len(), 1);
        assert_eq!(
            rules[0]["from"],
            json!([{"podSelector": {"matchLabels": {names::TIER: lane.key.tier, names::COMPONENT: names::AGENT}}}])
        );
    }
    // One of them goes: its lane and password go, the other's stay as they are.
    let port = |tier: &str| plan.lanes.iter().find(|lane| lane.key.tier == tier).expect("a lane").port;
    let (kept, freed) = (names::lane("home", port("updates")), names::lane("home", port("tasks")));
    let version = world.get("Secret", &kept).expect("it is there")["metadata"]["resourceVersion"].clone();
    world.delete("AssistantTier", "tasks");
    world.until("the lane's password is gone", |store| store.get("Secret", NAMESPACE, &freed).is_none()).await;
    world.until_condition("EgressPolicy", "home", "Ready", "True", "Serving").await;
    world.until_ready("updates").await;
    assert_eq!(world.get("Secret", &kept).expect("it stays")["metadata"]["resourceVersion"], version);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_reference_makes_the_new_lane_first() {
    let world = World::with_operator().await;
    world.apply(&example("tier.yaml"));
    world.apply(
        "apiVersion: assistant.home.arpa/v1alpha1\nkind: EgressPolicy\nmetadata: {name: other, namespace: assistants}\nspec: {rules: [{name: x, hosts: [x.example.org]}]}\n",
    );
    world.until_ready("updates").await;
    world.until_condition("EgressPolicy", "other", "Ready", "True", "Unused").await;
    world.cluster.turn(|behaviour| behaviour.linger = true);
    world.edit("AssistantTier", NAMESPACE, "updates", |tier| tier["spec"]["egressPolicyRef"]["name"] = json!("other"));
    let rolled = |store: &crate::fake_api::store::Store| {
        store
            .get("Deployment", NAMESPACE, "updates-agent")
            .is_some_and(|d| label(&d["spec"]["template"], names::POLICY) == Some("other"))
    };
    world.until("the agent is to roll", rolled).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(world.get("Secret", "home-lane-3200").is_some(), "the old lane went while the old pod lives");
    assert!(world.get("Service", "home-egress").is_some());
    world.cluster.turn(|behaviour| behaviour.linger = false);
    world.until_ready("updates").await;
    world.until_condition("EgressPolicy", "home", "Ready", "True", "Unused").await;
    world
        .until("the old lane is gone", |store| {
            store.get("Secret", NAMESPACE, "home-lane-3200").is_none()
                && store.get("Deployment", NAMESPACE, "home-egress").is_none()
        })
        .await;

    let history: Vec<Change> = world.api.with(|store| store.history.clone());
    let when = |what: &dyn Fn(&Change) -> bool| history.iter().find(|change| what(change)).expect("it happened").version;
    let served = when(&|c| {
        c.key.kind == "EgressPolicy"
            && c.key.name == "other"
            && c.new.as_ref().is_some_and(|o| o["status"]["lanes"].as_array().is_some_and(|l| !l.is_empty()))
    });
    let roll = when(&|c| {
        c.key.name == "updates-agent"
            && c.key.kind == "Deployment"
            && c.new.as_ref().is_some_and(|o| label(&o["spec"]["template"], names::POLICY) == Some("other"))
    });
    let old_pod = when(&|c| {
        c.key.kind == "Pod" && c.new.is_none() && c.old.as_ref().is_some_and(|o| label(o, names::TIER) == Some("updates"))
    });
    let old_lane = when(&|c| c.key.kind == "Secret" && c.key.name == "home-lane-3200" && c.new.is_none());
    assert!(served < roll && roll < old_pod && old_pod < old_lane, "{served} {roll} {old_pod} {old_lane}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_squid_that_refuses_its_plan_is_told() {
    let world = World::with_operator().await;
    *world.cluster.refuses.lock().expect("no panic") = Some("bungled line 7".to_owned());
    world.apply(&example("tier.yaml"));
    world.until_condition("EgressPolicy", "home", "Ready", "False", "PlanRefused").await;
    world.until_condition("AssistantTier", "updates", "EgressReady", "False", "PlanRefused").await;
    let (_, _, message) = world.condition("AssistantTier", "updates", "Ready").expect("it is reported");
    assert!(message.contains("bungled line 7"), "{message}");
    assert!(world.get("Deployment", "updates-agent").is_none(), "an agent started without a lane");
    *world.cluster.refuses.lock().expect("no panic") = None;
    world.until_ready("updates").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_is_no_plan_stops_new_plans_and_nothing_else() {
    let world = World::with_operator().await;
    world.apply(&example("tier.yaml"));
    world.until_ready("updates").await;
    world.edit("ConfigMap", NAMESPACE, "home-egress-plan", |map| map["data"]["plan.json"] = json!("{"));
    world.until_condition("EgressPolicy", "home", "Ready", "False", "RecordUnreadable").await;
    let (_, _, message) = world.condition("EgressPolicy", "home", "Ready").expect("it is reported");
    assert!(message.contains("home-egress-plan") && message.contains("delete"), "{message}");
    assert!(world.get("Deployment", "updates-agent").is_some() && world.get("Deployment", "home-egress").is_some());
    world.delete("ConfigMap", "home-egress-plan");
    world.until_condition("EgressPolicy", "home", "Ready", "True", "Serving").await;
    world.until_ready("updates").await;
}
