//! The real binary as the processes of a lab: witnesses, and gates as an unprivileged user. Starts and ends processes.

use crate::lab::{API_SERVER, EGRESS, Lab, POD, WITNESS_A, WITNESS_B, wait_for};
use assistant_proof::{ClosedTarget, Evidence, GateSettings, LaneTarget, PodKind};
use std::{
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

const GUARD: &str = env!("CARGO_BIN_EXE_guard");

/// A process that ends with the test.
pub struct Process(pub Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Lab {
    /// Starts a real witness (`a` or `b`) with further arguments before the subcommand, and waits until it listens.
    pub fn witness(&self, letter: &str, arguments: &[&str]) -> Process {
        let (namespace, own, sibling) = if letter == "a" { ("wa", WITNESS_A, WITNESS_B) } else { ("wb", WITNESS_B, WITNESS_A) };
        let mut command = self.command(namespace, GUARD);
        let settings = format!(r#"{{"name":"{letter}","sibling":"{sibling}"}}"#);
        command.args(arguments).arg("witness").env("GUARD_WITNESS", settings).env("POD_IP", own).stdout(Stdio::null());
        let child = Process(command.spawn().unwrap());
        self.wait_for_listener(namespace, own, 7070);
        child
    }

    /// Both witnesses.
    pub fn witnesses(&self) -> [Process; 2] {
        [self.witness("a", &[]), self.witness("b", &[])]
    }

    /// Waits until something accepts there, asked from its own namespace.
    pub fn wait_for_listener(&self, namespace: &str, address: &str, port: u16) {
        let target: SocketAddr = format!("{address}:{port}").parse().unwrap();
        wait_for(&format!("a listener at {target}"), || {
            self.within(namespace, move || TcpStream::connect_timeout(&target, Duration::from_secs(1)).is_ok())
        });
    }
}

/// Settings of a tier pod in the lab, with a short deadline.
pub fn tier() -> GateSettings {
    GateSettings {
        kind: PodKind::Tier,
        witnesses: [format!("{WITNESS_A}:7070").parse().unwrap(), format!("{WITNESS_B}:7070").parse().unwrap()],
        egress_control: Some(format!("{EGRESS}:3129").parse().unwrap()),
        lane: Some(LaneTarget { address: format!("{EGRESS}:3200").parse().unwrap(), password: true }),
        closed: vec![ClosedTarget { name: "api-server".into(), address: format!("{API_SERVER}:443").parse().unwrap() }],
        rounds: 10,
        span_milliseconds: 1000,
        interval_milliseconds: 250,
        deadline_seconds: 30,
    }
}

/// Few rounds: for what is decided before the deadline, also on a busy machine.
pub fn quick() -> GateSettings {
    GateSettings { rounds: 3, span_milliseconds: 300, interval_milliseconds: 100, deadline_seconds: 30, ..tier() }
}

/// Deadline of [`hasty`]: 4 s, more where others keep the machine busy (a round that cannot end in time says nothing).
pub fn hasty_seconds() -> u32 {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap();
    let load: f64 = load.split(' ').next().unwrap().parse().unwrap();
    let cores = std::thread::available_parallelism().unwrap().get();
    4 * (1 + (load as usize / (8 * cores)).min(4) as u32)
}

/// Settings that end soon: for what is never proven, or open to the end.
pub fn hasty() -> GateSettings {
    GateSettings { deadline_seconds: hasty_seconds(), ..quick() }
}

/// A pod's own volume and termination log, and gates in it.
pub struct Pod<'a> {
    lab: &'a Lab,
    dir: PathBuf,
}

/// How a gate ended.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub evidence: Evidence,
    pub took: Duration,
}

impl Ended {
    /// It ended when the deadline of [`hasty`] was over, and not much later.
    pub fn at_the_deadline(&self, settings: &GateSettings) {
        let least = Duration::from_secs(settings.deadline_seconds.into());
        assert!(
            (least..least + Duration::from_secs(3)).contains(&self.took),
            "the deadline is {least:?}, it took {:?}",
            self.took
        );
    }
}

impl<'a> Pod<'a> {
    pub fn new(lab: &'a Lab) -> Self {
        let dir = std::env::temp_dir().join(lab.namespace("pod"));
        std::fs::create_dir_all(&dir).unwrap();
        let _ = std::fs::remove_file(dir.join("udp-answered"));
        // As the kubelet does for an emptyDir and for the log.
        run_chown(&dir);
        Self { lab, dir }
    }

    /// Starts a gate as an unprivileged user without capabilities.
    pub fn start(&self, settings: &GateSettings, arguments: &[&str]) -> Running {
        let mut command = self.lab.command("pod", "setpriv");
        command
            .args([
                "--reuid=65534",
                "--regid=65534",
                "--clear-groups",
                "--inh-caps=-all",
                "--bounding-set=-all",
                "--no-new-privs",
            ])
            .arg(GUARD)
            .args(arguments)
            .arg("gate")
            .env("GUARD_GATE", serde_json::to_string(settings).unwrap())
            .env("GUARD_TERMINATION_LOG", self.dir.join("termination-log"))
            .env("GUARD_GATE_DIR", &self.dir)
            .env("POD_IP", POD)
            .env("NODE_IP", "10.42.0.1")
            .stdout(Stdio::null());
        let began = Instant::now();
        Running { process: Process(command.spawn().unwrap()), began, log: self.dir.join("termination-log") }
    }

    /// Runs a gate to its end.
    pub fn gate(&self, settings: &GateSettings) -> Ended {
        self.start(settings, &[]).end()
    }

    pub fn marked(&self) -> bool {
        self.dir.join("udp-answered").exists()
    }
}

impl Drop for Pod<'_> {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// A gate that runs.
pub struct Running {
    pub process: Process,
    began: Instant,
    log: PathBuf,
}

impl Running {
    /// Waits for the end, at most a minute, and reads the termination message.
    pub fn end(mut self) -> Ended {
        let status: ExitStatus = loop {
            if let Some(status) = self.process.0.try_wait().unwrap() {
                break status;
            }
            assert!(self.began.elapsed() < Duration::from_secs(60), "the gate runs on after a minute");
            std::thread::sleep(Duration::from_millis(5));
        };
        let took = self.began.elapsed();
        let text = std::fs::read_to_string(&self.log).unwrap();
        assert!(text.len() <= assistant_proof::EVIDENCE_BYTES, "{} bytes of evidence", text.len());
        Ended { code: status.code().expect("ended by itself"), evidence: serde_json::from_str(&text).unwrap(), took }
    }

    pub fn terminate(&self) {
        let pid = self.process.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    }
}

fn run_chown(dir: &std::path::Path) {
    assert!(Command::new("chown").arg("65534:65534").arg(dir).status().unwrap().success());
}

impl Lab {
    /// Witness a with its sibling given by name and a name server of its own.
    pub fn named_witness_a(&self, sibling: &str, name_server: &str) -> Process {
        let file = std::env::temp_dir().join(format!("{}.resolv", self.namespace("wa")));
        std::fs::write(&file, format!("nameserver {name_server}\n")).unwrap();
        // `ip netns exec` gives the process a mount namespace of its own.
        let script = format!("mount --bind {} /etc/resolv.conf && exec {GUARD} witness", file.display());
        let mut command = self.command("wa", "sh");
        let settings = format!(r#"{{"name":"a","sibling":"{sibling}"}}"#);
        command.args(["-c", &script]).env("GUARD_WITNESS", settings).env("POD_IP", WITNESS_A).stdout(Stdio::null());
        let child = Process(command.spawn().unwrap());
        self.wait_for_listener("wa", WITNESS_A, 7070);
        std::fs::remove_file(file).unwrap();
        child
    }
}
