//! From the rules of an EgressPolicy to what Squid does: rules → lanes → plan → squid.conf, and the access log back into decisions.
//! Pure: own input types, no Kubernetes, no I/O, no clock. The controller makes plans, `guard egress` renders and runs them.

mod host;
mod lint;
mod log;
mod plan;
mod presets;
mod reach;
mod rules;
mod squid;

pub use host::{Host, HostRefused, HostSet};
pub use lint::warnings;
pub use log::{Decision, Reason};
pub use plan::{LANES_MAX, Lane, PLAN_VERSION, PORTS, Plan, PlanError, PlanUnusable, WantedLane, plan};
pub use presets::Preset;
pub use reach::{Change, Reach};
pub use rules::{AllowedHost, Component, LaneKey, LaneUser, LaneUserRefused, Policy, Rule, Workload};
pub use squid::{Paths, conf, is_private, private_ranges};
