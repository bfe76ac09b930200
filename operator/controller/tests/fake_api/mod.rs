//! A double of the API server, in memory: what the operator's client sends is answered as the real one would, logged, checked
//! against the operator's rights, and made to fail where a test asks for it. What a real API server defaults, admits or owns by
//! field manager is not imitated; the tests on the node are for that.

pub mod fault;
mod invariant;
pub mod resource;
pub mod rights;
pub mod store;
mod watching;

use fault::{Fault, Process, refusal};
use http::{Method, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use kube::Client;
use kube::client::Body;
use resource::{Query, Target};
use rights::{Right, Rights};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::{Deletion, Key, Refused, Store};
use tokio::sync::watch;

/// One request of the operator, in the order in which the API server took it.
#[derive(Clone, Debug)]
pub struct Sent {
    pub verb: String,
    pub kind: &'static str,
    pub namespace: String,
    pub name: String,
    pub subresource: Option<String>,
    pub code: u16,
    /// Version of the store after it.
    pub version: u64,
}

impl Sent {
    pub fn writes(&self) -> bool {
        !["get", "list", "watch"].contains(&self.verb.as_str())
    }
    /// Events are told, nothing waits for them.
    pub fn tells(&self) -> bool {
        self.kind == "Event"
    }
}

impl std::fmt::Display for Sent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sub = self.subresource.as_ref().map(|sub| format!("/{sub}")).unwrap_or_default();
        write!(f, "{} {}{sub} {}/{} → {}", self.verb, self.kind, self.namespace, self.name, self.code)
    }
}

struct State {
    store: Store,
    log: Vec<Sent>,
    used: BTreeSet<Right>,
    forbidden: Vec<String>,
    writes: usize,
    fault: Option<(usize, Fault)>,
    fired: bool,
}

/// A handle; clones share everything.
#[derive(Clone)]
pub struct FakeApi {
    state: Arc<Mutex<State>>,
    rights: Arc<Rights>,
    changed: watch::Sender<u64>,
}

enum Answer {
    Reply(u16, Value),
    Watch(Target, Query),
    /// The connection broke.
    Broken,
    /// The process that asked is dead.
    Never,
}

type Reply = Response<UnsyncBoxBody<Bytes, io::Error>>;

impl FakeApi {
    pub fn new(rights: Rights) -> Self {
        let state = State {
            store: Store::default(),
            log: vec![],
            used: BTreeSet::new(),
            forbidden: vec![],
            writes: 0,
            fault: None,
            fired: false,
        };
        Self { state: Arc::new(Mutex::new(state)), rights: Arc::new(rights), changed: watch::channel(0).0 }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at or changes the store as somebody who is not the operator; watches see it.
    pub fn with<T>(&self, look: impl FnOnce(&mut Store) -> T) -> T {
        let mut state = self.lock();
        let outcome = look(&mut state.store);
        let version = state.store.version();
        drop(state);
        self.tell(version);
        outcome
    }

    fn tell(&self, version: u64) {
        self.changed.send_if_modified(|known| std::mem::replace(known, version.max(*known)) < version);
    }

    /// Wakes on every change.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// What the operator has sent so far.
    pub fn log(&self) -> Vec<Sent> {
        self.lock().log.clone()
    }
    /// Only what it wrote, without Events.
    pub fn writes(&self) -> Vec<Sent> {
        self.log().into_iter().filter(|sent| sent.writes() && !sent.tells()).collect()
    }
    /// How many writes there were, Events included: the range of faults.
    pub fn write_count(&self) -> usize {
        self.lock().writes
    }
    /// The rights that were used.
    pub fn used(&self) -> BTreeSet<Right> {
        self.lock().used.clone()
    }
    /// The rights that there are.
    pub fn granted(&self) -> BTreeSet<Right> {
        self.rights.all()
    }
    /// Requests that no right covers.
    pub fn forbidden(&self) -> Vec<String> {
        self.lock().forbidden.clone()
    }
    /// The `nth` write from the beginning fails like this.
    pub fn fail(&self, nth: usize, fault: Fault) {
        let mut state = self.lock();
        state.fault = Some((nth, fault));
        state.fired = false;
    }
    /// Whether the fault happened.
    pub fn fired(&self) -> bool {
        self.lock().fired
    }

    /// A client of one process of the operator.
    pub fn client(&self, process: &Arc<Process>) -> Client {
        let (api, process) = (self.clone(), process.clone());
        let service = tower::service_fn(move |request: Request<Body>| {
            let (api, process) = (api.clone(), process.clone());
            async move { api.serve(&process, request).await }
        });
        Client::new(service, "default")
    }

    async fn serve(&self, process: &Process, request: Request<Body>) -> io::Result<Reply> {
        let (head, body) = request.into_parts();
        let bytes = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let (answer, version) = {
            let mut state = self.lock();
            let answer =
                self.answer(&mut state, process, &head.method, head.uri.path(), head.uri.query().unwrap_or_default(), &bytes);
            (answer, state.store.version())
        };
        self.tell(version);
        match answer {
            Answer::Never => std::future::pending().await,
            Answer::Broken => Err(io::Error::new(io::ErrorKind::ConnectionReset, "the connection broke, as the test asked")),
            Answer::Reply(code, value) => {
                Ok(reply(code, Full::new(Bytes::from(value.to_string())).map_err(|never| match never {}).boxed_unsync()))
            }
            Answer::Watch(target, query) => Ok(reply(200, watching::body(self.clone(), target, query))),
        }
    }

    fn answer(&self, state: &mut State, process: &Process, method: &Method, path: &str, query: &str, bytes: &[u8]) -> Answer {
        if process.is_dead() {
            return Answer::Never;
        }
        let target = Target::parse(path).unwrap_or_else(|| panic!("{method} {path} is beyond the fake"));
        let query = Query::parse(query);
        let verb = match (method.as_str(), &target.name) {
            ("GET", Some(_)) => "get",
            ("GET", None) if query.watch => "watch",
            ("GET", None) => "list",
            ("POST", None) => "create",
            ("PUT", Some(_)) => "update",
            ("PATCH", Some(_)) => "patch",
            ("DELETE", Some(_)) => "delete",
            (method, _) => panic!("{method} {path} is beyond the fake"),
        };
        let body: Value = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(bytes).expect("kube sends JSON") };
        let mut sent = Sent {
            verb: verb.to_owned(),
            kind: target.served.kind,
            namespace: target.namespace.clone(),
            name: target.name.clone().or_else(|| body["metadata"]["name"].as_str().map(str::to_owned)).unwrap_or_default(),
            subresource: target.subresource.clone(),
            code: 0,
            version: 0,
        };
        let fault = if sent.writes() { next_fault(state) } else { None };
        let answer = match fault {
            Some(Fault::DieBefore) => {
                process.end();
                return Answer::Never;
            }
            Some(Fault::LostRequest) => return Answer::Broken,
            Some(Fault::Refuse(code)) => Err(refusal(code)),
            _ => self.allowed(state, &target, &query, verb).and_then(|()| act(&mut state.store, &target, &query, verb, body)),
        };
        let (code, reply) = match answer {
            Ok(value) => (if verb == "create" { 201 } else { 200 }, value),
            Err(refused) => (refused.0, refused.status()),
        };
        (sent.code, sent.version) = (code, state.store.version());
        state.log.push(sent);
        match fault {
            Some(Fault::DieAfter) => {
                process.end();
                Answer::Never
            }
            Some(Fault::LostAnswer) => Answer::Broken,
            _ if verb == "watch" => Answer::Watch(target, query),
            _ => Answer::Reply(code, reply),
        }
    }

    fn allowed(&self, state: &mut State, target: &Target, query: &Query, verb: &str) -> Result<(), Refused> {
        let covering = self.rights.covering(target, query, verb);
        if covering.is_empty() {
            let what = format!(
                "{verb} {}/{} in {:?}",
                target.served.resource,
                target.subresource.as_deref().unwrap_or(""),
                target.namespace
            );
            state.forbidden.push(what.clone());
            return Err(Refused(403, "Forbidden", format!("the operator may not {what}")));
        }
        state.used.extend(covering);
        Ok(())
    }
}

fn next_fault(state: &mut State) -> Option<Fault> {
    state.writes += 1;
    let (_, fault) = state.fault.filter(|(nth, _)| *nth == state.writes && !state.fired)?;
    state.fired = true;
    Some(fault)
}

fn act(store: &mut Store, target: &Target, query: &Query, verb: &str, body: Value) -> Result<Value, Refused> {
    let key = target.key();
    let named = || key.clone().expect("the verb has a name");
    match verb {
        "watch" => Ok(Value::Null),
        "list" => {
            let items: Vec<Value> = store
                .list(target.served.kind, &target.namespace)
                .filter(|object| watching::selects(target, query, object))
                .cloned()
                .collect();
            let metadata = json!({"resourceVersion": store.version().to_string()});
            Ok(
                json!({"kind": format!("{}List", target.served.kind), "apiVersion": target.served.api_version, "metadata": metadata, "items": items}),
            )
        }
        "get" => store.read(&named()).cloned(),
        "create" => store.create(body, target.served, &target.namespace),
        "update" => store.replace(&named(), body),
        "patch" => store.patch(&named(), &body, target.subresource.as_deref() == Some("status")),
        "delete" => {
            let how = Deletion {
                uid: body["preconditions"]["uid"].as_str().map(str::to_owned),
                foreground: body["propagationPolicy"] == "Foreground",
                grace: body["gracePeriodSeconds"].as_i64(),
                force: false,
            };
            let left = store.delete(&named(), &how)?;
            Ok(left.unwrap_or_else(|| json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"})))
        }
        other => panic!("{other} is beyond the fake"),
    }
}

fn reply(code: u16, body: UnsyncBoxBody<Bytes, io::Error>) -> Reply {
    Response::builder()
        .status(code)
        .header("content-type", "application/json")
        .body(body)
        .expect("a code and one header make a response")
}

/// The key of an object.
pub fn key(kind: &str, namespace: &str, name: &str) -> Key {
    Key::new(kind, namespace, name)
}
