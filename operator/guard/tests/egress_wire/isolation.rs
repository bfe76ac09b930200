//! A namespace for each test: the test runs itself again in a network and mount namespace of its own. Starts processes, mounts.

use std::path::Path;
use std::process::Command;

const INSIDE: &str = "GUARD_EGRESS_TEST_INSIDE";

/// Addresses of the test's internet, on its loopback. The documentation ranges are public to Squid.
pub const ORIGIN: &str = "203.0.113.10";
pub const OTHER_ORIGIN: &str = "203.0.113.11";
/// Private addresses where an origin listens that nobody may reach.
pub const PRIVATE: &str = "10.43.0.1";
pub const LOCAL_RANGE: &str = "198.51.100.7";

/// Whether the body of the test shall run: it does in the inner process only. The outer one waits for it and passes its verdict on.
pub fn inside(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        network();
        return true;
    }
    if !Path::new("/usr/sbin/squid").exists() || !rustix::process::geteuid().is_root() {
        let skip = std::env::var("WITHOUT_SQUID").as_deref() == Ok("1");
        assert!(skip, "this test needs root and the package squid-openssl; WITHOUT_SQUID=1 goes without it");
        eprintln!("{test} was not run: no Squid or not root, and WITHOUT_SQUID=1");
        return false;
    }
    let status = Command::new("unshare")
        // Its own process table as well: whatever it leaves behind ends with it.
        .args(["--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(INSIDE, "1")
        .status()
        .unwrap();
    assert!(status.success(), "{test} failed inside its namespace ({status}); what it said stands above");
    false
}

fn network() {
    ip("link set lo up");
    for address in [ORIGIN, OTHER_ORIGIN, PRIVATE, LOCAL_RANGE] {
        ip(&format!("addr add {address}/32 dev lo"));
    }
    let path = std::env::temp_dir().join(format!("egress-resolv-{}", std::process::id()));
    std::fs::write(&path, "nameserver 127.0.0.1\n").unwrap();
    // resolv.conf may be a link; the mount goes over what it points to.
    let target = std::fs::canonicalize("/etc/resolv.conf").unwrap();
    run(Command::new("mount").arg("--bind").arg(&path).arg(target));
    std::fs::remove_file(&path).unwrap();
}

pub fn ip(words: &str) {
    run(Command::new("ip").args(words.split(' ')));
}

pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
