//! Wishes that cannot be met: each is refused with the field's name and what is allowed, nothing is half made, what ran keeps running.

use crate::fake_api::key;
use crate::fake_api::resource::of_kind;
use crate::fake_api::store::{Deletion, Key};
use crate::world::{NAMESPACE, World, condition, example};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// (path of the field as a JSON pointer, value, reason, what the sentence names). All of the tier.
fn bad_tiers() -> Vec<(&'static str, Value, &'static str, Vec<&'static str>)> {
    let secret = json!({"name": "marvin", "key": "token"});
    vec![
        (
            "/credentials",
            json!([{"name": "marvin", "static": {"host": "a.example.org", "header": "X", "secretKeyRef": secret}}]),
            "Unsupported",
            vec!["spec.credentials[marvin]", "leave"],
        ),
        ("/credentials", json!([{"name": "mail", "oauth": {"app": "Gmail"}}]), "Unsupported", vec!["spec.credentials[mail]"]),
        (
            "/mcpServers",
            json!([{"name": "notes", "preset": {"name": "Marvin"}, "tools": ["x"]}]),
            "Unsupported",
            vec!["spec.mcpServers[notes]"],
        ),
        ("/channels", json!({"telegram": {"allowFrom": ["1"]}}), "Unsupported", vec!["spec.channels", "port-forward"]),
        ("/channels", json!({}), "Unsupported", vec!["spec.channels"]),
        ("/sandbox", json!({}), "Unsupported", vec!["spec.sandbox"]),
        ("/model/budget", json!({"maxUSD": "5"}), "Unsupported", vec!["spec.model.budget"]),
        ("/model/requestsPerMinute", json!(60), "Unsupported", vec!["spec.model.requestsPerMinute"]),
        (
            "/agent/autoApprove",
            json!(["memory_recall", "marvin__get"]),
            "Unsupported",
            vec!["spec.agent.autoApprove", "marvin__get", "memory_recall"],
        ),
        (
            "/agent/extraConfig",
            json!("[gateway]\nhost = \"::\"\n"),
            "ExtraConfigRefused",
            vec!["spec.agent.extraConfig", "[gateway]", "cron"],
        ),
        ("/agent/extraConfig", json!("schema_version = 1\n"), "ExtraConfigRefused", vec!["schema_version"]),
        ("/agent/extraConfig", json!("[risk_profiles.x]\nlevel = \"full\"\n"), "ExtraConfigRefused", vec!["risk_profiles"]),
        ("/agent/extraConfig", json!("[cron.a]\n= 3\n"), "ExtraConfigInvalid", vec!["spec.agent.extraConfig", "line 2"]),
        ("/agent/extraConfig", json!("cron = \"daily\"\n"), "ExtraConfigInvalid", vec!["spec.agent.extraConfig", "cron"]),
        ("/agent/extraConfig", json!("memory = 3\n"), "ExtraConfigInvalid", vec!["spec.agent.extraConfig", "memory"]),
        ("/model/attestation", json!("Required"), "UnattestedModel", vec!["spec.model.attestation", "None"]),
    ]
}

/// Bad values whose cure may also lie elsewhere, so the tier is not `Stalled`.
fn waiting_tiers() -> Vec<(&'static str, Value, &'static str, Vec<&'static str>)> {
    vec![
        ("/agent/persona", json!({"configMapRef": {"name": "nobody"}}), "PersonaMissing", vec!["spec.agent.persona", "nobody"]),
        (
            "/agent/persona",
            json!({"configMapRef": {"name": "unrelated"}}),
            "PersonaInvalid",
            vec!["unrelated", "\"a\"", "SOUL.md"],
        ),
        ("/egressPolicyRef/name", json!("nowhere"), "PolicyMissing", vec!["spec.egressPolicyRef.name", "nowhere"]),
        ("/model/name", json!("other"), "ModelNotListed", vec!["spec.model.name", "\"other\"", "assistant"]),
    ]
}

fn set(spec: &mut Value, pointer: &str, value: &Value) {
    let (parent, field) = pointer.rsplit_once('/').expect("a pointer has a slash");
    spec.pointer_mut(parent).expect("the parent is there")[field] = value.clone();
}

/// Versions of everything that makes or closes a pod.
fn versions(world: &World) -> BTreeMap<Key, Value> {
    let kinds = ["Deployment", "NetworkPolicy", "Secret", "Service", "ConfigMap", "PersistentVolumeClaim"];
    world.api.with(|store| {
        let all = store.all().filter(|(key, _)| key.namespace == NAMESPACE && kinds.contains(&key.kind.as_str()));
        all.map(|(key, object)| (key.clone(), object["spec"].clone())).collect()
    })
}

fn check_sentence(world: &World, tier: &str, reason: &str, names: &[&str]) {
    let (_, _, message) = world.condition("AssistantTier", tier, "Ready").expect("it is reported");
    for name in names {
        assert!(message.contains(name), "{reason}: {message:?} does not say {name:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ran_keeps_running() {
    let world = World::with_operator().await;
    world.apply(&example("tier.yaml"));
    world.until_ready("updates").await;
    world.until_quiet(Duration::from_millis(300)).await;
    let good = world.get("AssistantTier", "updates").expect("it is there")["spec"].clone();
    let before = versions(&world);
    for (pointer, value, reason, names) in bad_tiers() {
        world.edit("AssistantTier", NAMESPACE, "updates", |tier| set(&mut tier["spec"], pointer, &value));
        world.until_condition("AssistantTier", "updates", "Ready", "False", reason).await;
        check_sentence(&world, "updates", reason, &names);
        world.until_condition("AssistantTier", "updates", "Stalled", "True", reason).await;
        assert_eq!(
            world.condition("AssistantTier", "updates", "Contained").expect("it is reported").0,
            "True",
            "{pointer}: the pod that runs is still contained"
        );
        assert_eq!(versions(&world), before, "{pointer} changed something");
        world.edit("AssistantTier", NAMESPACE, "updates", |tier| tier["spec"] = good.clone());
        world.until_ready("updates").await;
        assert!(world.condition("AssistantTier", "updates", "Stalled").is_none(), "{pointer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_half_made() {
    let world = World::with_operator().await;
    let documents = example("tier.yaml");
    let (policy, tier) = documents.split_once("\n---").expect("two documents");
    world.apply(policy);
    let cases: Vec<_> = bad_tiers()
        .into_iter()
        .map(|case| (true, case))
        .chain(waiting_tiers().into_iter().filter(|case| case.2 != "ModelNotListed").map(|case| (false, case)))
        .collect();
    for (n, (_, (pointer, value, ..))) in cases.iter().enumerate() {
        let mut object: Value = serde_saphyr::from_str(tier).expect("the example is YAML");
        object["metadata"]["name"] = json!(format!("bad-{n}"));
        set(&mut object["spec"], pointer, value);
        world.apply(&object.to_string());
    }
    for (n, (stalled, (_, _, reason, names))) in cases.iter().enumerate() {
        let tier = format!("bad-{n}");
        world.until_condition("AssistantTier", &tier, "Ready", "False", reason).await;
        check_sentence(&world, &tier, reason, names);
        assert_eq!(world.condition("AssistantTier", &tier, "Stalled").is_some(), *stalled, "{tier} {reason}");
    }
    world.until_quiet(Duration::from_millis(300)).await;
    let made: Vec<String> = versions(&world).keys().filter(|key| key.name.starts_with("bad-")).map(ToString::to_string).collect();
    assert!(made.is_empty(), "{made:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_that_is_not_listed() {
    let world = World::with_operator().await;
    let (pointer, value, reason, names) = waiting_tiers().pop().expect("the last one");
    world.apply(&example("tier.yaml"));
    world.until_ready("updates").await;
    world.edit("AssistantTier", NAMESPACE, "updates", |tier| set(&mut tier["spec"], pointer, &value));
    world.until_condition("AssistantTier", "updates", "Ready", "False", reason).await;
    world.until_condition("AssistantTier", "updates", "ModelReady", "False", reason).await;
    check_sentence(&world, "updates", reason, &names);
    // The Service learns it, and its endpoints tell.
    world.cluster.models.lock().expect("no panic").push("other".to_owned());
    world.edit("EndpointSlice", crate::world::MODEL.0, "llm-1", |slice| {
        slice["endpoints"][0]["addresses"] = json!(["10.42.0.10"])
    });
    world.until_ready("updates").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_persona_is_mounted_and_followed() {
    let world = World::with_operator().await;
    let persona = json!({"metadata": {"name": "soul"}, "data": {"SOUL.md": "be kind"}});
    world.apply(
        &example("tier.yaml")
            .replace("    autonomy: Supervised", "    persona: {configMapRef: {name: soul}}\n    autonomy: Supervised"),
    );
    world.until_condition("AssistantTier", "updates", "Ready", "False", "PersonaMissing").await;
    world.api.with(|store| store.create(persona, of_kind("ConfigMap"), NAMESPACE)).expect("it is new");
    world.until_ready("updates").await;
    let mounts = |world: &World| {
        world.get("Deployment", "updates-agent").expect("it runs")["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]
            .to_string()
    };
    assert!(mounts(&world).contains("/workspace/SOUL.md"));
    world.edit("ConfigMap", NAMESPACE, "soul", |map| map["data"]["USER.md"] = json!("Ada"));
    world
        .until("the new file is mounted", |store| {
            store.get("Deployment", NAMESPACE, "updates-agent").is_some_and(|d| d.to_string().contains("/workspace/USER.md"))
        })
        .await;
    world.until_ready("updates").await;
}

/// Policies: (field to set in spec, value, reason, what the sentence names).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn policies_that_are_refused() {
    let world = World::with_operator().await;
    world.apply(&example("tier.yaml"));
    world.until_ready("updates").await;
    world.until_quiet(Duration::from_millis(300)).await;
    let good = world.get("EgressPolicy", "home").expect("it is there")["spec"].clone();
    let before = versions(&world);
    let workload = json!([{"name": "proxy", "podSelector": {"matchLabels": {"a": "b"}}, "hosts": ["x.example.org"]}]);
    let rule = |field: &str, value: Value| {
        let mut rule = json!({"name": "r", "hosts": ["x.example.org"]});
        rule[field] = value;
        json!([rule])
    };
    let cases = [
        ("/workloads", workload, "Unsupported", vec!["spec.workloads[proxy]"]),
        ("/rules", rule("components", json!(["MCP"])), "Unsupported", vec!["spec.rules[r].components", "MCP", "Agent"]),
        ("/rules", rule("components", json!(["Agent", "Sandbox"])), "Unsupported", vec!["spec.rules[r].components", "Sandbox"]),
        ("/rules", rule("servers", json!(["gmail"])), "Unsupported", vec!["spec.rules[r].servers", "gmail"]),
        ("/rules", rule("hosts", json!(["10.0.0.1"])), "InvalidHost", vec!["spec.rules[r].hosts", "10.0.0.1"]),
        ("/rules", rule("hosts", json!(["org"])), "InvalidHost", vec!["spec.rules[r].hosts", "org"]),
        ("/except", json!(["*.example.org"]), "InvalidHost", vec!["spec.except", "*.example.org"]),
    ];
    for (pointer, value, reason, names) in cases {
        world.edit("EgressPolicy", NAMESPACE, "home", |policy| set(&mut policy["spec"], pointer, &value));
        world.until_condition("EgressPolicy", "home", "Ready", "False", reason).await;
        world.until_condition("EgressPolicy", "home", "Stalled", "True", reason).await;
        let (_, _, message) = world.condition("EgressPolicy", "home", "Ready").expect("it is reported");
        assert!(names.iter().all(|name| message.contains(name)), "{reason}: {message}");
        world.until_condition("AssistantTier", "updates", "EgressReady", "False", "PolicyNotReady").await;
        assert_eq!(versions(&world), before, "{pointer} changed something");
        world.edit("EgressPolicy", NAMESPACE, "home", |policy| policy["spec"] = good.clone());
        world.until_ready("updates").await;
    }
}

/// A foreign object in the place of every child: refused by name, not touched, and once it is gone all goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_are_taken() {
    let children = [
        ("Deployment", "updates-agent", "AssistantTier", "updates"),
        ("ConfigMap", "updates-config", "AssistantTier", "updates"),
        ("Secret", "updates-token", "AssistantTier", "updates"),
        ("Service", "updates-agent", "AssistantTier", "updates"),
        ("NetworkPolicy", "updates-agent", "AssistantTier", "updates"),
        ("PersistentVolumeClaim", "updates-state", "AssistantTier", "updates"),
        ("Deployment", "home-egress", "EgressPolicy", "home"),
        ("ConfigMap", "home-egress-plan", "EgressPolicy", "home"),
        ("Secret", "home-egress-admin", "EgressPolicy", "home"),
        ("Secret", "home-egress-auth", "EgressPolicy", "home"),
        ("Secret", "home-lane-3200", "EgressPolicy", "home"),
        ("Service", "home-egress", "EgressPolicy", "home"),
        ("NetworkPolicy", "home-egress", "EgressPolicy", "home"),
    ];
    // With our label and without: what does not carry it, no watch shows.
    let each = children.into_iter().flat_map(|child| [(child, false), (child, true)]).map(|((kind, name, owner_kind, owner), labelled)| async move {
        let world = World::new().await;
        let labels = if labelled { json!({"app.kubernetes.io/managed-by": "assistant-operator"}) } else { json!({}) };
        let foreign = json!({"metadata": {"name": name, "labels": labels}, "spec": {"replicas": 0, "podSelector": {"matchLabels": {"x": "y"}}}});
        let foreign = world.api.with(|store| store.create(foreign, of_kind(kind), NAMESPACE)).expect("it is new");
        world.start();
        world.apply(&example("tier.yaml"));
        let what = format!("{kind} {name} (labelled: {labelled}) is refused");
        world.until(&what, |store| condition(store, owner_kind, owner, "Ready").is_some_and(|(_, reason, _)| reason == "NameTaken")).await;
        let (_, _, message) = world.condition(owner_kind, owner, "Ready").expect("it is reported");
        assert!(message.contains(&format!("{kind} {name}")) && message.contains("delete or rename"), "{message}");
        let live = world.get(kind, name).expect("it stays");
        assert_eq!((&live["spec"]["podSelector"], &live["metadata"]["uid"]), (&foreign["spec"]["podSelector"], &foreign["metadata"]["uid"]), "{kind} {name} was touched");
        world.api.with(|store| store.delete(&key(kind, NAMESPACE, name), &Deletion { force: true, ..Deletion::default() })).expect("it is there");
        world.until_ready("updates").await;
    });
    futures::StreamExt::for_each(futures::StreamExt::buffer_unordered(futures::stream::iter(each), 8), |()| async {}).await;
}
