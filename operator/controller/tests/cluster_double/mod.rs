//! A double of the rest of a cluster beside the fake API server: Deployment and ReplicaSet controllers, garbage collection, a kubelet
//! that starts pods without processes, a Squid that only says which plan it has, and a model that only lists its name. What a gate
//! would find is what the test tells it.

mod pods;
pub mod squid;
mod workloads;

use crate::fake_api::FakeApi;
use crate::fake_api::store::{Key, Store};
use assistant_operator::names;
use assistant_proof::{Evidence, Verdict, reason};
use pods::Next;
use serde_json::Value;
use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;

/// How a gate ended.
#[derive(Clone, Debug)]
pub struct Says {
    pub exit_code: i32,
    pub message: String,
}

/// A gate's evidence with the exit code that belongs to it.
pub fn says(verdict: Verdict, reason: &str, message: &str, replace_pod: bool) -> Says {
    let evidence = Evidence {
        v: 1,
        verdict,
        reason: reason.to_owned(),
        message: message.to_owned(),
        at: "2026-11-01T10:00:00Z".parse().expect("a time"),
        closed_after_milliseconds: if verdict == Verdict::Closed { 840 } else { 0 },
        rounds: 10,
        probes: vec![],
        not_proven: vec!["metadata".to_owned()],
        replace_pod,
    };
    let exit_code = match verdict {
        Verdict::Closed => 0,
        Verdict::Breach => 1,
        Verdict::Inconclusive => 2,
    };
    Says { exit_code, message: evidence.line() }
}

/// What the gate of a pod says; `None`: it is still busy.
pub type Gate = Box<dyn Fn(&Value) -> Option<Says> + Send>;

/// What a test can turn.
pub struct Behaviour {
    pub gate: Gate,
    /// ReplicaSets make no pods for now.
    pub hold_pods: bool,
    /// The garbage collector sleeps.
    pub hold_garbage: bool,
    /// Pods ignore SIGTERM and are not killed either.
    pub linger: bool,
    /// No further pod becomes ready.
    pub unready: bool,
}

impl Default for Behaviour {
    fn default() -> Self {
        let closed = |_: &Value| Some(says(Verdict::Closed, reason::CLOSED, "everything that must be closed is closed", false));
        Self { gate: Box::new(closed), hold_pods: false, hold_garbage: false, linger: false, unready: false }
    }
}

struct Running {
    mounted: squid::Mounted,
    annotation: Value,
    server: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A handle; the double ends with it.
pub struct ClusterDouble {
    behaviour: Arc<Mutex<Behaviour>>,
    /// An error that every Squid reports instead of running its plan.
    pub refuses: Arc<Mutex<Option<String>>>,
    /// What the model lists.
    pub models: Arc<Mutex<Vec<String>>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for ClusterDouble {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

struct Node {
    api: FakeApi,
    network: [u8; 3],
    behaviour: Arc<Mutex<Behaviour>>,
    refuses: Arc<Mutex<Option<String>>>,
    running: HashMap<String, Running>,
    numbers: u64,
    addresses: u8,
}

impl ClusterDouble {
    /// `network`: the first three bytes of its addresses, all within 127.0.0.0/8. The model listens on `.1`.
    pub async fn start(api: FakeApi, network: [u8; 3], model_port: u16) -> Self {
        let behaviour = Arc::new(Mutex::new(Behaviour::default()));
        let refuses = Arc::new(Mutex::new(None));
        let models = Arc::new(Mutex::new(vec!["assistant".to_owned()]));
        let [a, b, c] = network;
        let model = squid::model(Ipv4Addr::new(a, b, c, 1), model_port, models.clone()).await;
        let mut node = Node {
            api,
            network,
            behaviour: behaviour.clone(),
            refuses: refuses.clone(),
            running: HashMap::new(),
            numbers: 0,
            addresses: 9,
        };
        let work = tokio::spawn(async move {
            let mut changes = node.api.changes();
            loop {
                changes.borrow_and_update();
                if node.step() {
                    // A moment in which the operator can see what is so now.
                    tokio::time::sleep(Duration::from_millis(1)).await;
                } else {
                    let _ = tokio::time::timeout(Duration::from_millis(50), changes.changed()).await;
                }
            }
        });
        Self { behaviour, refuses, models, tasks: vec![model, work] }
    }

    /// Turns something; it counts from the next step on.
    pub fn turn(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.behaviour.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Every gate says this from now on.
    pub fn gates_say(&self, gate: impl Fn(&Value) -> Option<Says> + Send + 'static) {
        self.turn(|behaviour| behaviour.gate = Box::new(gate));
    }
}

impl Node {
    /// Everybody looks once. `true`: somebody did something.
    fn step(&mut self) -> bool {
        let api = self.api.clone();
        let shared = self.behaviour.clone();
        let behaviour: MutexGuard<'_, Behaviour> = shared.lock().unwrap_or_else(PoisonError::into_inner);
        api.with(|store| {
            let before = store.version();
            workloads::garbage(store, &behaviour);
            workloads::claims(store);
            workloads::deployments(store);
            workloads::replica_sets(store, &behaviour, &mut self.numbers);
            let pods: Vec<Value> =
                store.list("Pod", "").filter(|pod| pod["metadata"]["labels"].get(names::FENCED).is_some()).cloned().collect();
            for pod in &pods {
                self.pod(store, pod, &behaviour);
            }
            self.running.retain(|uid, _| pods.iter().any(|pod| pod["metadata"]["uid"] == uid.as_str()));
            store.version() != before
        })
    }

    fn pod(&mut self, store: &mut Store, pod: &Value, behaviour: &Behaviour) {
        let key = Key::of(pod);
        let uid = pod["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
        let [a, b, c] = self.network;
        let addresses = &mut self.addresses;
        let address = || {
            *addresses = addresses.checked_add(1).unwrap_or(10);
            Ipv4Addr::new(a, b, c, *addresses).to_string()
        };
        match pods::next(store, pod, behaviour, address) {
            Next::Nothing => {}
            Next::Status(status) => store.set_status(&key, status),
            Next::Gone => {
                self.running.remove(&uid);
                pods::remove(store, &key);
                return;
            }
            Next::Start(address) => {
                if let Some(policy) = workloads::squid_of(pod) {
                    let token = secret(store, &key.namespace, &names::admin(&policy), "token");
                    let mounted = Arc::new(Mutex::new(squid::plan_in(store, &key.namespace, &policy)));
                    let server = squid::serve(address.parse().expect("an address"), token, mounted.clone(), self.refuses.clone());
                    let annotation = pod["metadata"]["annotations"][names::PLAN_DIGEST].clone();
                    self.running.insert(uid.clone(), Running { mounted, annotation, server });
                }
                store.set_status(&key, pods::running(pod));
            }
        }
        // A changed pod annotation makes the kubelet refresh the volumes at once.
        if let (Some(running), Some(policy)) = (self.running.get_mut(&uid), workloads::squid_of(pod))
            && running.annotation != pod["metadata"]["annotations"][names::PLAN_DIGEST]
        {
            running.annotation = pod["metadata"]["annotations"][names::PLAN_DIGEST].clone();
            *running.mounted.lock().unwrap_or_else(PoisonError::into_inner) = squid::plan_in(store, &key.namespace, &policy);
        }
    }
}

/// One value of a Secret.
pub fn secret(store: &Store, namespace: &str, name: &str, key: &str) -> String {
    use k8s_openapi::api::core::v1::Secret;
    let found = store.get("Secret", namespace, name).and_then(|value| serde_json::from_value::<Secret>(value.clone()).ok());
    let bytes = found.and_then(|secret| secret.data).and_then(|mut data| data.remove(key));
    bytes.map(|bytes| String::from_utf8(bytes.0).expect("the operator's secrets are text")).unwrap_or_default()
}
