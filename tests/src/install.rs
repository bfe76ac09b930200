//! Puts on the node what the tests need: the model's double, both charts by the real helm, and pods that no policy fences. I/O: helm, API.

use crate::Outcome;
use crate::cluster::{Cluster, text};
use crate::images::{self, PREFIX, PROBE, TAG};
use crate::manifest;
use crate::node::Node;
use crate::wait::{Look, until};
use serde_json::json;
use std::time::Duration;

/// The operator's namespace.
pub const OPERATOR: &str = "secure-assistant";
/// Namespace of pods that are nobody's and that nothing fences: they show that a target is alive.
pub const CONTROLS: &str = "controls";
/// The one pod in it: it serves 8080 by TCP and UDP, also as NodePort [`NODE_PORT`], and is where controls are run.
pub const OUTSIDER: &str = "outsider";
/// The outsider's NodePort.
pub const NODE_PORT: u16 = 30600;
/// How many namespaces the operator serves here; every test uses up one.
const SPACES: usize = 48;

/// The namespaces that tests take.
pub fn spaces() -> Vec<String> {
    (1..=SPACES).map(|n| format!("t{n:02}")).collect()
}

/// Everything, and waits until it runs.
pub async fn install(node: &Node, cluster: &Cluster) -> Outcome {
    let changed = images::import_all(node).await?;
    let model = std::fs::read_to_string(node.root.join("tests/doubles/model.yaml"))?;
    cluster.apply_yaml("models", &model).await?;
    controls(cluster).await?;
    charts(node).await?;
    if changed {
        for workload in ["deployment/assistant-operator", "daemonset/witness-a", "daemonset/witness-b"] {
            node.kubectl(&["-n", OPERATOR, "rollout", "restart", workload]).await?;
        }
    }
    for workload in ["deployment/assistant-operator", "daemonset/witness-a", "daemonset/witness-b"] {
        node.kubectl(&["-n", OPERATOR, "rollout", "status", workload, "--timeout=90s"]).await?;
    }
    node.kubectl(&["-n", "models", "rollout", "status", "deployment/model", "--timeout=60s"]).await?;
    until("the pod outside of every fence", Duration::from_secs(60), || async {
        let pod = cluster.must("Pod", CONTROLS, OUTSIDER).await?;
        Ok(if text(&pod, "/status/phase") == "Running" { Look::Found(()) } else { Look::NotYet(text(&pod, "/status/phase")) })
    })
    .await
}

/// Both charts, again and again without harm.
pub async fn charts(node: &Node) -> Outcome {
    let chart = |name: &str| node.root.join("charts").join(name).to_string_lossy().into_owned();
    let namespaces = format!("namespaces={{{}}}", spaces().join(","));
    let agent = format!("images.agent.repository=secure-assistant/{}", images::assistant());
    let tag = format!("images.tag={TAG}");
    node.helm(&[
        "upgrade",
        "--install",
        "secure-assistant-crds",
        &chart("secure-assistant-crds"),
        "-n",
        OPERATOR,
        "--create-namespace",
        "--wait",
    ])
    .await?;
    let mut all = vec!["upgrade", "--install", "secure-assistant", "", "-n", OPERATOR, "--timeout", "3m"];
    let path = chart("secure-assistant");
    all[3] = &path;
    for setting in ["images.registry=localhost", &tag, &agent, &namespaces, "createNamespaces=true", "imagePullPolicy=Never"] {
        all.extend(["--set", setting]);
    }
    for setting in ["model.service.namespace=models", "model.service.name=model", "model.service.port=8080"] {
        all.extend(["--set", setting]);
    }
    node.helm(&all).await?;
    Ok(())
}

async fn controls(cluster: &Cluster) -> Outcome {
    let labels = json!({"app": OUTSIDER});
    // Looks like the model to a careless policy, and is not it.
    let second = json!({"app.kubernetes.io/name": "model"});
    let server = |name: &str, labels: &serde_json::Value| manifest::plain_pod(name, PROBE, &["serve", name, "8080"], labels);
    cluster.apply("", &[json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": CONTROLS}})]).await?;
    until("the namespace's service account", Duration::from_secs(30), || async {
        let made = cluster.try_apply(CONTROLS, &server(OUTSIDER, &labels)).await?;
        Ok(made.map_or_else(|refused| Look::NotYet(refused.message), |_| Look::Found(())))
    })
    .await?;
    let objects = [
        server("second-model", &second),
        manifest::service(OUTSIDER, &labels, 8080, NODE_PORT),
        manifest::service("second-model", &second, 8080, 0),
    ];
    cluster.apply(CONTROLS, &objects).await
}

/// The assistant image every tier has unless it names another.
pub fn assistant_image() -> String {
    format!("{PREFIX}/{}:{TAG}", images::assistant())
}
