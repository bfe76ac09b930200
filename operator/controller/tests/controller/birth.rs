//! From nothing to a Ready tier: what is made, in which order, and with how many writes.

use crate::fake_api::Sent;
use crate::world::{NAMESPACE, World, example};
use std::collections::BTreeMap;

/// The objects that examples/tier.yaml becomes, in order of (kind, name).
const CHILDREN: [(&str, &str); 18] = [
    ("ConfigMap", "home-egress-plan"),
    ("ConfigMap", "updates-config"),
    ("Deployment", "home-egress"),
    ("Deployment", "updates-agent"),
    ("NetworkPolicy", "assistants-fence"),
    ("NetworkPolicy", "assistants-witness"),
    ("NetworkPolicy", "home-egress"),
    ("NetworkPolicy", "updates-agent"),
    ("PersistentVolumeClaim", "updates-state"),
    ("PersistentVolumeClaim", "updates-workspace"),
    ("Secret", "home-egress-admin"),
    ("Secret", "home-egress-auth"),
    ("Secret", "home-lane-3200"),
    ("Secret", "updates-token"),
    ("Service", "home-egress"),
    ("Service", "updates-agent"),
    ("AssistantTier", "updates"),
    ("EgressPolicy", "home"),
];

fn at(log: &[Sent], kind: &str, name: &str) -> usize {
    log.iter()
        .position(|sent| sent.verb == "create" && sent.kind == kind && sent.name == name)
        .unwrap_or_else(|| panic!("{kind} {name} was never created"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tier_from_nothing() {
    let world = World::with_operator().await;
    world.apply(&example("tier.yaml"));
    world.until_ready("updates").await;
    world.until_condition("EgressPolicy", "home", "Ready", "True", "Serving").await;
    for type_ in ["Contained", "EgressReady", "ModelReady"] {
        let (status, _, message) = world.condition("AssistantTier", "updates", type_).expect("it is reported");
        assert_eq!(status, "True", "{type_}: {message}");
    }
    assert!(world.condition("AssistantTier", "updates", "Stalled").is_none());

    // Exactly these objects, besides what the cluster makes of them.
    let ours: Vec<(String, String)> = world.api.with(|store| {
        let of_cluster = ["Pod", "ReplicaSet", "Event"];
        let all = store
            .all()
            .filter(|(key, _)| key.namespace == NAMESPACE && !of_cluster.contains(&key.kind.as_str()) && key.name != "unrelated");
        all.map(|(key, _)| (key.kind.clone(), key.name.clone())).collect()
    });
    let mut expected: Vec<(String, String)> =
        CHILDREN.iter().map(|(kind, name)| ((*kind).to_owned(), (*name).to_owned())).collect();
    expected.sort();
    assert_eq!(ours, expected);

    // What denies and what allows stands before the first thing that can make a pod; what is read stands before who reads it.
    let log = world.api.log();
    for (workload, before) in [
        (
            "home-egress",
            vec![
                ("ConfigMap", "home-egress-plan"),
                ("Secret", "home-egress-auth"),
                ("Secret", "home-egress-admin"),
                ("Secret", "home-lane-3200"),
                ("Service", "home-egress"),
                ("NetworkPolicy", "home-egress"),
            ],
        ),
        (
            "updates-agent",
            vec![
                ("ConfigMap", "updates-config"),
                ("Secret", "updates-token"),
                ("Service", "updates-agent"),
                ("NetworkPolicy", "updates-agent"),
                ("PersistentVolumeClaim", "updates-state"),
            ],
        ),
    ] {
        let pod = at(&log, "Deployment", workload);
        for (kind, name) in
            before.into_iter().chain([("NetworkPolicy", "assistants-fence"), ("NetworkPolicy", "assistants-witness")])
        {
            assert!(at(&log, kind, name) < pod, "{kind} {name} was created after Deployment {workload}");
        }
    }
    assert!(at(&log, "NetworkPolicy", "assistants-fence") < at(&log, "NetworkPolicy", "assistants-witness"));

    // One write a child, and a handful of status writes.
    let mut writes: BTreeMap<(String, &str, String), usize> = BTreeMap::new();
    for sent in world.api.writes() {
        assert!(sent.code < 400, "{sent}");
        *writes.entry((sent.verb.clone(), sent.kind, sent.name.clone())).or_default() += 1;
    }
    for ((verb, kind, name), count) in &writes {
        match (verb.as_str(), *kind) {
            ("create", _) => assert_eq!(*count, 1, "{verb} {kind} {name}"),
            // The finalizer, and one status a step that a person can see.
            ("patch", "AssistantTier" | "EgressPolicy") => assert!(*count <= 8, "{verb} {kind} {name}: {count}"),
            _ => panic!("a needless write: {verb} {kind} {name} ({count} times)\n{}", world.picture()),
        }
    }
}
