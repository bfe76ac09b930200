//! The cluster as the operator sees it: a memory of what exists, fed by watches ([`watch`]), and the only place that writes
//! ([`write`]).

pub mod comparable;
mod index;
pub mod pod;
pub mod record;
pub mod watch;
pub mod write;

pub use index::{Index, Kind, Resources};
pub use pod::{Gate, PodFacts};
pub use record::{Facts, NodeFacts, Record};
pub use write::{Cluster, Wrote};
