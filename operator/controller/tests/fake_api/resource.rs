//! The kinds the fake serves, and the reading of request paths. Pure.

use super::store::Key;
use std::collections::BTreeMap;

/// (group, resource, kind, apiVersion, whether status is a subresource).
const KINDS: [(&str, &str, &str, &str, bool); 15] = [
    ("assistant.home.arpa", "assistanttiers", "AssistantTier", "assistant.home.arpa/v1alpha1", true),
    ("assistant.home.arpa", "egresspolicies", "EgressPolicy", "assistant.home.arpa/v1alpha1", true),
    ("", "configmaps", "ConfigMap", "v1", false),
    ("", "secrets", "Secret", "v1", false),
    ("", "services", "Service", "v1", true),
    ("", "pods", "Pod", "v1", true),
    ("", "nodes", "Node", "v1", true),
    ("", "namespaces", "Namespace", "v1", true),
    ("", "persistentvolumeclaims", "PersistentVolumeClaim", "v1", true),
    ("apps", "deployments", "Deployment", "apps/v1", true),
    ("apps", "replicasets", "ReplicaSet", "apps/v1", true),
    ("networking.k8s.io", "networkpolicies", "NetworkPolicy", "networking.k8s.io/v1", false),
    ("networking.k8s.io", "servicecidrs", "ServiceCIDR", "networking.k8s.io/v1", true),
    ("discovery.k8s.io", "endpointslices", "EndpointSlice", "discovery.k8s.io/v1", false),
    ("coordination.k8s.io", "leases", "Lease", "coordination.k8s.io/v1", false),
];
/// Events are served too, but nobody watches them.
const EVENTS: (&str, &str, &str, &str, bool) = ("events.k8s.io", "events", "Event", "events.k8s.io/v1", false);

/// One served kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Served {
    pub group: &'static str,
    pub resource: &'static str,
    pub kind: &'static str,
    pub api_version: &'static str,
    pub status_apart: bool,
}

fn all() -> impl Iterator<Item = Served> {
    KINDS.into_iter().chain([EVENTS]).map(|(group, resource, kind, api_version, status_apart)| Served {
        group,
        resource,
        kind,
        api_version,
        status_apart,
    })
}

/// By the name in the path.
pub fn of_resource(group: &str, resource: &str) -> Option<Served> {
    all().find(|served| served.group == group && served.resource == resource)
}

/// By kind, for objects that a test applies.
pub fn of_kind(kind: &str) -> Served {
    all().find(|served| served.kind == kind).unwrap_or_else(|| panic!("the fake does not serve {kind}"))
}

/// What a path names.
#[derive(Clone, Debug)]
pub struct Target {
    pub served: Served,
    pub namespace: String,
    pub name: Option<String>,
    pub subresource: Option<String>,
}

impl Target {
    /// `/api/v1/...` or `/apis/<group>/<version>/...`.
    pub fn parse(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let (group, rest) = match parts.as_slice() {
            ["api", "v1", rest @ ..] => ("", rest),
            ["apis", group, _version, rest @ ..] => (*group, rest),
            _ => return None,
        };
        let (namespace, rest) = match rest {
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (*namespace, rest),
            rest => ("", rest),
        };
        Some(Self {
            served: of_resource(group, rest.first()?)?,
            namespace: namespace.to_owned(),
            name: rest.get(1).map(|name| (*name).to_owned()),
            subresource: rest.get(2).map(|sub| (*sub).to_owned()),
        })
    }

    /// The key of the named object.
    pub fn key(&self) -> Option<Key> {
        Some(Key::new(self.served.kind, &self.namespace, self.name.as_deref()?))
    }
}

/// The part of a query that the fake understands.
#[derive(Clone, Debug, Default)]
pub struct Query {
    pub watch: bool,
    pub since: u64,
    pub labels: Vec<(String, String)>,
    pub name: Option<String>,
}

impl Query {
    /// Selectors are conjunctions of equalities; anything else is a gap of the fake and fails the test.
    pub fn parse(text: &str) -> Self {
        let pairs: BTreeMap<String, String> = form_urlencoded::parse(text.as_bytes()).into_owned().collect();
        let equalities = |key: &str| -> Vec<(String, String)> {
            let text = pairs.get(key).map(String::as_str).unwrap_or_default();
            text.split(',')
                .filter(|part| !part.is_empty())
                .map(|part| {
                    let (key, value) = part.split_once('=').unwrap_or_else(|| panic!("selector {part:?} is beyond the fake"));
                    (key.to_owned(), value.trim_start_matches('=').to_owned())
                })
                .collect()
        };
        let fields = equalities("fieldSelector");
        assert!(fields.iter().all(|(key, _)| key == "metadata.name"), "field selector {fields:?} is beyond the fake");
        Self {
            watch: pairs.get("watch").is_some_and(|value| value == "true" || value == "1"),
            since: pairs.get("resourceVersion").and_then(|value| value.parse().ok()).unwrap_or(0),
            labels: equalities("labelSelector"),
            name: fields.into_iter().next().map(|(_, value)| value),
        }
    }
}
