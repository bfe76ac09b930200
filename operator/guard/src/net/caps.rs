//! How many connections a source may hold and open, so that no pod can wear a server out or blind it for others. Pure; time
//! is an argument.

use std::{collections::HashMap, net::IpAddr, time::Duration};

/// Limits of one listener.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections open at once, all sources together.
    pub open: u32,
    /// Connections open at once, per source.
    pub open_per_source: u32,
    /// Connections per second, per source, in the long run.
    pub per_second: u32,
    /// Connections a source may open at once after a pause.
    pub burst: u32,
    /// Sources remembered.
    pub sources: usize,
}

/// Who holds how much.
#[derive(Debug)]
pub struct Caps {
    limits: Limits,
    open: u32,
    sources: HashMap<IpAddr, Source>,
}

#[derive(Debug)]
struct Source {
    open: u32,
    /// Thousandths of a connection.
    credit: u64,
    at: Duration,
}

impl Caps {
    /// Nobody holds anything.
    pub fn new(limits: Limits) -> Self {
        Self { limits, open: 0, sources: HashMap::new() }
    }

    /// Whether `source` may open a connection now; each yes must be followed by one [`Caps::release`].
    pub fn admit(&mut self, source: IpAddr, now: Duration) -> bool {
        let limits = self.limits;
        if self.open >= limits.open {
            return false;
        }
        if !self.sources.contains_key(&source) && self.sources.len() >= limits.sources {
            // Who holds nothing and has had time to regain all credit is as good as never seen.
            let full = Duration::from_secs(u64::from(limits.burst.div_ceil(limits.per_second.max(1))));
            self.sources.retain(|_, s| s.open > 0 || now.saturating_sub(s.at) < full);
            if self.sources.len() >= limits.sources {
                return false;
            }
        }
        let most = u64::from(limits.burst) * 1000;
        let entry = self.sources.entry(source).or_insert(Source { open: 0, credit: most, at: now });
        let earned = now.saturating_sub(entry.at).as_millis().min(u128::from(u32::MAX)) as u64 * u64::from(limits.per_second);
        entry.credit = (entry.credit + earned).min(most);
        entry.at = now;
        if entry.open >= limits.open_per_source || entry.credit < 1000 {
            return false;
        }
        entry.credit -= 1000;
        entry.open += 1;
        self.open += 1;
        true
    }

    /// An admitted connection of `source` has ended.
    pub fn release(&mut self, source: IpAddr) {
        self.open = self.open.saturating_sub(1);
        if let Some(entry) = self.sources.get_mut(&source) {
            entry.open = entry.open.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { open: 6, open_per_source: 3, per_second: 2, burst: 4, sources: 3 };

    fn ip(last: u8) -> IpAddr {
        [10, 0, 0, last].into()
    }

    fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_source_cannot_hold_more_than_its_share() {
        let mut caps = Caps::new(LIMITS);
        assert_eq!((0..5).filter(|_| caps.admit(ip(1), at(0))).count(), 3);
        assert!(caps.admit(ip(2), at(0)), "another source is not blinded");
        caps.release(ip(1));
        assert!(caps.admit(ip(1), at(0)));
    }

    #[test]
    fn a_source_cannot_open_faster_than_its_rate() {
        let mut caps = Caps::new(LIMITS);
        let mut opened = 0;
        for millisecond in 0..10_000 {
            if caps.admit(ip(1), at(millisecond)) {
                opened += 1;
                caps.release(ip(1));
            }
        }
        assert_eq!(opened, 4 + 19, "burst and two a second");
    }

    #[test]
    fn all_together_are_bounded() {
        let mut caps = Caps::new(LIMITS);
        let admitted = (1..=3).flat_map(|n| [ip(n); 3]).filter(|source| caps.admit(*source, at(0))).count();
        assert_eq!(admitted, 6);
    }

    #[test]
    fn the_table_is_bounded_and_forgets_the_idle() {
        let mut caps = Caps::new(LIMITS);
        for n in 1..=3 {
            assert!(caps.admit(ip(n), at(0)));
        }
        caps.release(ip(1));
        assert!(!caps.admit(ip(4), at(500)), "the table is full of fresh sources");
        assert!(caps.admit(ip(4), at(5000)), "the idle one gave way");
        assert_eq!(caps.sources.len(), 3);
    }
}
