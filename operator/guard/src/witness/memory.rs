//! Which nonces reached the canary, for two minutes, within bounds. Pure; time is an argument.

use assistant_proof::wire::MEMORY_SECONDS;
use std::{collections::VecDeque, net::IpAddr, time::Duration};

/// How long a nonce is kept at most.
const AGE: Duration = Duration::from_secs(120);
/// Most nonces kept.
const ENTRIES: usize = 4096;
/// Most nonces kept of one source: one pod that floods the canary pushes out its own nonces only.
const PER_SOURCE: usize = 128;

/// The nonces, oldest first.
#[derive(Debug, Default)]
pub struct Memory {
    entries: VecDeque<Entry>,
    /// Until when an absence proves nothing, because something young had to be dropped.
    lossy_until: Duration,
}

#[derive(Debug)]
struct Entry {
    nonce: u128,
    source: IpAddr,
    at: Duration,
}

impl Memory {
    /// A nonce arrived from `source`.
    pub fn record(&mut self, nonce: u128, source: IpAddr, now: Duration) {
        self.forget(now);
        let of_source = self.entries.iter().filter(|e| e.source == source).count();
        if of_source >= PER_SOURCE {
            if let Some(oldest) = self.entries.iter().position(|e| e.source == source) {
                self.entries.remove(oldest);
            }
        } else if self.entries.len() >= ENTRIES
            && let Some(dropped) = self.entries.pop_front()
        {
            self.lossy_until = self.lossy_until.max(dropped.at + Duration::from_secs(MEMORY_SECONDS.into()));
        }
        self.entries.push_back(Entry { nonce, source, at: now });
    }

    /// Whether this nonce arrived.
    pub fn saw(&self, nonce: u128) -> bool {
        self.entries.iter().any(|e| e.nonce == nonce)
    }

    /// Whether everything that arrived within the last [`MEMORY_SECONDS`] from other sources than a flooding one is still here.
    pub fn complete(&self, now: Duration) -> bool {
        now >= self.lossy_until
    }

    fn forget(&mut self, now: Duration) {
        while self.entries.front().is_some_and(|e| now.saturating_sub(e.at) > AGE) {
            self.entries.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(n: u32) -> IpAddr {
        std::net::Ipv4Addr::from(0x0a00_0000 + n).into()
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn what_arrived_is_known_until_it_is_old() {
        let mut memory = Memory::default();
        memory.record(7, ip(1), at(0));
        assert!(memory.saw(7) && !memory.saw(8));
        memory.record(8, ip(1), at(121));
        assert!(!memory.saw(7) && memory.saw(8));
        assert!(memory.complete(at(121)));
    }

    #[test]
    fn a_flood_of_one_source_pushes_out_its_own_only() {
        let mut memory = Memory::default();
        memory.record(1, ip(1), at(0));
        for n in 0..10_000 {
            memory.record(1000 + n, ip(2), at(0));
        }
        assert!(memory.saw(1) && memory.saw(1000 + 9_999) && !memory.saw(1000));
        assert_eq!(memory.entries.len(), 1 + PER_SOURCE);
        assert!(memory.complete(at(0)));
    }

    #[test]
    fn a_flood_of_many_sources_is_bounded_and_admitted() {
        let mut memory = Memory::default();
        for n in 0..5000 {
            memory.record(n, ip(u32::try_from(n).unwrap()), at(5));
        }
        assert_eq!(memory.entries.len(), ENTRIES);
        assert!(!memory.complete(at(14)));
        assert!(memory.complete(at(15)));
    }
}
