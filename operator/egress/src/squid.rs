//! A plan as squid.conf. Pure. Everything that comes from outside and is written here is a validated [`crate::Host`], a
//! [`crate::LaneUser`], an address range or a number; no other text of a user reaches the file.
//!
//! The order of the sections is part of the meaning: Squid takes the first rule that fits.

mod access;
mod bump;
mod listen;
mod names;
mod private;

use crate::Plan;
use jiff::Timestamp;

pub use private::{is_private, private_ranges};

/// Files that the configuration names. They come from the operator's own settings, never from a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// Certificate and key in one PEM file. Squid wants one on an `ssl-bump` port; with these rules it is never shown to anyone.
    pub dummy_certificate: String,
    /// Password file of the lanes.
    pub htpasswd: String,
    /// `basic_ncsa_auth`.
    pub auth_helper: String,
}

/// The configuration at `now`. Grants that have ended are left out; a lane with nothing left listens and refuses everything.
pub fn conf(plan: &Plan, now: Timestamp, paths: &Paths) -> String {
    let lanes: Vec<names::RenderedLane<'_>> =
        plan.lanes.iter().map(|lane| names::RenderedLane::new(lane, plan.hosts_at(lane, now))).collect();
    let mut text = String::new();
    listen::process(&mut text);
    listen::ports(&mut text, &lanes, paths);
    listen::passwords(&mut text, &lanes, paths);
    access::acls(&mut text, plan, &lanes);
    access::rules(&mut text, plan, &lanes);
    bump::rules(&mut text, plan, &lanes);
    listen::log(&mut text);
    text
}

/// Adds one line. A macro, because `writeln!` on a string asks each time for an error that cannot happen.
macro_rules! line {
    ($text:expr, $($format:tt)*) => {{
        $text.push_str(&format!($($format)*));
        $text.push('\n');
    }};
}
use line;

/// The words that rules write into the log.
#[cfg(test)]
pub(crate) fn conf_reasons() -> Vec<&'static str> {
    access::REASONS.iter().map(|(_, word)| *word).collect()
}

#[cfg(test)]
mod tests;
