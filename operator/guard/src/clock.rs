//! The wall clock guard believes in: the system's, shifted by what the command line says. Reads the system clock.

use jiff::{SignedDuration, Timestamp};

/// Source of wall-clock time. Tests shift it to show that a wrong clock is noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    offset: SignedDuration,
}

impl Clock {
    /// A clock that is `seconds` ahead (negative: behind); `None` beyond ±10^9 seconds.
    pub fn shifted(seconds: i64) -> Option<Self> {
        (-1_000_000_000..=1_000_000_000).contains(&seconds).then(|| Self { offset: SignedDuration::from_secs(seconds) })
    }

    /// What this clock shows now.
    pub fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        // Saturates only for a system clock thousands of years off; such a clock is wrong either way.
        now.saturating_add(self.offset).unwrap_or(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shift_shows() {
        let ahead = Clock::shifted(3600).unwrap().now().as_second() - Clock::default().now().as_second();
        assert!((3599..=3601).contains(&ahead), "{ahead}");
    }

    #[test]
    fn an_absurd_shift_is_refused() {
        assert_eq!(Clock::shifted(i64::MAX), None);
    }
}
