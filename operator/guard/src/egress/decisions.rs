//! The newest decisions and their counts, in bounded memory: the names in them are chosen by whoever asks. Pure.

use assistant_egress::{Decision, LaneKey, Reason};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};

/// Most decisions kept.
pub const KEPT: usize = 10_000;
/// Most bytes of names kept.
const NAME_BYTES: usize = 512 * 1024;

/// Counts of one lane.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Decisions by reason.
    pub by_reason: BTreeMap<Reason, u64>,
    /// Bytes through tunnels.
    pub bytes: u64,
}

/// What the log said.
#[derive(Default)]
pub struct Decisions {
    newest: VecDeque<Kept>,
    name_bytes: usize,
    counts: BTreeMap<u16, Counts>,
}

/// A decision without what its kind implies.
struct Kept {
    at: Timestamp,
    bytes: u64,
    milliseconds: u64,
    host: Option<Box<str>>,
    sni: Option<Box<str>>,
    lane: u16,
    port: Option<u16>,
    reason: Reason,
}

/// A decision as it is shown: on stdout and by `/audit`.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry<'a> {
    at: Timestamp,
    lane: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a LaneKey>,
    host: Option<&'a str>,
    port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sni: Option<&'a str>,
    allowed: bool,
    reason: Reason,
    bytes: u64,
    milliseconds: u64,
}

impl<'a> Entry<'a> {
    /// With whose lane it is, where that is known.
    pub fn new(decision: &'a Decision, key: Option<&'a LaneKey>) -> Self {
        Self {
            at: decision.at,
            lane: decision.lane,
            key,
            host: decision.host.as_ref().map(|h| h.as_str()),
            port: decision.port,
            sni: decision.sni.as_ref().map(|h| h.as_str()),
            allowed: decision.allowed,
            reason: decision.reason,
            bytes: decision.bytes,
            milliseconds: decision.milliseconds,
        }
    }
}

impl Kept {
    fn name_bytes(&self) -> usize {
        self.host.as_ref().map_or(0, |h| h.len()) + self.sni.as_ref().map_or(0, |h| h.len())
    }
}

impl Decisions {
    /// Keeps and counts one; the oldest make room.
    pub fn add(&mut self, decision: &Decision) {
        let counts = self.counts.entry(decision.lane).or_default();
        *counts.by_reason.entry(decision.reason).or_default() += 1;
        counts.bytes = counts.bytes.saturating_add(decision.bytes);
        let kept = Kept {
            at: decision.at,
            bytes: decision.bytes,
            milliseconds: decision.milliseconds,
            host: decision.host.as_ref().map(|h| h.as_str().into()),
            sni: decision.sni.as_ref().map(|h| h.as_str().into()),
            lane: decision.lane,
            port: decision.port,
            reason: decision.reason,
        };
        self.name_bytes += kept.name_bytes();
        self.newest.push_back(kept);
        while self.newest.len() > KEPT || self.name_bytes > NAME_BYTES {
            let Some(oldest) = self.newest.pop_front() else { break };
            self.name_bytes -= oldest.name_bytes();
        }
    }

    /// Forgets the counts of lanes that are gone or have another owner: their ports come back for others.
    pub fn retain(&mut self, lives: impl Fn(u16) -> bool) {
        self.counts.retain(|lane, _| lives(*lane));
    }

    /// Counts by lane.
    pub fn counts(&self) -> &BTreeMap<u16, Counts> {
        &self.counts
    }

    /// The newest `limit`, newest first.
    pub fn newest<'a>(&'a self, limit: usize, keys: &'a BTreeMap<u16, LaneKey>) -> Vec<Entry<'a>> {
        let shown = |kept: &'a Kept| Entry {
            at: kept.at,
            lane: kept.lane,
            key: keys.get(&kept.lane),
            host: kept.host.as_deref(),
            port: kept.port,
            sni: kept.sni.as_deref(),
            allowed: kept.reason == Reason::Allowed,
            reason: kept.reason,
            bytes: kept.bytes,
            milliseconds: kept.milliseconds,
        };
        self.newest.iter().rev().take(limit).map(shown).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(lane: u16, host: &str, reason: Reason) -> Decision {
        Decision {
            at: Timestamp::UNIX_EPOCH,
            lane,
            host: host.parse().ok(),
            port: Some(443),
            sni: None,
            allowed: reason == Reason::Allowed,
            reason,
            bytes: 10,
            milliseconds: 1,
        }
    }

    #[test]
    fn the_newest_come_first_and_the_oldest_go() {
        let mut decisions = Decisions::default();
        for i in 0..KEPT + 5 {
            decisions.add(&decision(3200, &format!("h{i}.example"), Reason::Allowed));
        }
        let keys = BTreeMap::new();
        let shown = decisions.newest(usize::MAX, &keys);
        assert_eq!(shown.len(), KEPT);
        assert_eq!(shown[0].host, Some(format!("h{}.example", KEPT + 4).as_str()));
        assert_eq!(shown[KEPT - 1].host, Some("h5.example"));
        assert_eq!(decisions.newest(2, &keys).len(), 2);
        assert_eq!(
            decisions.counts()[&3200].by_reason[&Reason::Allowed],
            KEPT as u64 + 5,
            "counts are not bounded by what is kept"
        );
    }

    #[test]
    fn long_names_do_not_grow_memory() {
        let mut decisions = Decisions::default();
        let name = format!("{}.example", vec!["a".repeat(60); 4].join("."));
        for _ in 0..KEPT {
            decisions.add(&decision(3200, &name, Reason::NotListed));
        }
        assert!(decisions.name_bytes <= NAME_BYTES && decisions.newest.len() > 1000);
        let kept: usize = decisions.newest.iter().map(Kept::name_bytes).sum();
        assert_eq!(kept, decisions.name_bytes);
    }

    #[test]
    fn a_lane_that_is_gone_is_counted_no_more() {
        let mut decisions = Decisions::default();
        decisions.add(&decision(3200, "a.example", Reason::Allowed));
        decisions.add(&decision(3201, "a.example", Reason::Password));
        decisions.retain(|lane| lane == 3201);
        assert_eq!(decisions.counts().keys().collect::<Vec<_>>(), [&3201]);
    }
}
