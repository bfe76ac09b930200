//! One world a test: a fake API server, the cluster's double, and processes of the operator that can be killed and started again.

use crate::cluster_double::ClusterDouble;
use crate::fake_api::fault::Process;
use crate::fake_api::resource::of_kind;
use crate::fake_api::rights::Rights;
use crate::fake_api::store::{Deletion, Key, Store};
use crate::fake_api::{FakeApi, key};
use crate::log;
use assistant_crds::{AssistantTier, EgressPolicy};
use assistant_operator::metrics::Metrics;
use assistant_operator::run::{Leader, Observed};
use assistant_operator::settings::{Identity, Settings};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The one served namespace.
pub const NAMESPACE: &str = "assistants";
/// The operator's namespace.
pub const OWN: &str = "secure-assistant";
/// The model's namespace and Service.
pub const MODEL: (&str, &str) = ("models", "llm");
const MODEL_PORT: u16 = 18080;
/// How long anything may take to become so. Generous, because machines that run tests are busy; nothing waits this long when all is well.
pub const DEADLINE: Duration = Duration::from_secs(120);

/// 127.x.y.0/24 networks that are in use; x is taken from the process's number, so that two test runs at once rarely meet.
static TAKEN: Mutex<BTreeSet<u8>> = Mutex::new(BTreeSet::new());

/// A process of the operator, with threads of its own: when it is killed nothing of it goes on.
pub struct Operator {
    process: Arc<Process>,
    runtime: Option<Runtime>,
}

impl Drop for Operator {
    fn drop(&mut self) {
        self.process.end();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Operator {
    /// A fault ended it.
    pub fn is_dead(&self) -> bool {
        self.process.is_dead()
    }
}

/// See the module.
pub struct World {
    pub api: FakeApi,
    pub cluster: ClusterDouble,
    pub settings: Settings,
    pub clock: fn() -> Timestamp,
    subnet: u8,
    operator: Mutex<Option<Operator>>,
    /// A process that a fault has killed is followed by another.
    pub revive: bool,
    /// Whether the end of the world checks that every request was covered by a right, and no fence was missing.
    pub strict: bool,
}

impl Drop for World {
    fn drop(&mut self) {
        self.kill();
        TAKEN.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.subnet);
        if std::thread::panicking() || !self.strict {
            return;
        }
        let violations = self.api.with(|store| store.violations.clone());
        assert!(violations.is_empty(), "{violations:#?}");
        let forbidden = self.api.forbidden();
        assert!(forbidden.is_empty(), "requests that the operator has no right to: {forbidden:#?}");
        for text in ["The API server changed what was written", "A reconcile panicked", "internal error"] {
            let said = log::lines_with(text);
            assert!(said.is_empty(), "{said:#?}");
        }
    }
}

impl World {
    /// A cluster with one node, both witnesses and a model, and no operator yet.
    pub async fn new() -> Self {
        log::keep();
        let subnet = {
            let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
            static NEXT: AtomicU16 = AtomicU16::new(0);
            let first = NEXT.fetch_add(1, Ordering::Relaxed);
            let free =
                (0..250).map(|n| ((first + n) % 250) as u8).find(|n| !taken.contains(n)).expect("fewer than 250 worlds at once");
            taken.insert(free);
            free
        };
        let network = [127, (std::process::id() % 250 + 1) as u8, subnet];
        let api = FakeApi::new(Rights::read(BTreeSet::from([NAMESPACE.to_owned()]), OWN, MODEL));
        seed(&api, network);
        let cluster = ClusterDouble::start(api.clone(), network, MODEL_PORT).await;
        Self {
            api,
            cluster,
            settings: settings(),
            clock: Timestamp::now,
            subnet,
            operator: Mutex::default(),
            revive: false,
            strict: true,
        }
    }

    /// A world with a running operator.
    pub async fn with_operator() -> Self {
        let world = Self::new().await;
        world.start();
        world
    }

    /// Starts a process of the operator (the one before it is killed).
    pub fn start(&self) {
        self.kill();
        let process = Arc::new(Process::default());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let identity = Identity {
            namespace: OWN.to_owned(),
            pod: "operator-0".to_owned(),
            api_server: Some("10.43.0.1:443".parse().expect("an address")),
        };
        let leader =
            Leader { settings: self.settings.clone(), identity, metrics: Metrics::default(), clock: self.clock, concurrency: 8 };
        let (api, process_of, settings) = (self.api.clone(), process.clone(), self.settings.clone());
        runtime.spawn(async move {
            let client = api.client(&process_of);
            let stop = CancellationToken::new();
            let observed = Observed::start(&client, &settings, OWN, &stop);
            leader.work(client, observed, stop).await;
        });
        *self.operator() = Some(Operator { process, runtime: Some(runtime) });
    }

    /// Kills the operator where it stands.
    pub fn kill(&self) {
        self.operator().take();
    }

    fn operator(&self) -> MutexGuard<'_, Option<Operator>> {
        self.operator.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a fault has ended the operator's process.
    pub fn operator_is_dead(&self) -> bool {
        self.operator().as_ref().is_some_and(Operator::is_dead)
    }

    /// Applies documents as a person does: creates what is not there, else replaces spec and labels.
    pub fn apply(&self, documents: &str) {
        for document in documents.split("\n---") {
            let value: Value = serde_saphyr::from_str(document).unwrap_or_else(|error| panic!("{error}: {document}"));
            let object = with_defaults(&value);
            let key = Key::of(&object);
            self.api.with(|store| {
                if store.get(&key.kind, &key.namespace, &key.name).is_some() {
                    store.edit(&key, |live| live["spec"] = object["spec"].clone());
                } else {
                    store
                        .create(object.clone(), of_kind(&key.kind), &key.namespace)
                        .unwrap_or_else(|refused| panic!("{refused:?}"));
                }
            });
        }
    }

    /// Edits one object as a person does.
    pub fn edit(&self, kind: &str, namespace: &str, name: &str, change: impl FnOnce(&mut Value)) {
        self.api.with(|store| store.edit(&key(kind, namespace, name), change));
    }

    /// Deletes one object as a person does.
    pub fn delete(&self, kind: &str, name: &str) {
        self.api
            .with(|store| store.delete(&key(kind, NAMESPACE, name), &Deletion::default()))
            .unwrap_or_else(|refused| panic!("{refused:?}"));
    }

    /// One object of the served namespace.
    pub fn get(&self, kind: &str, name: &str) -> Option<Value> {
        self.api.with(|store| store.get(kind, NAMESPACE, name).cloned())
    }

    /// (status, reason, message) of a condition.
    pub fn condition(&self, kind: &str, name: &str, type_: &str) -> Option<(String, String, String)> {
        self.api.with(|store| condition(store, kind, name, type_))
    }

    /// Waits until something is so.
    pub async fn until(&self, what: &str, mut so: impl FnMut(&Store) -> bool) {
        let mut changes = self.api.changes();
        let deadline = Instant::now() + DEADLINE;
        loop {
            changes.borrow_and_update();
            if self.revive && self.operator_is_dead() {
                self.start();
            }
            if self.api.with(|store| so(store)) {
                return;
            }
            let next = tokio::time::timeout_at(deadline.min(Instant::now() + Duration::from_millis(50)), changes.changed()).await;
            if next.is_err() && Instant::now() >= deadline {
                panic!("not within {DEADLINE:?}: {what}\n{}", self.picture());
            }
        }
    }

    /// Waits until a condition has this status and reason.
    pub async fn until_condition(&self, kind: &str, name: &str, type_: &str, status: &str, reason: &str) {
        let what = format!("{kind} {name} has {type_}={status}/{reason}");
        self.until(&what, |store| {
            condition(store, kind, name, type_).is_some_and(|(s, r, _)| (s.as_str(), r.as_str()) == (status, reason))
        })
        .await;
    }

    /// Waits until a tier is Ready.
    pub async fn until_ready(&self, tier: &str) {
        self.until_condition("AssistantTier", tier, "Ready", "True", "Running").await;
    }

    /// Waits until nothing is written any more (`span` without a write of anybody).
    pub async fn until_quiet(&self, span: Duration) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let before = (self.api.with(|store| store.version()), self.api.write_count());
            tokio::time::sleep(span).await;
            if before == (self.api.with(|store| store.version()), self.api.write_count()) {
                return;
            }
            assert!(Instant::now() < deadline, "writes go on and on\n{}", self.picture());
        }
    }

    /// What a person debugging a failed test wants to see.
    pub fn picture(&self) -> String {
        let status = self.api.with(|store| {
            let kinds = ["AssistantTier", "EgressPolicy"];
            let ours = kinds
                .iter()
                .flat_map(|kind| store.list(kind, ""))
                .map(|o| format!("{}: {} {}", Key::of(o), o["metadata"], o["status"]))
                .collect::<Vec<_>>();
            let names: Vec<String> = store
                .all()
                .filter(|(key, _)| key.namespace == NAMESPACE && key.kind != "Event")
                .map(|(key, _)| key.to_string())
                .collect();
            format!("{}\n{}", ours.join("\n"), names.join("\n"))
        });
        let log = self.api.log();
        let sent: Vec<String> = log[log.len().saturating_sub(40)..].iter().map(ToString::to_string).collect();
        format!("{status}\n-- sent\n{}\n-- logged\n{}", sent.join("\n"), log::tail(40))
    }
}

/// (status, reason, message) of a condition.
pub fn condition(store: &Store, kind: &str, name: &str, type_: &str) -> Option<(String, String, String)> {
    let object = store.list(kind, "").find(|object| object["metadata"]["name"] == name)?;
    let found = object["status"]["conditions"].as_array()?.iter().find(|c| c["type"] == type_)?;
    let text = |field: &str| found[field].as_str().unwrap_or_default().to_owned();
    Some((text("status"), text("reason"), text("message")))
}

/// The CRD's defaults, as the API server fills them in.
fn with_defaults(value: &Value) -> Value {
    fn filled<K: serde::de::DeserializeOwned + serde::Serialize>(value: &Value) -> Value {
        let typed: K = serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{error}: {value}"));
        serde_json::to_value(typed).expect("custom resources serialise")
    }
    match value["kind"].as_str() {
        Some("AssistantTier") => filled::<AssistantTier>(value),
        Some("EgressPolicy") => filled::<EgressPolicy>(value),
        _ => value.clone(),
    }
}

fn settings() -> Settings {
    let text = json!({
        "images": {"guard": "guard:1", "egress": "egress:1", "agent": "agent:1"},
        "imagePullPolicy": "IfNotPresent",
        "namespaces": [NAMESPACE],
        "model": {"namespace": MODEL.0, "name": MODEL.1, "port": MODEL_PORT},
        "localRanges": ["192.168.7.0/24"],
        "closed": [{"name": "gateway", "address": "192.168.7.1:80"}],
        "witnesses": {"a": "witness-a", "b": "witness-b"},
    });
    Settings::parse(&text.to_string()).expect("the settings are good")
}

fn seed(api: &FakeApi, network: [u8; 3]) {
    let [a, b, c] = network;
    let witness = |letter: &str, address: &str| {
        let labels = json!({"app.kubernetes.io/name": "witness", "assistant.home.arpa/witness": letter});
        json!({"kind": "Service", "metadata": {"name": format!("witness-{letter}"), "labels": labels}, "spec": {"clusterIP": address, "selector": labels, "ports": [{"port": 7070}]}})
    };
    let node = json!({"kind": "Node", "metadata": {"name": "node-0"}, "spec": {"podCIDRs": ["10.42.0.0/24"]}});
    let ranges = json!({"kind": "ServiceCIDR", "metadata": {"name": "kubernetes"}, "spec": {"cidrs": ["10.43.0.0/16"]}});
    let model = json!({"kind": "Service", "metadata": {"name": MODEL.1}, "spec": {
        "clusterIP": format!("{a}.{b}.{c}.1"), "selector": {"app": MODEL.1}, "ports": [{"port": MODEL_PORT, "targetPort": 8000}]}});
    let slice = json!({"kind": "EndpointSlice", "addressType": "IPv4", "metadata": {"name": "llm-1", "labels": {"kubernetes.io/service-name": MODEL.1}},
        "endpoints": [{"addresses": ["10.42.0.9"], "conditions": {"ready": true}}], "ports": [{"port": 8000}]});
    let persona = json!({"kind": "ConfigMap", "metadata": {"name": "unrelated"}, "data": {"a": "b"}});
    api.with(|store| {
        let mut create = |object: Value, namespace: &str| {
            let kind = object["kind"].as_str().expect("every seed has a kind").to_owned();
            store.create(object, of_kind(&kind), namespace).unwrap_or_else(|refused| panic!("{refused:?}"));
        };
        create(node, "");
        create(ranges, "");
        create(witness("a", "10.43.200.1"), OWN);
        create(witness("b", "10.43.200.2"), OWN);
        for letter in ["a", "b"] {
            let labels = json!({"app.kubernetes.io/name": "witness", "assistant.home.arpa/witness": letter});
            create(json!({"kind": "Pod", "metadata": {"name": format!("witness-{letter}-x"), "labels": labels}, "spec": {"containers": []}}), OWN);
        }
        create(model, MODEL.0);
        create(slice, MODEL.0);
        create(persona, NAMESPACE);
        store.set_status(&key("Node", "", "node-0"), json!({"addresses": [{"type": "InternalIP", "address": "192.168.7.2"}]}));
    });
}

/// The repository's example of that name.
pub fn example(name: &str) -> String {
    let path = format!("{}/../../examples/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}
