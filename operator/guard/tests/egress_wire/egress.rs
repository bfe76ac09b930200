//! An egress pod of one process: `guard egress` as the user and with the rights it has in a cluster, on directories that change as the
//! kubelet changes them. Starts processes, writes files.

use super::isolation::run;
use assistant_egress::{AllowedHost, Component, Host, LaneKey, Plan, WantedLane, plan};
use jiff::Timestamp;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const UID: u32 = 10001;
const TOKEN: &str = "0123456789abcdef";
/// Lane of tier `updates`, the first by name.
pub const USER: &str = "updates-agent";
pub const PASSWORD: &str = "correct horse";

/// The process and its directories.
pub struct Egress {
    directory: PathBuf,
    guard: Child,
    said: Arc<Mutex<String>>,
    generation: u32,
    /// How long the start took: the measure of how busy this machine is.
    started: Duration,
}

/// A lane of a tier's agent.
pub fn lane(tier: &str, password: bool, hosts: &[(&str, Option<Timestamp>)]) -> WantedLane {
    let key = LaneKey { tier: tier.into(), component: Component::Agent, server: None };
    let hosts = hosts.iter().map(|(host, until)| AllowedHost { host: host.parse().unwrap(), until: *until });
    WantedLane { user: password.then(|| key.user().unwrap()), key, hosts: hosts.collect() }
}

pub fn planned(previous: Option<&Plan>, lanes: Vec<WantedLane>, except: &[&str]) -> Plan {
    let except: Vec<Host> = except.iter().map(|host| host.parse().unwrap()).collect();
    let ranges = ["198.51.100.0/24".parse().unwrap()];
    plan(previous, lanes, &except, &BTreeSet::new(), &ranges, Timestamp::now()).unwrap()
}

pub fn htpasswd(users: &[(&str, &str)]) -> String {
    users
        .iter()
        .map(|(user, password)| format!("{user}:{}", run(Command::new("openssl").args(["passwd", "-5", password]))))
        .collect()
}

impl Egress {
    /// With a plan or without; `arguments` stand before the subcommand.
    pub fn start(plan: Option<&Plan>, htpasswd: &str, arguments: &[&str]) -> Self {
        let directory =
            std::env::temp_dir().join(format!("egress-wire-{}-{}", std::process::id(), Timestamp::now().as_nanosecond()));
        for name in ["plan", "auth", "admin", "run"] {
            std::fs::create_dir_all(directory.join(name)).unwrap();
        }
        std::fs::set_permissions(&directory, PermissionsExt::from_mode(0o755)).unwrap();
        std::os::unix::fs::chown(directory.join("run"), Some(UID), Some(UID)).unwrap();
        std::fs::write(directory.join("admin/token"), format!("{TOKEN}\n")).unwrap();
        let binary = directory.join("guard");
        std::fs::copy(env!("CARGO_BIN_EXE_guard"), &binary).unwrap();
        volume(&directory.join("auth"), 0, "htpasswd", htpasswd.as_bytes());
        if let Some(plan) = plan {
            volume(&directory.join("plan"), 0, "plan.json", &plan.to_json());
        }
        let at = |name: &str| directory.join(name).to_str().unwrap().to_owned();
        let settings = serde_json::json!({
            "planDir": at("plan"), "authDir": at("auth"), "adminTokenFile": at("admin/token"), "runDir": at("run"),
        });
        let mut guard = Command::new("setpriv")
            .args([format!("--reuid={UID}"), format!("--regid={UID}")])
            .args(["--clear-groups", "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all"])
            .arg(&binary)
            .args(arguments)
            .arg("egress")
            .env_clear()
            .env("GUARD_EGRESS", settings.to_string())
            .env("POD_IP", "127.0.0.1")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        collect(guard.stdout.take().unwrap(), said.clone());
        collect(guard.stderr.take().unwrap(), said.clone());
        Egress { directory, guard, said, generation: 0, started: Duration::ZERO }
    }

    /// Started, with Squid listening.
    pub fn ready(plan: &Plan, htpasswd: &str) -> Self {
        let mut egress = Self::start(Some(plan), htpasswd, &[]);
        let began = Instant::now();
        egress.wait("ready", |health| health["ready"] == true && health["planDigest"] == plan.digest());
        egress.started = began.elapsed();
        egress
    }

    /// A file of its directories.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    pub fn publish(&mut self, plan: &Plan) {
        self.publish_bytes(&plan.to_json());
    }

    pub fn publish_bytes(&mut self, bytes: &[u8]) {
        self.generation += 1;
        volume(&self.directory.join("plan"), self.generation, "plan.json", bytes);
    }

    pub fn passwords(&mut self, htpasswd: &str) {
        self.generation += 1;
        volume(&self.directory.join("auth"), self.generation, "htpasswd", htpasswd.as_bytes());
    }

    /// Everything on stdout and stderr.
    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// `GET` on the admin port with the token; status and body.
    pub fn admin(&self, path: &str, token: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(("127.0.0.1", assistant_proof::ADMIN_PORT)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n").ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
    }

    pub fn get(&self, path: &str) -> String {
        let (status, body) = self.admin(path, TOKEN).unwrap();
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    pub fn health(&self) -> Value {
        self.admin("/healthz", TOKEN).map_or(Value::Null, |(_, body)| serde_json::from_str(&body).unwrap())
    }

    /// Five seconds, which is what is promised, or what stands for them on a machine on which a start takes more than one.
    pub fn promised(&self) -> Duration {
        self.started.saturating_mul(5).max(Duration::from_secs(5))
    }

    pub fn wait(&self, what: &str, fits: impl Fn(&Value) -> bool) {
        let began = Instant::now();
        while !fits(&self.health()) {
            let late = began.elapsed() > Duration::from_secs(90);
            assert!(!late, "not {what} within 90 s: {}\n{}", self.health(), self.said());
            // The port takes twenty connections a second from one source.
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// One exchange on the control port; `None` where it does not listen.
    pub fn control(&self, request: &str) -> Option<Value> {
        let mut stream = TcpStream::connect(("127.0.0.1", assistant_proof::CONTROL_PORT)).ok()?;
        writeln!(stream, "{request}").unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        serde_json::from_str(&line).ok()
    }

    /// The process id of Squid, which is the child of guard.
    pub fn squid(&self) -> Option<Pid> {
        let children = format!("/proc/{0}/task/{0}/children", self.guard.id());
        let children = std::fs::read_to_string(children).unwrap();
        let named = |pid: &&str| std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim() == "squid");
        children.split_whitespace().find(named).and_then(|pid| Pid::from_raw(pid.parse().unwrap()))
    }

    /// Resident memory of guard, in kilobytes.
    pub fn resident(&self) -> (u64, u64) {
        let of = |pid: u32| {
            let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
            let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
            line.split_whitespace().nth(1).unwrap().parse().unwrap()
        };
        (of(self.guard.id()), of(u32::try_from(self.squid().unwrap().as_raw_nonzero().get()).unwrap()))
    }

    /// SIGTERM; how long it took, and that it ended well.
    pub fn terminate(&mut self) -> Duration {
        let began = Instant::now();
        kill_process(Pid::from_child(&self.guard), Signal::TERM).unwrap();
        let status = self.guard.wait().unwrap();
        assert!(status.success(), "{status}\n{}", self.said());
        began.elapsed()
    }
}

impl Drop for Egress {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("guard said:\n{}", self.said());
        }
        let _ = self.guard.kill();
        let _ = self.guard.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// A file as the kubelet publishes it: in a directory of its own, behind a link that is replaced in one step.
fn volume(directory: &Path, generation: u32, name: &str, bytes: &[u8]) {
    let data = format!("..data_{generation}");
    std::fs::create_dir(directory.join(&data)).unwrap();
    std::fs::write(directory.join(&data).join(name), bytes).unwrap();
    symlink(&data, directory.join("..data_tmp")).unwrap();
    std::fs::rename(directory.join("..data_tmp"), directory.join("..data")).unwrap();
    if std::fs::symlink_metadata(directory.join(name)).is_err() {
        symlink(format!("..data/{name}"), directory.join(name)).unwrap();
    }
    for entry in std::fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let old = entry.file_name().to_str().is_some_and(|n| n.starts_with("..data_") && n != data);
        if old {
            std::fs::remove_dir_all(entry.path()).unwrap();
        }
    }
}

fn collect(pipe: impl Read + Send + 'static, said: Arc<Mutex<String>>) {
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let mut said = said.lock().unwrap();
            said.push_str(&line);
            said.push('\n');
        }
    });
}
