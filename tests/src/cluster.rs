//! A client of the node's API server that speaks JSON: what is asked for is what is on the wire. I/O: HTTPS.

use crate::Outcome;
use http::Request;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

/// The kinds the tests touch: kind, API, plural, namespaced.
const KINDS: &[(&str, &str, &str, bool)] = &[
    ("AssistantTier", "apis/assistant.home.arpa/v1alpha1", "assistanttiers", true),
    ("EgressPolicy", "apis/assistant.home.arpa/v1alpha1", "egresspolicies", true),
    ("Namespace", "api/v1", "namespaces", false),
    ("Node", "api/v1", "nodes", false),
    ("Pod", "api/v1", "pods", true),
    ("Service", "api/v1", "services", true),
    ("ConfigMap", "api/v1", "configmaps", true),
    ("Secret", "api/v1", "secrets", true),
    ("Event", "api/v1", "events", true),
    ("PersistentVolumeClaim", "api/v1", "persistentvolumeclaims", true),
    ("Deployment", "apis/apps/v1", "deployments", true),
    ("DaemonSet", "apis/apps/v1", "daemonsets", true),
    ("NetworkPolicy", "apis/networking.k8s.io/v1", "networkpolicies", true),
    ("CustomResourceDefinition", "apis/apiextensions.k8s.io/v1", "customresourcedefinitions", false),
];

/// Kinds of everything the operator makes in a namespace.
pub const CHILDREN: [&str; 6] = ["Deployment", "Service", "ConfigMap", "Secret", "PersistentVolumeClaim", "NetworkPolicy"];

/// How long a request is sent again while it gets no answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The API server said no.
#[derive(Clone, Debug)]
pub struct Refused {
    /// HTTP status.
    pub code: u16,
    /// Its sentence.
    pub message: String,
}

/// The client.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
}

impl Cluster {
    /// From a kubeconfig file.
    pub async fn connect(kubeconfig: &Path) -> Outcome<Self> {
        let file = Kubeconfig::read_from(kubeconfig)?;
        let mut config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
        config.read_timeout = Some(Duration::from_secs(30));
        Ok(Self { client: Client::try_from(config)? })
    }

    /// Server-side apply of one object. The inner error is the API server's refusal.
    pub async fn try_apply(&self, namespace: &str, object: &Value) -> Outcome<Result<Value, Refused>> {
        let kind = text(object, "/kind");
        let path = path(&kind, namespace, &text(object, "/metadata/name"))?;
        let uri = format!("{path}?fieldManager=tests&force=true&fieldValidation=Strict");
        self.send("PATCH", &uri, Some(("application/apply-patch+yaml", object))).await
    }

    /// Server-side apply of objects that must be accepted.
    pub async fn apply(&self, namespace: &str, objects: &[Value]) -> Outcome {
        for object in objects {
            if let Err(refused) = self.try_apply(namespace, object).await? {
                let (kind, name) = (text(object, "/kind"), text(object, "/metadata/name"));
                return Err(format!("{kind} {namespace}/{name} was refused: {}", refused.message).into());
            }
        }
        Ok(())
    }

    /// Applies the documents of a YAML text.
    pub async fn apply_yaml(&self, namespace: &str, yaml: &str) -> Outcome {
        self.apply(namespace, &serde_saphyr::from_multiple::<Value>(yaml)?).await
    }

    /// Merge patch of one object.
    pub async fn patch(&self, kind: &str, namespace: &str, name: &str, patch: &Value) -> Outcome<Value> {
        let answer = self.send("PATCH", &path(kind, namespace, name)?, Some(("application/merge-patch+json", patch))).await?;
        answer.map_err(|refused| format!("patch of {kind} {namespace}/{name}: {}", refused.message).into())
    }

    /// One object.
    pub async fn get(&self, kind: &str, namespace: &str, name: &str) -> Outcome<Option<Value>> {
        match self.send("GET", &path(kind, namespace, name)?, None).await? {
            Ok(object) => Ok(Some(object)),
            Err(refused) if refused.code == 404 => Ok(None),
            Err(refused) => Err(format!("get {kind} {namespace}/{name}: {}", refused.message).into()),
        }
    }

    /// One object that must be there.
    pub async fn must(&self, kind: &str, namespace: &str, name: &str) -> Outcome<Value> {
        self.get(kind, namespace, name).await?.ok_or_else(|| format!("there is no {kind} {namespace}/{name}").into())
    }

    /// All objects of a kind with these labels (`a=b,c=d`, or empty) in a namespace; none where the kind itself is gone.
    pub async fn list(&self, kind: &str, namespace: &str, labels: &str) -> Outcome<Vec<Value>> {
        let base = path(kind, namespace, "")?;
        let uri = if labels.is_empty() {
            base
        } else {
            format!("{base}?labelSelector={}", labels.replace('=', "%3D").replace(',', "%2C"))
        };
        match self.send("GET", &uri, None).await? {
            Ok(list) => Ok(list.pointer("/items").and_then(Value::as_array).cloned().unwrap_or_default()),
            Err(refused) if refused.code == 404 => Ok(Vec::new()),
            Err(refused) => Err(format!("list {kind} in {namespace}: {}", refused.message).into()),
        }
    }

    /// Deletes one object in the background; an absent one is fine. `grace`: seconds, for a pod.
    pub async fn delete(&self, kind: &str, namespace: &str, name: &str, grace: Option<u32>) -> Outcome {
        let mut options = json!({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"});
        if let Some(seconds) = grace {
            options["gracePeriodSeconds"] = json!(seconds);
        }
        match self.send("DELETE", &path(kind, namespace, name)?, Some(("application/json", &options))).await? {
            Err(refused) if refused.code != 404 => Err(format!("delete {kind} {namespace}/{name}: {}", refused.message).into()),
            _ => Ok(()),
        }
    }

    /// The log of a container, as far as there is one; of its former run with `previous`.
    pub async fn log(&self, namespace: &str, pod: &str, container: &str, previous: bool, lines: u32) -> Outcome<String> {
        let base = path("Pod", namespace, pod)?;
        let uri = format!("{base}/log?container={container}&previous={previous}&tailLines={lines}");
        Ok(self.client.request_text(Request::get(uri).body(Vec::new())?).await?)
    }

    /// One request. A busy machine loses connections, and every request here may be sent twice: what did not arrive is sent again.
    async fn send(&self, method: &str, uri: &str, body: Option<(&str, &Value)>) -> Outcome<Result<Value, Refused>> {
        let began = Instant::now();
        loop {
            let request = Request::builder().method(method).uri(uri);
            let request = match body {
                Some((media, value)) => request.header("Content-Type", media).body(serde_json::to_vec(value)?)?,
                None => request.body(Vec::new())?,
            };
            match self.client.request::<Value>(request).await {
                Ok(value) => return Ok(Ok(value)),
                Err(kube::Error::Api(status)) => return Ok(Err(Refused { code: status.code, message: status.message.clone() })),
                Err(error) if began.elapsed() > PATIENCE => return Err(error.into()),
                Err(_) => tokio::time::sleep(Duration::from_millis(500)).await,
            }
        }
    }
}

fn path(kind: &str, namespace: &str, name: &str) -> Outcome<String> {
    let (_, api, plural, namespaced) =
        KINDS.iter().find(|(known, ..)| *known == kind).ok_or_else(|| format!("no kind {kind:?} in the table"))?;
    let space = if *namespaced && !namespace.is_empty() { format!("namespaces/{namespace}/") } else { String::new() };
    let name = if name.is_empty() { String::new() } else { format!("/{name}") };
    Ok(format!("/{api}/{space}{plural}{name}"))
}

/// The text at a JSON pointer; empty when there is none.
pub fn text(object: &Value, pointer: &str) -> String {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The list at a JSON pointer; empty when there is none.
pub fn items<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// A condition as (status, reason, message).
pub fn condition(object: &Value, type_: &str) -> Option<(String, String, String)> {
    let found = items(object, "/status/conditions").iter().find(|condition| text(condition, "/type") == type_)?;
    Some((text(found, "/status"), text(found, "/reason"), text(found, "/message")))
}

/// All conditions on one line.
pub fn conditions(object: &Value) -> String {
    let one = |c: &Value| format!("{}={}/{}: {}", text(c, "/type"), text(c, "/status"), text(c, "/reason"), text(c, "/message"));
    let all: Vec<String> = items(object, "/status/conditions").iter().map(one).collect();
    if all.is_empty() { "no conditions".to_owned() } else { all.join(" | ") }
}
