//! The real Squid reads what we render. Needs `squid-openssl`; without it the test fails unless `WITHOUT_SQUID=1` is set.
//! Writes to a directory of its own under the system's temporary directory and runs `squid -k parse`, which opens no port.

#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

mod common;

use assistant_egress::{AllowedHost, Host, LaneKey, LaneUser, Plan, WantedLane, conf, plan};
use common::{keys, now, paths, planned, policy};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, TestRng, TestRunner};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

struct Directory(PathBuf);

impl Directory {
    /// With the files that the configuration names.
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("egress-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=egress"])
            .args(["-keyout", "key.pem", "-out", "certificate.pem"])
            .current_dir(&path)
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(made.success());
        let pem = ["certificate.pem", "key.pem"].map(|file| std::fs::read_to_string(path.join(file)).unwrap()).concat();
        std::fs::write(path.join("dummy.pem"), pem).unwrap();
        std::fs::write(path.join("htpasswd"), "").unwrap();
        Directory(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn squid() -> Option<&'static str> {
    let found = ["/usr/sbin/squid", "/usr/local/sbin/squid"].into_iter().find(|path| Path::new(path).exists());
    if found.is_none() && std::env::var("WITHOUT_SQUID").as_deref() != Ok("1") {
        panic!("squid is not installed: install the package squid-openssl, or set WITHOUT_SQUID=1 to go without this test");
    }
    found
}

/// `Ok` where Squid takes the text without an error or a warning.
fn parsed(squid: &str, directory: &Path, text: &str) -> Result<(), String> {
    let file = directory.join("squid.conf");
    std::fs::write(&file, text).unwrap();
    let output = Command::new(squid).args(["-k", "parse", "-f"]).arg(&file).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    // "via off" is meant: the header would tell every origin that a proxy stands here.
    let complains = |line: &&str| {
        !line.contains("HTTP requires the use of Via")
            && ["ERROR", "WARNING", "FATAL", "Bungled"].iter().any(|word| line.contains(word))
    };
    let complaints: Vec<&str> = said.lines().filter(complains).collect();
    if output.status.success() && complaints.is_empty() { Ok(()) } else { Err(complaints.join("\n")) }
}

#[test]
fn squid_takes_every_plan_without_a_complaint() {
    let Some(squid) = squid() else { return };
    let directory = Directory::new("random");
    let paths = paths(directory.0.to_str().unwrap());
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(Default::default()));
    for _ in 0..40 {
        let plan = planned(&policy().new_tree(&mut runner).unwrap().current());
        let text = conf(&plan, now(), &paths);
        parsed(squid, &directory.0, &text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    }
}

#[test]
fn squid_takes_the_largest_and_the_smallest_plan() {
    let Some(squid) = squid() else { return };
    let directory = Directory::new("sizes");
    let paths = paths(directory.0.to_str().unwrap());
    let ranges = ["::/0", "::ffff:192.0.2.0/120"].map(|range| range.parse().unwrap());
    let make = |lanes: Vec<WantedLane>, ranges: &[ipnet::IpNet]| -> Plan {
        plan(None, lanes, &[], &BTreeSet::new(), ranges, now()).unwrap()
    };
    let lane = |i: usize| WantedLane {
        key: LaneKey { tier: format!("t{i}"), ..keys()[1].clone() },
        user: LaneUser::try_from(format!("t{i}-agent")).ok(),
        hosts: (0..64)
            .map(|h| AllowedHost {
                host: format!("h{h}.{}{}.example", "a".repeat(50), i % 16).parse::<Host>().unwrap(),
                until: None,
            })
            .collect(),
    };
    parsed(squid, &directory.0, &conf(&make((0..120).map(lane).collect(), &ranges), now(), &paths)).unwrap();
    parsed(squid, &directory.0, &conf(&make(vec![], &[]), now(), &paths)).unwrap();
}

#[test]
fn the_check_itself_sees_what_squid_dislikes() {
    let Some(squid) = squid() else { return };
    let directory = Directory::new("bad");
    let text = conf(&planned(&Default::default()), now(), &paths(directory.0.to_str().unwrap()));
    for bad in ["acl x dstdomain -n a.x.example .x.example", "acl x dstdomain -n .x.example a.x.example", "no_such_directive on"]
    {
        assert!(parsed(squid, &directory.0, &format!("{text}{bad}\n")).is_err(), "{bad}");
    }
}
