//! What the table is tried in: three tiers, two policies, hosts with addresses of their own, and processes on the node. I/O: API, zone, processes.

use assistant_tests::Outcome;
use assistant_tests::cluster::text;
use assistant_tests::install::{CONTROLS, OUTSIDER};
use assistant_tests::manifest;
use assistant_tests::probe::From;
use assistant_tests::space::{Lane, Pod, Space};
use assistant_tests::wait::{Look, until};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::Mutex;
use std::time::Duration;

/// The node's address.
pub const NODE: &str = "192.0.2.10";
/// The node's neighbour on its link, which is also the internet's gateway.
pub const NEIGHBOUR: &str = "192.0.2.1";
/// Ports of a process on the node: one in the NodePort range that no Service has, two outside of it.
pub const NODE_PORTS: [u16; 3] = [30700, 18080, 443];

/// See the module.
pub struct House {
    /// End of every name in this house.
    pub domain: String,
    /// The assistant that tries.
    pub mine: Pod,
    /// Another one behind the same policy.
    pub yours: Pod,
    /// One behind a policy of its own.
    pub third: Pod,
    /// The egress pod of `mine` and `yours`.
    pub egress: Pod,
    /// The egress pod of `third`.
    pub other_egress: Pod,
    /// Lanes, in that order.
    pub lanes: [Lane; 3],
    /// A client outside of every fence.
    pub outsider: From,
    /// Its address, its Service's, and those of the second model.
    pub outsider_ip: String,
    pub outsider_service: String,
    pub second_model_ip: String,
    pub second_model_service: String,
    /// The model's Service.
    pub model_service: String,
    /// The gateway Service of `yours`.
    pub yours_service: String,
    /// Witness a.
    pub witness: String,
    /// A copy of the internet's CA that any user may read.
    pub ca: PathBuf,
    space: String,
    on_node: Mutex<Child>,
}

/// Names that `mine` may ask for, with their addresses: each its own, so that a packet tells which row sent it.
fn zone(domain: &str, outsider_ip: &str, outsider_service: &str) -> Vec<String> {
    let line = |name: &str, rest: &str| format!("{name}.{domain} {rest}");
    vec![
        line("allowed", "A 5 203.0.113.101"),
        line("sni", "A 5 203.0.113.102"),
        line("ports", "A 5 203.0.113.103"),
        line("yours", "A 5 203.0.113.104"),
        line("other", "A 5 203.0.113.105"),
        line("third", "A 5 203.0.113.106"),
        line("private", "A 5 192.168.7.7"),
        line("cgnat", "A 5 100.64.7.7"),
        line("metadata", "A 5 169.254.169.254"),
        line("node", &format!("A 5 {NODE}")),
        line("onlink", &format!("A 5 {NEIGHBOUR}")),
        line("pod", &format!("A 5 {outsider_ip}")),
        line("service", &format!("A 5 {outsider_service}")),
        line("mapped", "AAAA 5 ::ffff:192.168.7.8"),
        line("rebind", "A 0 203.0.113.107 / 192.168.7.9"),
        line("both", "A 0 192.168.7.10,203.0.113.108"),
        line("loopback", "A 5 127.0.0.1"),
    ]
}

impl House {
    /// Builds it and waits until all three assistants are Ready.
    pub async fn build(space: &Space) -> Outcome<Self> {
        let world = &space.world;
        let domain = format!("{}.example.org", space.name);
        let address = |name: &'static str| async move { world.address(CONTROLS, name).await };
        let service = |namespace: String, name: String| async move {
            Ok::<_, assistant_tests::Failure>(text(&world.cluster.must("Service", &namespace, &name).await?, "/spec/clusterIP"))
        };
        let outsider_ip = address(OUTSIDER).await?;
        let outsider_service = service(CONTROLS.into(), OUTSIDER.into()).await?;
        world.internet.names(&zone(&domain, &outsider_ip, &outsider_service)).await?;
        let names = [
            "allowed", "sni", "ports", "private", "cgnat", "metadata", "node", "onlink", "pod", "service", "mapped", "rebind",
            "both", "loopback",
        ];
        let hosts: Vec<String> = names.iter().map(|name| format!("{name}.{domain}")).collect();
        let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
        let (yours, third) = (format!("yours.{domain}"), format!("third.{domain}"));
        space
            .apply(&[
                manifest::policy("home", &[("mine", &hosts, &["mine"]), ("yours", &[&yours], &["yours"])]),
                manifest::policy("elsewhere", &[("third", &[&third], &[])]),
                manifest::tier("mine", "home"),
                manifest::tier("yours", "home"),
                manifest::tier("third", "elsewhere"),
            ])
            .await?;
        for tier in ["mine", "yours", "third"] {
            space.ready(tier).await?;
        }
        let ca = std::env::temp_dir().join(format!("assistant-tests-{}-{}.crt", std::process::id(), space.name));
        std::fs::copy(world.internet.ca(), &ca)?;
        let mut serve = vec!["probe".to_owned(), "serve".to_owned(), "node".to_owned()];
        serve.extend(NODE_PORTS.map(|port| port.to_string()));
        let serve: Vec<&str> = serve.iter().map(String::as_str).collect();
        let on_node = world.node.command("k3s/node/in.sh", &serve).stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
        let house = Self {
            mine: space.agent("mine").await?,
            yours: space.agent("yours").await?,
            third: space.agent("third").await?,
            egress: space.egress("home").await?,
            other_egress: space.egress("elsewhere").await?,
            lanes: [
                space.lane("home", "mine").await?,
                space.lane("home", "yours").await?,
                space.lane("elsewhere", "third").await?,
            ],
            outsider: world.outsider(),
            second_model_ip: address("second-model").await?,
            second_model_service: service(CONTROLS.into(), "second-model".into()).await?,
            model_service: service("models".into(), "model".into()).await?,
            yours_service: service(space.name.clone(), "yours-agent".into()).await?,
            witness: world.witness("a").await?,
            space: space.name.clone(),
            on_node: Mutex::new(on_node),
            domain,
            outsider_ip,
            outsider_service,
            ca,
        };
        until("the process on the node", Duration::from_secs(10), || async {
            let seen = world.node.probe(&From::Node, &["tcp", &format!("{NODE}:{}", NODE_PORTS[0])]).await?;
            Ok(if seen.open() { Look::Found(()) } else { Look::NotYet(seen.short()) })
        })
        .await?;
        Ok(house)
    }

    /// Addresses of all pods of the house.
    pub fn addresses(&self) -> [&str; 5] {
        [&self.mine, &self.yours, &self.third, &self.egress, &self.other_egress].map(|pod| pod.address.as_str())
    }

    /// A host of the house.
    pub fn host(&self, name: &str) -> String {
        format!("{name}.{}", self.domain)
    }

    /// A client in the pod of `yours` or `third`.
    pub fn inside(&self, pod: &Pod) -> From {
        From::pod(&self.space, &pod.name)
    }

    /// Ends the process on the node and removes the copy of the CA. Also done when the house is dropped.
    pub fn end(&self) {
        if let Ok(mut child) = self.on_node.lock() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = std::fs::remove_file(&self.ca);
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.end();
    }
}
