//! The plan: every lane of one policy with its port, as the controller records it and `guard egress` runs it. Pure.

use crate::{AllowedHost, Host, LaneKey, LaneUser};
use ipnet::IpNet;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::ops::RangeInclusive;

/// Version of the plan's format. A guard refuses any other: a field it does not know could be one that narrows.
pub const PLAN_VERSION: u32 = 1;
/// Ports a lane may have.
pub const PORTS: RangeInclusive<u16> = 3200..=3999;
/// Most lanes of one policy. Squid opens 127 ports and ignores the rest without a word; some room is left.
pub const LANES_MAX: usize = 120;

/// What one Squid does. JSON is camelCase; the same plan always gives the same bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Plan {
    /// [`PLAN_VERSION`].
    pub version: u32,
    /// When this content was first planned. A clock before it is wrong, and every deadline then counts as past.
    pub issued_at: Timestamp,
    /// Where the search for a free port begins. It moves on with each new lane, so a freed port comes back last.
    pub next_port: u16,
    /// Ranges of the cluster and the network around it that no lane reaches, besides [`crate::private_ranges`].
    pub local_ranges: Vec<IpNet>,
    /// Hosts that no lane reaches whatever its list says.
    pub except: Vec<Host>,
    /// The lanes, by key.
    pub lanes: Vec<Lane>,
}

/// One client's way through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Lane {
    /// Port it listens on, one of [`PORTS`].
    pub port: u16,
    /// Whose it is.
    pub key: LaneKey,
    /// Who must authenticate; absent: no password, the lane is held by its pod's NetworkPolicy alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<LaneUser>,
    /// What it reaches. Empty: it listens and refuses everything.
    pub hosts: Vec<AllowedHost>,
}

/// A lane that shall exist, before it has a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedLane {
    /// Whose it is.
    pub key: LaneKey,
    /// As in [`Lane::user`].
    pub user: Option<LaneUser>,
    /// As in [`Lane::hosts`]; see [`crate::Policy::allowed`].
    pub hosts: Vec<AllowedHost>,
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// More lanes than Squid opens.
    #[error("the policy has {wanted} lanes; {LANES_MAX} is the most one proxy holds, so move some tiers to another EgressPolicy")]
    TooManyLanes {
        /// How many were asked for.
        wanted: usize,
    },
    /// Every port is in use or held by a pod whose lane is gone.
    #[error("no port between 3200 and 3999 is free for {lane}: {occupied} are still held by pods of former lanes")]
    NoFreePort {
        /// Which lane.
        lane: LaneKey,
        /// How many ports former lanes hold.
        occupied: usize,
    },
    /// Two lanes would share a password.
    #[error("{first} and {second} would both authenticate as \"{user}\"; rename one of them")]
    SharedUser {
        /// One lane.
        first: String,
        /// The other.
        second: String,
        /// The name.
        user: String,
    },
}

/// Why bytes are no plan that can be run.
#[derive(Debug, thiserror::Error)]
pub enum PlanUnusable {
    /// Not JSON of this shape.
    #[error("the plan cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// Another version.
    #[error("the plan has version {0}; this build runs version {PLAN_VERSION}")]
    Version(u32),
    /// Contradicts itself.
    #[error("the plan contradicts itself: {0}")]
    Contradiction(String),
}

/// Makes the next plan. Lanes keep the ports `previous` gave them; a new lane gets the next port that no lane has and that is not in
/// `occupied` (ports of lanes whose pods still live). Where nothing but the time would change, `previous` comes back.
/// Of two wanted lanes with one key the first counts.
pub fn plan(
    previous: Option<&Plan>,
    wanted: impl IntoIterator<Item = WantedLane>,
    except: &[Host],
    occupied: &BTreeSet<u16>,
    local_ranges: &[IpNet],
    now: Timestamp,
) -> Result<Plan, PlanError> {
    let mut by_key: BTreeMap<LaneKey, WantedLane> = BTreeMap::new();
    for lane in wanted {
        by_key.entry(lane.key.clone()).or_insert(lane);
    }
    if by_key.len() > LANES_MAX {
        return Err(PlanError::TooManyLanes { wanted: by_key.len() });
    }
    shared_user(by_key.values().filter_map(|lane| Some((&lane.key, lane.user.as_ref()?))))?;

    let old: BTreeMap<&LaneKey, u16> = previous.iter().flat_map(|p| p.lanes.iter().map(|lane| (&lane.key, lane.port))).collect();
    // Ports of lanes that end now are free only if the caller saw their pods gone; until then they are in `occupied`.
    let mut taken: BTreeSet<u16> = by_key.keys().filter_map(|key| old.get(key).copied()).collect();
    let mut next_port = previous.map_or(*PORTS.start(), |p| p.next_port);
    let mut lanes = Vec::with_capacity(by_key.len());
    for (key, lane) in by_key {
        let port = match old.get(&key) {
            Some(port) => *port,
            None => {
                let free = free_port(next_port, |port| taken.contains(&port) || occupied.contains(&port));
                let port = free.ok_or_else(|| PlanError::NoFreePort { lane: key.clone(), occupied: occupied.len() })?;
                next_port = following(port);
                port
            }
        };
        taken.insert(port);
        lanes.push(Lane { port, key, user: lane.user, hosts: lane.hosts });
    }

    let mut local_ranges = local_ranges.iter().map(IpNet::trunc).collect::<Vec<_>>();
    local_ranges.sort();
    local_ranges.dedup();
    let except = crate::HostSet::normalised(except.iter().cloned()).as_slice().to_vec();
    let next = Plan { version: PLAN_VERSION, issued_at: now, next_port, local_ranges, except, lanes };
    match previous {
        Some(old) if (Plan { issued_at: old.issued_at, ..next.clone() }) == *old => Ok(old.clone()),
        _ => Ok(next),
    }
}

fn free_port(from: u16, in_use: impl Fn(u16) -> bool) -> Option<u16> {
    let begin = if PORTS.contains(&from) { from } else { *PORTS.start() };
    (begin..=*PORTS.end()).chain(*PORTS.start()..begin).find(|port| !in_use(*port))
}

fn following(port: u16) -> u16 {
    if port >= *PORTS.end() { *PORTS.start() } else { port + 1 }
}

fn shared_user<'a>(users: impl Iterator<Item = (&'a LaneKey, &'a LaneUser)>) -> Result<(), PlanError> {
    let mut seen: BTreeMap<&LaneUser, &LaneKey> = BTreeMap::new();
    for (key, user) in users {
        if let Some(first) = seen.insert(user, key) {
            return Err(PlanError::SharedUser {
                first: first.to_string(),
                second: key.to_string(),
                user: user.as_str().to_owned(),
            });
        }
    }
    Ok(())
}

impl Plan {
    /// The bytes of `plan.json`; always the same for the same plan.
    pub fn to_json(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("strings, numbers and lists serialise");
        bytes.push(b'\n');
        bytes
    }

    /// SHA-256 of [`Plan::to_json`] in hex.
    pub fn digest(&self) -> String {
        Plan::digest_of(&self.to_json())
    }

    /// SHA-256 in hex of bytes that were read as a plan.
    pub fn digest_of(bytes: &[u8]) -> String {
        Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
            write!(hex, "{byte:02x}").expect("writing to a string cannot fail");
            hex
        })
    }

    /// Reads a plan that somebody else wrote and refuses what no [`plan`] makes: another version, ports out of range or given twice,
    /// too many lanes, a shared user.
    pub fn from_json(bytes: &[u8]) -> Result<Plan, PlanUnusable> {
        // The version first: another version's plan should be called that, not "unknown field".
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let Versioned { version } = serde_json::from_slice(bytes)?;
        if version != PLAN_VERSION {
            return Err(PlanUnusable::Version(version));
        }
        let plan: Plan = serde_json::from_slice(bytes)?;
        plan.check().map_err(PlanUnusable::Contradiction)?;
        Ok(plan)
    }

    fn check(&self) -> Result<(), String> {
        if self.lanes.len() > LANES_MAX {
            return Err(PlanError::TooManyLanes { wanted: self.lanes.len() }.to_string());
        }
        let (mut ports, mut keys) = (BTreeSet::new(), BTreeSet::new());
        for lane in &self.lanes {
            if !PORTS.contains(&lane.port) {
                return Err(format!("{} has port {}; a lane's port is between 3200 and 3999", lane.key, lane.port));
            }
            if !ports.insert(lane.port) {
                return Err(format!("port {} is given twice", lane.port));
            }
            if !keys.insert(&lane.key) {
                return Err(format!("{} is listed twice", lane.key));
            }
        }
        shared_user(self.lanes.iter().filter_map(|lane| Some((&lane.key, lane.user.as_ref()?)))).map_err(|e| e.to_string())
    }

    /// The lane of a key.
    pub fn lane(&self, key: &LaneKey) -> Option<&Lane> {
        self.lanes.iter().find(|lane| lane.key == *key)
    }

    /// The next moment after `now` at which a grant ends; `None` where none will.
    pub fn next_deadline(&self, now: Timestamp) -> Option<Timestamp> {
        self.lanes.iter().flat_map(|lane| &lane.hosts).filter_map(|host| host.until).filter(|until| *until > now).min()
    }

    /// Whether any grant has an end at all, past or not.
    pub fn has_deadlines(&self) -> bool {
        self.lanes.iter().any(|lane| lane.hosts.iter().any(|host| host.until.is_some()))
    }

    /// Whether a grant counts as ended at `now`. A clock that stands before the plan was issued is wrong, and ends every one.
    pub fn is_past(&self, until: Timestamp, now: Timestamp) -> bool {
        now < self.issued_at || until <= now
    }
}

#[cfg(test)]
mod tests;
