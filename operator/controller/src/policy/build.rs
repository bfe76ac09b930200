//! From a plan to the children of a policy. Pure and deterministic.

use super::plan::Planned;
use crate::settings::Settings;
use crate::{names, network, pods};
use assistant_crds::EgressPolicy;
use assistant_egress::{Plan, private_ranges};
use assistant_proof::{ADMIN_PORT, CONTROL_PORT, EgressSettings, GateSettings, PodKind, WITNESS_CONTROL_PORT};
use ipnet::IpNet;
use k8s_openapi::ByteString;
use k8s_openapi::api::apps::v1::{Deployment, DeploymentStrategy, RollingUpdateDeployment};
use k8s_openapi::api::core::v1::{
    ConfigMap, ConfigMapVolumeSource, Container, ContainerPort, PodTemplateSpec, Probe, Secret, SecretVolumeSource, Service,
    ServicePort, ServiceSpec, TCPSocketAction, Volume,
};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::Resource;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddrV4;

/// Every child of a policy with at least one lane. `apply` destructures this without `..`: a child that nobody applies does not compile.
pub struct Children {
    /// Who may talk to the proxy, and where it may go.
    pub policy: NetworkPolicy,
    /// The plan, which is also the record of ports.
    pub plan: ConfigMap,
    /// Password hashes of the lanes.
    pub auth: Secret,
    /// The lanes' address.
    pub service: Service,
    /// The proxy.
    pub workload: Deployment,
}

/// Metadata of a child of a policy.
pub fn metadata(policy: &EgressPolicy, name: String) -> ObjectMeta {
    let owner = policy.metadata.name.clone().unwrap_or_default();
    ObjectMeta {
        name: Some(name),
        namespace: policy.metadata.namespace.clone(),
        labels: Some(names::policy_labels(&owner)),
        owner_references: policy.controller_owner_ref(&()).map(|owner| vec![owner]),
        ..ObjectMeta::default()
    }
}

/// Builds all. `htpasswd`: the lines of `user:hash`, sorted.
pub fn children(
    policy: &EgressPolicy,
    planned: &Planned,
    htpasswd: String,
    settings: &Settings,
    operator_namespace: &str,
) -> Children {
    let name = policy.metadata.name.clone().unwrap_or_default();
    Children {
        policy: network_policy(policy, &name, planned, operator_namespace),
        plan: ConfigMap {
            metadata: metadata(policy, names::plan(&name)),
            data: Some(BTreeMap::from([("plan.json".to_owned(), String::from_utf8_lossy(&planned.plan.to_json()).into_owned())])),
            ..ConfigMap::default()
        },
        auth: secret(metadata(policy, names::auth(&name)), [("htpasswd", htpasswd)]),
        service: service(policy, &name, &planned.plan),
        workload: workload(policy, &name, planned, settings),
    }
}

/// A Secret of text values.
pub fn secret<const N: usize>(metadata: ObjectMeta, data: [(&str, String); N]) -> Secret {
    let data = data.into_iter().map(|(key, value)| (key.to_owned(), ByteString(value.into_bytes()))).collect();
    Secret { metadata, data: Some(data), type_: Some("Opaque".to_owned()), ..Secret::default() }
}

fn pod_labels(name: &str) -> [(&str, &str); 2] {
    [(names::POLICY, name), (names::COMPONENT, names::EGRESS)]
}

fn tiers(plan: &Plan) -> Vec<String> {
    plan.lanes.iter().map(|lane| lane.key.tier.clone()).collect::<BTreeSet<_>>().into_iter().collect()
}

fn network_policy(policy: &EgressPolicy, name: &str, planned: &Planned, operator_namespace: &str) -> NetworkPolicy {
    // A lane is open to the pods of its own tier only; its password keeps other containers of such a pod out.
    let lane_rules = planned.plan.lanes.iter().map(|lane| {
        let agent = names::selector(&[(names::TIER, &lane.key.tier), (names::COMPONENT, names::AGENT)]);
        network::from(vec![network::pods(agent)], vec![network::tcp(i32::from(lane.port))])
    });
    // Gates of all users ask the control port what the outside looks like.
    let users = LabelSelector {
        match_labels: None,
        match_expressions: Some(vec![LabelSelectorRequirement {
            key: names::TIER.to_owned(),
            operator: "In".to_owned(),
            values: Some(tiers(&planned.plan)),
        }]),
    };
    let control = network::from(vec![network::pods(users)], vec![network::tcp(i32::from(CONTROL_PORT))]);
    let operator = names::selector(&[("app.kubernetes.io/name", names::OPERATOR)]);
    let admin = network::from(vec![network::pods_in(operator_namespace, operator)], vec![network::tcp(i32::from(ADMIN_PORT))]);
    let ingress = lane_rules.chain([control, admin]).collect();

    // Outside means: port 443 of what is nobody's private or local address. Squid refuses these again, after the ClientHello.
    let denied: Vec<IpNet> =
        IpNet::aggregate(&private_ranges().into_iter().chain(planned.plan.local_ranges.iter().copied()).collect());
    let text =
        |v6: bool| denied.iter().filter(|range| matches!(range, IpNet::V6(_)) == v6).map(ToString::to_string).collect::<Vec<_>>();
    let mut outside = vec![network::block("0.0.0.0/0", text(false))];
    if planned.ipv6 {
        outside.push(network::block("::/0", text(true)));
    }
    let dns = network::pods_in("kube-system", names::selector(&[("k8s-app", "kube-dns")]));
    let egress =
        vec![network::to(outside, vec![network::tcp(443)]), network::to(vec![dns], vec![network::udp(53), network::tcp(53)])];
    network::policy(metadata(policy, names::egress(name)), names::selector(&pod_labels(name)), ingress, egress)
}

fn service(policy: &EgressPolicy, name: &str, plan: &Plan) -> Service {
    let port = |name: String, port: u16| ServicePort {
        name: Some(name),
        port: i32::from(port),
        target_port: Some(IntOrString::Int(i32::from(port))),
        protocol: Some("TCP".to_owned()),
        ..ServicePort::default()
    };
    let lanes = plan.lanes.iter().map(|lane| port(format!("lane-{}", lane.port), lane.port));
    Service {
        metadata: metadata(policy, names::egress(name)),
        spec: Some(ServiceSpec {
            type_: Some("ClusterIP".to_owned()),
            ip_family_policy: Some("SingleStack".to_owned()),
            ip_families: Some(vec!["IPv4".to_owned()]),
            internal_traffic_policy: Some("Cluster".to_owned()),
            session_affinity: Some("None".to_owned()),
            selector: Some(names::labels(&pod_labels(name))),
            ports: Some(std::iter::once(port("control".to_owned(), CONTROL_PORT)).chain(lanes).collect()),
            ..ServiceSpec::default()
        }),
        status: None,
    }
}

fn gate(planned: &Planned) -> GateSettings {
    GateSettings {
        kind: PodKind::Egress,
        witnesses: planned.witnesses.map(|ip| SocketAddrV4::new(ip, WITNESS_CONTROL_PORT)),
        egress_control: None,
        lane: None,
        closed: vec![],
        rounds: 10,
        span_milliseconds: 1000,
        interval_milliseconds: 250,
        deadline_seconds: 30,
    }
}

fn workload(policy: &EgressPolicy, name: &str, planned: &Planned, settings: &Settings) -> Deployment {
    let guard = EgressSettings {
        plan_dir: "/etc/egress/plan".to_owned(),
        auth_dir: "/etc/egress/auth".to_owned(),
        admin_token_file: "/etc/egress/admin/token".to_owned(),
        run_dir: "/run/egress".to_owned(),
    };
    let proxy = policy.spec.proxy.clone().unwrap_or_default();
    let main = Container {
        command: Some(vec!["/usr/local/bin/guard".to_owned(), "egress".to_owned()]),
        env: Some(vec![
            pods::env("GUARD_EGRESS", serde_json::to_string(&guard).expect("egress settings serialise")),
            pods::env_field("POD_IP", "status.podIP"),
        ]),
        ports: Some(vec![ContainerPort {
            container_port: i32::from(CONTROL_PORT),
            name: Some("control".to_owned()),
            protocol: Some("TCP".to_owned()),
            ..ContainerPort::default()
        }]),
        // The control port opens once Squid listens on every port of a valid plan.
        readiness_probe: Some(Probe {
            tcp_socket: Some(TCPSocketAction { port: IntOrString::Int(i32::from(CONTROL_PORT)), host: None }),
            period_seconds: Some(2),
            timeout_seconds: Some(1),
            success_threshold: Some(1),
            failure_threshold: Some(3),
            ..Probe::default()
        }),
        resources: Some(crate::build_parts::resources(proxy.resources.as_ref(), "20m", "48Mi", "256Mi")),
        volume_mounts: Some(vec![
            pods::mount_read_only("plan", "/etc/egress/plan"),
            pods::mount_read_only("auth", "/etc/egress/auth"),
            pods::mount_read_only("admin", "/etc/egress/admin"),
            pods::mount("run", "/run/egress"),
        ]),
        ..pods::container("egress", &settings.images.egress, settings, names::EGRESS_UID)
    };
    let secret_volume = |volume: &str, secret: String| Volume {
        name: volume.to_owned(),
        secret: Some(SecretVolumeSource {
            secret_name: Some(secret),
            default_mode: Some(0o440),
            ..SecretVolumeSource::default()
        }),
        ..Volume::default()
    };
    let shape = pods::Shape {
        gate: gate(planned),
        main,
        volumes: vec![
            Volume {
                name: "plan".to_owned(),
                config_map: Some(ConfigMapVolumeSource {
                    name: names::plan(name),
                    default_mode: Some(0o444),
                    ..ConfigMapVolumeSource::default()
                }),
                ..Volume::default()
            },
            secret_volume("auth", names::auth(name)),
            secret_volume("admin", names::admin(name)),
            pods::empty_dir("run", Some("16Mi")),
        ],
        group: names::EGRESS_UID,
        grace_seconds: 6,
        host_aliases: vec![],
        cluster_dns: true,
        node_selector: proxy.node_selector,
        tolerations: vec![],
    };
    let mut labels = names::policy_labels(name);
    labels.extend(names::labels(&[(names::COMPONENT, names::EGRESS), (names::FENCED, "true")]));
    let template = PodTemplateSpec {
        metadata: Some(ObjectMeta { labels: Some(labels), ..ObjectMeta::default() }),
        spec: Some(pods::pod_spec(settings, planned.user_namespaces, shape)),
    };
    // The new proxy is ready before the old one goes.
    let rolling = RollingUpdateDeployment { max_surge: Some(IntOrString::Int(1)), max_unavailable: Some(IntOrString::Int(0)) };
    let strategy = DeploymentStrategy { type_: Some("RollingUpdate".to_owned()), rolling_update: Some(rolling) };
    pods::deployment(metadata(policy, names::egress(name)), names::selector(&pod_labels(name)), template, strategy, 1)
}
