//! What every pod we make has in common: the gate first, no token, no DNS of its own, restricted Pod Security, no ICMP socket.
//! Every field that the API server would default is written, so that what is read back equals what was built. Pure.

use crate::names;
use crate::settings::Settings;
use assistant_proof::GateSettings;
use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy};
use k8s_openapi::api::core::v1::{
    Capabilities, Container, EmptyDirVolumeSource, EnvVar, EnvVarSource, ObjectFieldSelector, PodSecurityContext, PodSpec,
    PodTemplateSpec, ResourceRequirements, SeccompProfile, SecretKeySelector, SecurityContext, Sysctl, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use std::collections::BTreeMap;

/// Seconds between SIGTERM and SIGKILL of a tier's pods.
pub const TIER_GRACE_SECONDS: i64 = 2;

/// The part of a pod that differs between our pods.
#[derive(Clone, Debug)]
pub struct Shape {
    /// The gate's settings.
    pub gate: GateSettings,
    /// The one main container.
    pub main: Container,
    /// Its volumes.
    pub volumes: Vec<Volume>,
    /// Group that owns the volumes.
    pub group: i64,
    /// Seconds between SIGTERM and SIGKILL.
    pub grace_seconds: i64,
    /// Names with fixed addresses (`/etc/hosts`).
    pub host_aliases: Vec<k8s_openapi::api::core::v1::HostAlias>,
    /// Whether the pod may use the cluster's DNS. Only egress pods may.
    pub cluster_dns: bool,
    /// Node labels.
    pub node_selector: BTreeMap<String, String>,
    /// Tolerations.
    pub tolerations: Vec<k8s_openapi::api::core::v1::Toleration>,
}

/// A container with nothing but what it was given, and all defaults written out.
pub fn container(name: &str, image: &str, settings: &Settings, uid: i64) -> Container {
    Container {
        name: name.to_owned(),
        image: Some(image.to_owned()),
        image_pull_policy: Some(settings.image_pull_policy.clone()),
        termination_message_path: Some("/dev/termination-log".to_owned()),
        termination_message_policy: Some("File".to_owned()),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            capabilities: Some(Capabilities { drop: Some(vec!["ALL".to_owned()]), add: None }),
            read_only_root_filesystem: Some(true),
            run_as_non_root: Some(true),
            run_as_user: Some(uid),
            run_as_group: Some(uid),
            ..SecurityContext::default()
        }),
        ..Container::default()
    }
}

/// Requests and a memory limit.
pub fn resources(cpu: &str, memory: &str, limit: &str) -> ResourceRequirements {
    let amounts = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), Quantity((*v).to_owned()))).collect();
    ResourceRequirements {
        requests: Some(amounts(&[("cpu", cpu), ("memory", memory)])),
        limits: Some(amounts(&[("memory", limit)])),
        claims: None,
    }
}

/// A plain environment variable.
pub fn env(name: &str, value: impl Into<String>) -> EnvVar {
    EnvVar { name: name.to_owned(), value: Some(value.into()), value_from: None }
}
/// An environment variable from the pod's own fields.
pub fn env_field(name: &str, path: &str) -> EnvVar {
    let field = ObjectFieldSelector { api_version: Some("v1".to_owned()), field_path: path.to_owned() };
    EnvVar {
        name: name.to_owned(),
        value: None,
        value_from: Some(EnvVarSource { field_ref: Some(field), ..EnvVarSource::default() }),
    }
}
/// An environment variable from a Secret of ours.
pub fn env_secret(name: &str, secret: &str, key: &str) -> EnvVar {
    let selector = SecretKeySelector { name: secret.to_owned(), key: key.to_owned(), optional: None };
    EnvVar {
        name: name.to_owned(),
        value: None,
        value_from: Some(EnvVarSource { secret_key_ref: Some(selector), ..EnvVarSource::default() }),
    }
}
/// A writable mount.
pub fn mount(volume: &str, path: &str) -> VolumeMount {
    VolumeMount { name: volume.to_owned(), mount_path: path.to_owned(), ..VolumeMount::default() }
}
/// A read-only mount.
pub fn mount_read_only(volume: &str, path: &str) -> VolumeMount {
    VolumeMount { read_only: Some(true), ..mount(volume, path) }
}
/// An empty directory; in memory if a limit is given.
pub fn empty_dir(name: &str, memory_limit: Option<&str>) -> Volume {
    let source = EmptyDirVolumeSource {
        medium: memory_limit.map(|_| "Memory".to_owned()),
        size_limit: memory_limit.map(|limit| Quantity(limit.to_owned())),
    };
    Volume { name: name.to_owned(), empty_dir: Some(source), ..Volume::default() }
}

fn gate(settings: &Settings, gate: &GateSettings) -> Container {
    Container {
        args: Some(vec!["gate".to_owned()]),
        env: Some(vec![
            env("GUARD_GATE", serde_json::to_string(gate).expect("gate settings serialise")),
            env_field("NODE_IP", "status.hostIP"),
            env_field("POD_IP", "status.podIP"),
        ]),
        resources: Some(resources("10m", "8Mi", "32Mi")),
        volume_mounts: Some(vec![mount(names::GATE, "/run/gate")]),
        ..container(names::GATE, &settings.images.guard, settings, names::GATE_UID)
    }
}

/// A whole pod. The gate is the first init container: whatever ran before it would run before the fence is proven.
pub fn pod_spec(settings: &Settings, user_namespaces: bool, shape: Shape) -> PodSpec {
    let mut volumes = vec![empty_dir(names::GATE, Some("1Mi"))];
    volumes.extend(shape.volumes);
    let (dns_policy, dns_config) = if shape.cluster_dns {
        // Squid resolves whole names only: with the usual five dots it would try every name below the cluster's domains first.
        let ndots =
            k8s_openapi::api::core::v1::PodDNSConfigOption { name: Some("ndots".to_owned()), value: Some("1".to_owned()) };
        ("ClusterFirst", Some(k8s_openapi::api::core::v1::PodDNSConfig { options: Some(vec![ndots]), ..Default::default() }))
    } else {
        let nowhere =
            k8s_openapi::api::core::v1::PodDNSConfig { nameservers: Some(vec!["127.0.0.1".to_owned()]), ..Default::default() };
        ("None", Some(nowhere))
    };
    PodSpec {
        automount_service_account_token: Some(false),
        containers: vec![shape.main],
        dns_config,
        dns_policy: Some(dns_policy.to_owned()),
        enable_service_links: Some(false),
        host_aliases: (!shape.host_aliases.is_empty()).then_some(shape.host_aliases),
        host_users: user_namespaces.then_some(false),
        init_containers: Some(vec![gate(settings, &shape.gate)]),
        node_selector: (!shape.node_selector.is_empty()).then_some(shape.node_selector),
        restart_policy: Some("Always".to_owned()),
        scheduler_name: Some("default-scheduler".to_owned()),
        security_context: Some(PodSecurityContext {
            fs_group: Some(shape.group),
            fs_group_change_policy: Some("OnRootMismatch".to_owned()),
            run_as_non_root: Some(true),
            seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".to_owned(), localhost_profile: None }),
            // Without this any process may send ICMP echo with a payload, which kube-router passes before it looks at any policy.
            sysctls: Some(vec![Sysctl { name: "net.ipv4.ping_group_range".to_owned(), value: "1 0".to_owned() }]),
            ..PodSecurityContext::default()
        }),
        termination_grace_period_seconds: Some(shape.grace_seconds),
        tolerations: (!shape.tolerations.is_empty()).then_some(shape.tolerations),
        volumes: Some(volumes),
        ..PodSpec::default()
    }
}

/// A Deployment of one pod.
pub fn deployment(
    metadata: ObjectMeta,
    selector: LabelSelector,
    template: PodTemplateSpec,
    strategy: DeploymentStrategy,
    replicas: i32,
) -> Deployment {
    Deployment {
        metadata,
        spec: Some(DeploymentSpec {
            progress_deadline_seconds: Some(600),
            replicas: Some(replicas),
            revision_history_limit: Some(1),
            selector,
            strategy: Some(strategy),
            template,
            ..DeploymentSpec::default()
        }),
        status: None,
    }
}
