//! What a plan lets through at one moment, and how two such moments differ: the difference decides whether live tunnels are cut. Pure.

use crate::{Host, HostSet, LaneUser, Plan};
use ipnet::IpNet;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// What a plan lets through at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    lanes: BTreeMap<u16, LaneReach>,
    except: HostSet,
    local_ranges: Vec<IpNet>,
}

/// One lane of it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct LaneReach {
    key: crate::LaneKey,
    user: Option<LaneUser>,
    hosts: HostSet,
}

/// How one reach differs from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing is let through that was not, and nothing has ended.
    Same,
    /// Something is let through in addition; nothing has ended.
    Wider,
    /// Something that was let through no longer is (whatever came in addition): live tunnels must be cut.
    Narrower,
}

impl Change {
    /// From `old` to `new`, both seen at `now`. Who runs a reach since earlier must compare that one: between then and now a grant
    /// may have ended.
    pub fn between(old: &Plan, new: &Plan, now: Timestamp) -> Change {
        old.reach(now).change_to(&new.reach(now))
    }
}

impl Plan {
    /// What is let through at `now`.
    pub fn reach(&self, now: Timestamp) -> Reach {
        let lanes = self.lanes.iter().map(|lane| {
            let hosts = self.hosts_at(lane, now);
            (lane.port, LaneReach { key: lane.key.clone(), user: lane.user.clone(), hosts })
        });
        Reach {
            lanes: lanes.collect(),
            except: HostSet::normalised(self.except.iter().cloned()),
            local_ranges: self.local_ranges.clone(),
        }
    }

    /// The hosts of a lane whose grants have not ended, without those that are excepted altogether.
    pub(crate) fn hosts_at(&self, lane: &crate::Lane, now: Timestamp) -> HostSet {
        let except = HostSet::normalised(self.except.iter().cloned());
        let current = lane.hosts.iter().filter(|entry| entry.until.is_none_or(|until| !self.is_past(until, now)));
        HostSet::normalised(current.map(|entry| entry.host.clone()).filter(|host| !except.covers(host)))
    }
}

impl Reach {
    /// How `new` differs. Narrower wins: a lane that is gone, moved or has another owner, a host that no entry covers any more, a new
    /// exception, a new local range.
    pub fn change_to(&self, new: &Reach) -> Change {
        let narrower = !self.except.covers_all(&new.except)
            || new.local_ranges.iter().any(|range| !self.local_ranges.iter().any(|old| old.contains(range)))
            || self.lanes.iter().any(|(port, old)| {
                new.lanes
                    .get(port)
                    .is_none_or(|lane| lane.key != old.key || lane.user != old.user || !lane.hosts.covers_all(&old.hosts))
            });
        match (narrower, self == new) {
            (true, _) => Change::Narrower,
            (false, true) => Change::Same,
            (false, false) => Change::Wider,
        }
    }

    /// Exact hosts that some lane reaches, for probing one of them; sorted, without duplicates.
    pub fn exact_hosts(&self) -> Vec<Host> {
        let exact = self.lanes.values().flat_map(|lane| lane.hosts.as_slice()).filter(|host| !host.is_subtree());
        let mut hosts: Vec<Host> = exact.filter(|host| !self.except.covers(host)).cloned().collect();
        hosts.sort();
        hosts.dedup();
        hosts
    }

    /// A name that the lane on `port` lets through; `None` where there is none. Of a leading-dot entry it is the name itself or one
    /// below it that no exception covers.
    pub fn sample_host(&self, port: u16) -> Option<Host> {
        let samples = |host: &Host| {
            let below = host.is_subtree().then(|| format!("www.{}", host.name()));
            std::iter::once(host.name().to_owned()).chain(below).filter_map(|name| name.parse::<Host>().ok()).collect::<Vec<_>>()
        };
        let hosts = self.lanes.get(&port)?.hosts.as_slice();
        let exact_first = hosts.iter().filter(|h| !h.is_subtree()).chain(hosts.iter().filter(|h| h.is_subtree()));
        exact_first.flat_map(samples).find(|name| !self.except.covers(name))
    }

    /// Ports that must listen.
    pub fn ports(&self) -> Vec<u16> {
        self.lanes.keys().copied().collect()
    }

    /// Whether any lane asks for a password.
    pub fn has_users(&self) -> bool {
        self.lanes.values().any(|lane| lane.user.is_some())
    }
}

#[cfg(test)]
mod tests;
