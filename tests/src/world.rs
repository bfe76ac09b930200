//! The node with everything on it, made once and shared by all tests. I/O: through its parts.

use crate::Outcome;
use crate::cluster::{Cluster, text};
use crate::install::{self, CONTROLS, OPERATOR, OUTSIDER};
use crate::internet::Internet;
use crate::node::Node;
use crate::probe::From;
use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Instant;

/// See the module.
pub struct World {
    /// The node.
    pub node: Node,
    /// Its API server.
    pub cluster: Cluster,
    /// Its internet.
    pub internet: Internet,
    free: Mutex<VecDeque<String>>,
}

impl World {
    /// Starts the node and installs everything.
    pub async fn start() -> Outcome<Self> {
        let node = Node::of_this_run()?;
        match Self::on(node.clone()).await {
            Ok(world) => Ok(world),
            Err(error) if node.kept => Err(error),
            Err(error) => {
                node.stop().await?;
                Err(error)
            }
        }
    }

    async fn on(node: Node) -> Outcome<Self> {
        let began = Instant::now();
        node.start().await?;
        println!("node {} up after {:.1} s", node.name, began.elapsed().as_secs_f64());
        let cluster = Cluster::connect(&node.kubeconfig()).await?;
        install::install(&node, &cluster).await?;
        println!("operator, witnesses and model up after {:.1} s", began.elapsed().as_secs_f64());
        let mut free = VecDeque::new();
        for space in install::spaces() {
            // On a node that is kept, former runs left theirs.
            let used = !cluster.list("NetworkPolicy", &space, "").await?.is_empty()
                || !cluster.list("PersistentVolumeClaim", &space, "").await?.is_empty()
                || cluster.get("Namespace", "", &space).await?.is_none_or(|found| text(&found, "/status/phase") != "Active");
            if !used {
                free.push_back(space);
            }
        }
        let internet = Internet::of(&node);
        Ok(Self { node, cluster, internet, free: Mutex::new(free) })
    }

    /// Takes the node down, unless it is one to keep.
    pub async fn end(&self) -> Outcome {
        if self.node.kept { Ok(()) } else { self.node.stop().await }
    }

    /// A served namespace that no test had yet.
    pub fn take_space(&self) -> Outcome<String> {
        let mut free = self.free.lock().map_err(|_| "a test panicked while it took a namespace")?;
        free.pop_front().ok_or_else(|| "all namespaces are used up; raise SPACES in install.rs, or start a new node".into())
    }

    /// A client that nothing fences.
    pub fn outsider(&self) -> From {
        From::pod(CONTROLS, OUTSIDER)
    }

    /// A pod's address, once it has one.
    pub async fn address(&self, namespace: &str, pod: &str) -> Outcome<String> {
        let found = text(&self.cluster.must("Pod", namespace, pod).await?, "/status/podIP");
        if found.is_empty() { Err(format!("pod {namespace}/{pod} has no address").into()) } else { Ok(found) }
    }

    /// The outsider's address.
    pub async fn outsider_address(&self) -> Outcome<String> {
        self.address(CONTROLS, OUTSIDER).await
    }

    /// The address of a running witness, `a` or `b`; its canary listens on 7071.
    pub async fn witness(&self, letter: &str) -> Outcome<String> {
        let labels = format!("app.kubernetes.io/name=witness,assistant.home.arpa/witness={letter}");
        let pods = self.cluster.list("Pod", OPERATOR, &labels).await?;
        let living = pods
            .iter()
            .find(|pod| pod.pointer("/metadata/deletionTimestamp").is_none() && text(pod, "/status/phase") == "Running");
        living.map(|pod| text(pod, "/status/podIP")).ok_or_else(|| format!("witness {letter} does not run").into())
    }

    /// The operator's log since its start, newest lines last.
    pub async fn operator_log(&self, lines: u32) -> Outcome<String> {
        let pods = self.cluster.list("Pod", OPERATOR, "app.kubernetes.io/name=assistant-operator").await?;
        let living =
            pods.iter().find(|pod| pod.pointer("/metadata/deletionTimestamp").is_none()).ok_or("the operator has no pod")?;
        self.cluster.log(OPERATOR, &text(living, "/metadata/name"), "operator", false, lines).await
    }
}
