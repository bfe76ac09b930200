//! Stands in for `guard egress`: the admin port of an egress pod, on loopback, which says which plan its Squid runs.

use crate::fake_api::FakeApi;
use assistant_egress::Plan;
use assistant_operator::names;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::{Router, routing::get};
use serde_json::{Value, json};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex};
use tokio::task::JoinHandle;

/// What the pod's plan volume holds.
pub type Mounted = Arc<Mutex<String>>;

#[derive(Clone)]
struct Pod {
    token: String,
    mounted: Mounted,
    refuses: Arc<Mutex<Option<String>>>,
}

/// The plan as it stands in the ConfigMap now.
pub fn plan(api: &FakeApi, namespace: &str, policy: &str) -> String {
    api.with(|store| plan_in(store, namespace, policy))
}

/// The same, for who holds the store.
pub fn plan_in(store: &crate::fake_api::store::Store, namespace: &str, policy: &str) -> String {
    store
        .get("ConfigMap", namespace, &names::plan(policy))
        .and_then(|map| map["data"]["plan.json"].as_str().map(str::to_owned))
        .unwrap_or_default()
}

async fn health(State(pod): State<Pod>, headers: HeaderMap) -> Result<String, StatusCode> {
    let given = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if given != format!("Bearer {}", pod.token) {
        return Err(StatusCode::UNAUTHORIZED);
    }
    let text = pod.mounted.lock().expect("no test panics here").clone();
    let refuses = pod.refuses.lock().expect("no test panics here").clone();
    match (Plan::from_json(text.as_bytes()), refuses) {
        (Ok(plan), None) => {
            let lanes: Vec<u16> = plan.lanes.iter().map(|lane| lane.port).collect();
            Ok(json!({"planDigest": Plan::digest_of(text.as_bytes()), "ready": true, "lanes": lanes, "error": null}).to_string())
        }
        (_, error) => Ok(json!({"planDigest": null, "ready": false, "lanes": [], "error": error}).to_string()),
    }
}

/// Listens at the pod's address.
pub fn serve(address: Ipv4Addr, token: String, mounted: Mounted, refuses: Arc<Mutex<Option<String>>>) -> JoinHandle<()> {
    let listener = TcpListener::bind((address, assistant_proof::ADMIN_PORT)).unwrap_or_else(|error| panic!("{address}: {error}"));
    listener.set_nonblocking(true).expect("a socket can be made non-blocking");
    let router = Router::new().route("/healthz", get(health)).with_state(Pod { token, mounted, refuses });
    tokio::spawn(async move {
        let listener = tokio::net::TcpListener::from_std(listener).expect("within a runtime");
        let _ = axum::serve(listener, router).await;
    })
}

/// Stands in for the model Service: `GET /v1/models`.
pub async fn model(address: Ipv4Addr, port: u16, models: Arc<Mutex<Vec<String>>>) -> JoinHandle<()> {
    let list = move || {
        let models = models.clone();
        async move {
            let data: Vec<Value> =
                models.lock().expect("no test panics here").iter().map(|id| json!({"id": id, "object": "model"})).collect();
            json!({"object": "list", "data": data}).to_string()
        }
    };
    let listener =
        tokio::net::TcpListener::bind((address, port)).await.unwrap_or_else(|error| panic!("{address}:{port}: {error}"));
    tokio::spawn(async move {
        let _ = axum::serve(listener, Router::new().route("/v1/models", get(list))).await;
    })
}
