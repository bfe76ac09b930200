//! The agent's Deployment. Pure.

use super::super::plan::Plan;
use super::config::{MODEL_HOST, PROXY_HOST, WORKSPACE};
use super::{claim_name, metadata, pod_labels};
use crate::secret::sha256_hex;
use crate::settings::Settings;
use crate::{build_parts, names, pods};
use assistant_crds::AssistantTier;
use assistant_proof::{CONTROL_PORT, ClosedTarget, GateSettings, LaneTarget, PodKind, WITNESS_CONTROL_PORT};
use k8s_openapi::api::apps::v1::{Deployment, DeploymentStrategy};
use k8s_openapi::api::core::v1::{
    ConfigMapVolumeSource, Container, ContainerPort, HTTPGetAction, HostAlias, PersistentVolumeClaimVolumeSource,
    PodTemplateSpec, Probe, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

/// ZeroClaw's configuration directory: the root of the state claim, so that only its one file is mounted over it.
const STATE: &str = "/zeroclaw-data";

/// The targets that no tier may reach and that have no control of their own. `0.0.0.0` is the node.
fn closed(plan: &Plan, settings: &Settings) -> Vec<ClosedTarget> {
    let target = |name: &str, address: SocketAddrV4| ClosedTarget { name: name.to_owned(), address: SocketAddr::V4(address) };
    let node = |port| SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port);
    let api = plan.api_server.map(|address| target("api-server", address));
    let fixed = [
        target("api-server-on-node", node(6443)),
        target("kubelet", node(10250)),
        target("metadata", SocketAddrV4::new(Ipv4Addr::new(169, 254, 169, 254), 80)),
    ];
    api.into_iter().chain(fixed).chain(settings.closed.iter().cloned()).collect()
}

fn gate(plan: &Plan, settings: &Settings) -> GateSettings {
    GateSettings {
        kind: PodKind::Tier,
        witnesses: plan.witnesses.map(|ip| SocketAddrV4::new(ip, WITNESS_CONTROL_PORT)),
        egress_control: Some(SocketAddrV4::new(plan.egress, CONTROL_PORT)),
        lane: Some(LaneTarget { address: SocketAddrV4::new(plan.egress, plan.lane), password: true }),
        closed: closed(plan, settings),
        rounds: 10,
        span_milliseconds: 1000,
        interval_milliseconds: 250,
        deadline_seconds: 30,
    }
}

fn probe(period: i32, failures: i32) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some("/health".to_owned()),
            port: IntOrString::Int(names::GATEWAY_PORT),
            scheme: Some("HTTP".to_owned()),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(period),
        timeout_seconds: Some(2),
        success_threshold: Some(1),
        failure_threshold: Some(failures),
        ..Probe::default()
    }
}

fn container(tier: &AssistantTier, plan: &Plan, settings: &Settings) -> Container {
    let lane = names::lane(&plan.policy, plan.lane);
    let proxy = format!("http://$(LANE_USER):$(LANE_PASSWORD)@{PROXY_HOST}:{}", plan.lane);
    let file = |name: &str, volume: &str, path: String| VolumeMount {
        sub_path: Some(name.to_owned()),
        ..pods::mount_read_only(volume, &path)
    };
    let mut mounts = vec![pods::mount("state", STATE), pods::mount("workspace", WORKSPACE), pods::mount("tmp", "/tmp")];
    mounts.push(file("config.toml", "config", format!("{STATE}/config.toml")));
    mounts.extend(plan.persona.iter().map(|name| file(name, "persona", format!("{WORKSPACE}/{name}"))));
    Container {
        args: Some(vec!["--verbose".to_owned(), "daemon".to_owned()]),
        env: Some(vec![
            pods::env("HOME", STATE),
            pods::env("ZEROCLAW_CONFIG_DIR", STATE),
            pods::env_secret("LANE_USER", &lane, "username"),
            pods::env_secret("LANE_PASSWORD", &lane, "password"),
            pods::env("HTTPS_PROXY", proxy),
            // The model is inside the cluster and not behind the proxy.
            pods::env("NO_PROXY", format!("{MODEL_HOST},localhost,127.0.0.1")),
        ]),
        ports: Some(vec![ContainerPort {
            container_port: names::GATEWAY_PORT,
            name: Some("gateway".to_owned()),
            protocol: Some("TCP".to_owned()),
            ..ContainerPort::default()
        }]),
        startup_probe: Some(probe(1, 60)),
        readiness_probe: Some(probe(5, 2)),
        liveness_probe: Some(probe(20, 3)),
        resources: Some(build_parts::resources(tier.spec.agent.resources.as_ref(), "50m", "96Mi", "512Mi")),
        volume_mounts: Some(mounts),
        ..pods::container(
            "assistant",
            tier.spec.agent.image.as_deref().unwrap_or(&settings.images.agent),
            settings,
            names::AGENT_UID,
        )
    }
}

fn volumes(tier: &AssistantTier, name: &str, plan: &Plan) -> Vec<Volume> {
    let claim = |volume: &str, claim_name: String| Volume {
        name: volume.to_owned(),
        persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource { claim_name, read_only: None }),
        ..Volume::default()
    };
    let config_map = |volume: &str, name: String| Volume {
        name: volume.to_owned(),
        config_map: Some(ConfigMapVolumeSource { name, default_mode: Some(0o444), ..ConfigMapVolumeSource::default() }),
        ..Volume::default()
    };
    let storage = &tier.spec.storage;
    let mut volumes = vec![
        claim("state", claim_name(names::state(name), &storage.state)),
        claim("workspace", claim_name(names::workspace(name), &storage.workspace)),
        config_map("config", names::config(name)),
        pods::empty_dir("tmp", None),
    ];
    if let Some(persona) = super::super::persona(tier).filter(|_| !plan.persona.is_empty()) {
        volumes.push(config_map("persona", persona.to_owned()));
    }
    volumes
}

/// One pod at a time: ZeroClaw locks its data directory. What the container reads only at start is in an annotation's digest.
pub fn deployment(tier: &AssistantTier, name: &str, plan: &Plan, settings: &Settings, toml: &str) -> Deployment {
    let scheduling = tier.spec.scheduling.clone().unwrap_or_default();
    let shape = pods::Shape {
        gate: gate(plan, settings),
        main: container(tier, plan, settings),
        volumes: volumes(tier, name, plan),
        group: names::AGENT_UID,
        grace_seconds: pods::TIER_GRACE_SECONDS,
        host_aliases: vec![
            HostAlias { ip: plan.egress.to_string(), hostnames: Some(vec![PROXY_HOST.to_owned()]) },
            HostAlias { ip: plan.model.address.to_string(), hostnames: Some(vec![MODEL_HOST.to_owned()]) },
        ],
        cluster_dns: false,
        node_selector: scheduling.node_selector,
        tolerations: scheduling.tolerations.iter().map(build_parts::toleration).collect(),
    };
    let mut labels = names::tier_labels(name);
    labels.extend(names::labels(&[(names::COMPONENT, names::AGENT), (names::FENCED, "true"), (names::POLICY, &plan.policy)]));
    let digest = sha256_hex(format!("{toml}\n{}\n{}", plan.lane_hash, plan.persona.join(" ")).as_bytes());
    let template = PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(labels),
            annotations: Some(BTreeMap::from([(names::CONFIG_DIGEST.to_owned(), digest)])),
            ..ObjectMeta::default()
        }),
        spec: Some(pods::pod_spec(settings, plan.user_namespaces, shape)),
    };
    let strategy = DeploymentStrategy { type_: Some("Recreate".to_owned()), rolling_update: None };
    pods::deployment(metadata(tier, names::agent(name)), names::selector(&pod_labels(name)), template, strategy, plan.replicas)
}
