//! The caps of a witness's listeners. Values only.
//!
//! A gate holds at most eight rounds at once, with one connection to each control and two to each canary, and opens at most
//! eight a second to each; a sibling asks at most twenty times a second.

use crate::net::caps::Limits;

/// Of the control port.
pub const CONTROL: Limits = Limits { open: 512, open_per_source: 16, per_second: 32, burst: 64, sources: 1024 };
/// Of the canary port.
pub const CANARY: Limits = Limits { open: 256, open_per_source: 24, per_second: 32, burst: 64, sources: 1024 };
