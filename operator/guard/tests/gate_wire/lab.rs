//! A node in network namespaces: a bridge, pods on it, and a packet filter that sees what goes from pod to pod. Runs `ip`
//! and `nft`.
//!
//! As on a real node, IPv4 between pods passes the node's forward hook (every pod has a /32 and routes through the bridge), and IPv6
//! link-local goes straight over the bridge; isolated bridge ports play the node rule.

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::{
    fs::File,
    os::fd::AsFd,
    path::Path,
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

/// Addresses of the lab.
pub const WITNESS_A: &str = "10.42.0.2";
pub const WITNESS_B: &str = "10.42.0.3";
pub const EGRESS: &str = "10.42.0.4";
pub const POD: &str = "10.42.0.5";
pub const NEIGHBOUR: &str = "10.42.0.6";
/// Live where the egress pod lives: the lab needs only one place for what is not fenced.
pub const DNS: &str = "10.43.0.10";
pub const API_SERVER: &str = "10.43.0.1";
pub const OUTSIDE: &str = "203.0.113.80";

const PREFIX: &str = "guardwire";
static LABS: AtomicU32 = AtomicU32::new(0);

/// One node, gone when dropped.
pub struct Lab {
    id: String,
}

impl Lab {
    /// A node with five pods and no filter.
    pub fn new() -> Self {
        assert!(rustix::process::geteuid().is_root(), "these tests build network namespaces: run them as root");
        sweep();
        let lab = Self { id: format!("{PREFIX}-{}-{}", std::process::id(), LABS.fetch_add(1, Ordering::Relaxed)) };
        let node = lab.add("node");
        lab.ip(&format!("-n {node} link add br0 type bridge"));
        lab.ip(&format!("-n {node} addr add 10.42.0.1/24 dev br0"));
        lab.ip(&format!("-n {node} link set br0 up"));
        lab.set("node", &["net.ipv4.ip_forward=1", "net.ipv4.conf.all.send_redirects=0", "net.ipv4.conf.br0.send_redirects=0"]);
        for (n, (name, addresses)) in [
            ("wa", &[WITNESS_A][..]),
            ("wb", &[WITNESS_B]),
            ("world", &[EGRESS, DNS, API_SERVER, OUTSIDE]),
            ("pod", &[POD]),
            ("neighbour", &[NEIGHBOUR]),
        ]
        .into_iter()
        .enumerate()
        {
            let pod = lab.add(name);
            // Without duplicate detection, as after a second or two of a pod's life.
            lab.set(name, &["net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.all.accept_dad=0"]);
            lab.ip(&format!("-n {node} link add v{n} type veth peer name eth0 netns {pod}"));
            lab.ip(&format!("-n {node} link set v{n} master br0 up"));
            lab.ip(&format!("-n {node} link set v{n} type bridge_slave isolated on"));
            lab.ip(&format!("-n {pod} link set eth0 up"));
            for address in addresses {
                lab.ip(&format!("-n {pod} addr add {address}/32 dev eth0"));
                if *address != addresses[0] {
                    lab.ip(&format!("-n {node} route add {address}/32 via {} dev br0", addresses[0]));
                }
            }
            lab.ip(&format!("-n {pod} route add default via 10.42.0.1 dev eth0 onlink src {}", addresses[0]));
            lab.set(name, &["net.ipv4.ping_group_range=1 0"]);
        }
        lab
    }

    fn add(&self, name: &str) -> String {
        let full = self.namespace(name);
        self.ip(&format!("netns add {full}"));
        self.ip(&format!("-n {full} link set lo up"));
        full
    }

    /// Full name of a namespace.
    pub fn namespace(&self, name: &str) -> String {
        format!("{}-{name}", self.id)
    }

    fn ip(&self, arguments: &str) {
        run(Command::new("ip").args(arguments.split_whitespace()));
    }

    /// Sets sysctls in a namespace.
    pub fn set(&self, name: &str, values: &[&str]) {
        run(Command::new("ip").args(["netns", "exec", &self.namespace(name), "sysctl", "-qw"]).args(values));
    }

    /// Lets IPv6 link-local pass between pods, as on a stock node.
    pub fn open_link_local(&self) {
        for n in 0..5 {
            self.ip(&format!("-n {} link set v{n} type bridge_slave isolated off", self.namespace("node")));
        }
    }

    /// Replaces the node's filter. Like kube-router it lets established flows pass first. `rules` come next, then the pod's
    /// allowed peers, then nothing of the pod.
    pub fn fence(&self, rules: &str) {
        self.filter(&format!(
            "{rules}
             ip saddr {POD} ip daddr {{ {WITNESS_A}, {WITNESS_B} }} tcp dport 7070 accept
             ip saddr {POD} ip daddr {EGRESS} tcp dport {{ 3129, 3200-3999 }} accept
             ip saddr {POD} reject"
        ));
    }

    /// Replaces the node's filter by `rules` after the one for established flows.
    pub fn filter(&self, rules: &str) {
        let text = format!(
            "table ip fence\ndelete table ip fence\n\
             table ip fence {{ chain forward {{ type filter hook forward priority 0; policy accept;\n\
             ct state established,related accept\n{rules}\n}}\n}}\n"
        );
        let file = std::env::temp_dir().join(format!("{}.nft", self.id));
        std::fs::write(&file, text).unwrap();
        run(Command::new("ip").args(["netns", "exec", &self.namespace("node"), "nft", "-f"]).arg(&file));
        std::fs::remove_file(file).unwrap();
    }

    /// Runs `work` in a thread that lives in a namespace; sockets it makes stay there.
    pub fn within<T: Send + 'static>(&self, name: &str, work: impl FnOnce() -> T + Send + 'static) -> T {
        let path = format!("/run/netns/{}", self.namespace(name));
        let inside = move || {
            let namespace = File::open(path).unwrap();
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            work()
        };
        std::thread::spawn(inside).join().unwrap()
    }

    /// A command that will run in a namespace.
    pub fn command(&self, name: &str, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace(name), program]).stdin(Stdio::null());
        command
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for name in ["pod", "neighbour", "world", "wa", "wb", "node"] {
            let _ = Command::new("ip").args(["netns", "del", &self.namespace(name)]).stderr(Stdio::null()).status();
        }
    }
}

/// Removes the namespaces of test processes that were killed.
fn sweep() {
    let Ok(entries) = std::fs::read_dir("/run/netns") else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let pid = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').nth(1)).map(str::to_owned);
        if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            let _ = Command::new("ip").args(["netns", "del", &name]).stderr(Stdio::null()).status();
        }
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Waits until `condition` holds.
pub fn wait_for(what: &str, condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < Duration::from_secs(10), "{what} did not come about in 10 s");
        std::thread::sleep(Duration::from_millis(10));
    }
}

impl Lab {
    /// Loses what matches on its way to the pod, answers of established flows included.
    pub fn drop_replies(&self, what: &str) {
        let chain = "add chain ip fence replies { type filter hook forward priority -10; policy accept; }";
        for line in [chain.to_owned(), format!("add rule ip fence replies ip daddr {POD} {what} drop")] {
            run(Command::new("ip").args(["netns", "exec", &self.namespace("node"), "nft", &line]));
        }
    }
}

impl Lab {
    /// Commands for the packet filter of a namespace.
    pub fn nft(&self, name: &str, commands: &str) {
        run(Command::new("ip").args(["netns", "exec", &self.namespace(name), "nft", commands]));
    }
}
