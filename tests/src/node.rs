//! The node: starting it, taking it down, and running things on its network. I/O: the scripts of `k3s/node`.

use crate::Outcome;
use crate::command::{Done, run};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Names a node that is used as it is and left up. Without it the suite starts one called `e2e` and takes it down again.
const KEEP: &str = "TEST_NODE";
const NAME: &str = "e2e";
const SCRIPT: Duration = Duration::from_secs(120);

/// One node.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Whether it outlives the suite.
    pub kept: bool,
    /// The checkout.
    pub root: PathBuf,
    /// The build cache.
    pub cache: PathBuf,
}

impl Node {
    /// The node of this run; it need not be up.
    pub fn of_this_run() -> Outcome<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("the crate has no parent directory")?.to_owned();
        let env = |key: &str| std::env::var(key).ok().filter(|value| !value.is_empty());
        let cache = match (env("SECURE_ASSISTANT_CACHE"), env("XDG_CACHE_HOME"), env("HOME")) {
            (Some(cache), _, _) => PathBuf::from(cache),
            (None, Some(base), _) => Path::new(&base).join("secure-assistant"),
            (None, None, Some(home)) => Path::new(&home).join(".cache/secure-assistant"),
            (None, None, None) => return Err("neither SECURE_ASSISTANT_CACHE nor XDG_CACHE_HOME nor HOME is set".into()),
        };
        let kept = env(KEEP);
        Ok(Self { kept: kept.is_some(), name: kept.unwrap_or_else(|| NAME.to_owned()), root, cache })
    }

    /// Its state directory.
    pub fn state(&self) -> PathBuf {
        self.cache.join("node").join(format!("state-{}", self.name))
    }

    /// For programs outside: the API server on the machine's loopback.
    pub fn kubeconfig(&self) -> PathBuf {
        self.state().join("kubeconfig")
    }

    /// Starts it, unless it is one that is kept and up.
    pub async fn start(&self) -> Outcome {
        if self.kept && self.script("k3s/node/in.sh", &["true"]).await?.code == Some(0) {
            return Ok(());
        }
        // Of another run that was killed.
        self.stop().await?;
        let policy = self.audit_policy();
        std::fs::write(&policy, AUDIT)?;
        let mut command = self.command("k3s/node/up.sh", &[]);
        let log = self.state().join("log/audit.jsonl");
        let flags = format!("--audit-policy-file={} --audit-log-path={}", policy.display(), log.display());
        // A packet keeps its pod's address all the way to the internet's records, which then say who sent it. Nothing remembers
        // names, so that every use of one is seen at the resolver.
        command.env("TESTNODE_NODE_RULE", "on").env("TESTNODE_MASQUERADE", "off").env("TESTNODE_DNS_CACHE", "0");
        command.env("TESTNODE_APISERVER_FLAGS", flags).env("TESTNODE_TIMEOUT", "240");
        run(command, Duration::from_secs(300)).await?.good("k3s/node/up.sh")?;
        Ok(())
    }

    /// Takes it down.
    pub async fn stop(&self) -> Outcome {
        self.script("k3s/node/down.sh", &[]).await?.good("k3s/node/down.sh")?;
        match std::fs::remove_file(self.audit_policy()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// What the API server writes down, in a file beside the state directory, which must be empty before the node starts.
    fn audit_policy(&self) -> PathBuf {
        self.cache.join("node").join(format!("audit-{}.yaml", self.name))
    }

    /// A script of the checkout that takes `--name NODE` first, ready to be run.
    pub fn command(&self, script: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.root.join(script));
        command.arg("--name").arg(&self.name).args(arguments);
        command.env("SECURE_ASSISTANT_CACHE", &self.cache).env_remove("TESTNODE_STATE").env_remove("KUBECONFIG");
        command
    }

    /// Runs such a script.
    pub async fn script(&self, script: &str, arguments: &[&str]) -> Outcome<Done> {
        run(self.command(script, arguments), SCRIPT).await
    }

    /// Runs a program of the machine on the node's network.
    pub async fn inside(&self, arguments: &[&str]) -> Outcome<Done> {
        self.script("k3s/node/in.sh", arguments).await
    }

    /// `kubectl` on the node's API server; its standard output.
    pub async fn kubectl(&self, arguments: &[&str]) -> Outcome<String> {
        let mut command = Command::new(self.cache.join("node/bin/tools/kubectl"));
        command.args(arguments).env("KUBECONFIG", self.kubeconfig()).env("KUBECACHEDIR", self.state().join("kubecache"));
        run(command, SCRIPT).await?.good(&format!("kubectl {}", arguments.join(" ")))
    }

    /// `helm` on the node's API server.
    pub async fn helm(&self, arguments: &[&str]) -> Outcome<String> {
        let mut command = Command::new(self.cache.join("node/bin/tools/helm"));
        command.args(arguments).env("KUBECONFIG", self.kubeconfig());
        run(command, Duration::from_secs(240)).await?.good(&format!("helm {}", arguments.join(" ")))
    }

    /// Its policy controller: `stop`, `start`, or `delay SECONDS`.
    pub async fn policy_controller(&self, verb: &[&str]) -> Outcome {
        self.script("k3s/node/netpol", verb).await?.good("k3s/node/netpol")?;
        Ok(())
    }

    /// The node rule, `on` or `off`.
    pub async fn rule(&self, state: &str) -> Outcome {
        self.script("k3s/node/rule", &[state]).await?.good("k3s/node/rule")?;
        Ok(())
    }
}

/// What the API server writes down: every change the operator asks for.
const AUDIT: &str = "apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  users: ['system:serviceaccount:secure-assistant:assistant-operator']
  verbs: [create, update, patch, delete, deletecollection]
- level: None
";
