//! What the gate leaves behind: the evidence, and the marker that an answered UDP probe puts into the pod. Writes files.

use assistant_proof::{Evidence, Verdict, reason};
use jiff::Timestamp;
use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

/// Where the kubelet reads the termination message.
const TERMINATION_LOG: &str = "/dev/termination-log";
/// The gate's own volume: it lives as long as the pod.
const GATE_DIR: &str = "/run/gate";
const MARKER: &str = "udp-answered";

/// Writes the evidence to stdout and to the termination log.
pub fn write(evidence: &Evidence) -> Result<(), String> {
    let path = std::env::var("GUARD_TERMINATION_LOG").unwrap_or_else(|_| TERMINATION_LOG.into());
    let line = evidence.line();
    println!("{line}");
    fs::write(&path, line).map_err(|error| format!("the evidence cannot be written to {path}: {error}"))
}

/// Evidence of a gate that made no round.
pub fn inconclusive(reason: &str, message: String, at: Timestamp) -> Evidence {
    Evidence {
        v: 1,
        verdict: Verdict::Inconclusive,
        reason: reason.into(),
        message,
        at,
        closed_after_milliseconds: 0,
        rounds: 0,
        probes: Vec::new(),
        not_proven: Vec::new(),
        replace_pod: false,
    }
}

/// Evidence of a gate in a pod where an earlier start was answered by UDP. `earlier` is what the marker holds.
pub fn earlier_breach(earlier: &str, at: Timestamp) -> Evidence {
    let before: Option<Evidence> = serde_json::from_str(earlier).ok();
    let (reason, message) = match &before {
        Some(before) => (before.reason.clone(), before.message.clone()),
        // A marker that cannot be read is still a marker.
        None => (reason::CANARY_REACHED_UDP.into(), "the record of it cannot be read".into()),
    };
    Evidence {
        verdict: Verdict::Breach,
        replace_pod: true,
        ..inconclusive(&reason, format!("an earlier start in this pod was answered, so the pod must be replaced: {message}"), at)
    }
}

/// The marker file of this pod.
pub struct Marker(PathBuf);

impl Marker {
    /// Fails when a marker could not be left: then an answered probe would be forgotten.
    pub fn open() -> Result<Self, String> {
        Self::at(Path::new(&std::env::var("GUARD_GATE_DIR").unwrap_or_else(|_| GATE_DIR.into())))
    }

    fn at(dir: &Path) -> Result<Self, String> {
        let trial = dir.join(".trial");
        let tried = OpenOptions::new().create(true).truncate(true).write(true).open(&trial).and_then(|_| fs::remove_file(&trial));
        match tried {
            Ok(()) => Ok(Self(dir.join(MARKER))),
            Err(error) => {
                Err(format!("{} cannot be written to: {error}; the gate needs a volume of its own there", dir.display()))
            }
        }
    }

    /// What an earlier start left; `None`: nothing.
    pub fn earlier(&self) -> Option<String> {
        match fs::read(&self.0) {
            Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            // It is there; that it cannot be read changes nothing.
            Err(error) => Some(error.to_string()),
        }
    }

    /// Leaves the marker with this evidence.
    pub fn leave(&self, mut evidence: Evidence) -> Evidence {
        let written = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .open(&self.0)
            .and_then(|mut file| file.write_all(evidence.line().as_bytes()).and_then(|()| file.sync_all()));
        if let Err(error) = written {
            evidence.message = format!("{} (and the marker could not be left: {error})", evidence.message);
        }
        evidence
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dir(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("gate-report-{}-{name}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        dir
    }

    #[test]
    fn a_marker_outlives_the_gate_and_keeps_its_reason() {
        let dir = dir("marker");
        let marker = Marker::at(&dir).unwrap();
        assert_eq!(marker.earlier(), None);
        let found = inconclusive(reason::DNS_REACHED, "the resolver answered".into(), Timestamp::UNIX_EPOCH);
        marker.leave(Evidence { verdict: Verdict::Breach, replace_pod: true, ..found });
        let again = earlier_breach(&Marker::at(&dir).unwrap().earlier().unwrap(), Timestamp::UNIX_EPOCH);
        assert_eq!((again.verdict, again.reason.as_str(), again.replace_pod), (Verdict::Breach, reason::DNS_REACHED, true));
        assert!(again.message.contains("the resolver answered"), "{}", again.message);
        fs::write(dir.join(MARKER), b"\xff").unwrap();
        let noise = earlier_breach(&marker.earlier().unwrap(), Timestamp::UNIX_EPOCH);
        assert_eq!((noise.verdict, noise.reason.as_str()), (Verdict::Breach, reason::CANARY_REACHED_UDP));
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn without_a_place_for_the_marker_there_is_no_gate() {
        let error = Marker::at(Path::new("/proc/nowhere")).err().unwrap();
        assert!(error.contains("/proc/nowhere"), "{error}");
    }
}
