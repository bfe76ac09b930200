//! One lane with what the sections need of it, and the hosts of all. Names of ACLs are made from the port. Pure.

use crate::{Host, HostSet, Lane, LaneUser};
use std::collections::BTreeSet;

/// A lane at the moment of rendering.
pub(super) struct RenderedLane<'a> {
    /// Its port; the ACLs `l<port>`, `u<port>` and `d<port>` are its own.
    pub(super) port: u16,
    /// Who must authenticate.
    pub(super) user: Option<&'a LaneUser>,
    hosts: HostSet,
}

impl<'a> RenderedLane<'a> {
    pub(super) fn new(lane: &'a Lane, hosts: HostSet) -> Self {
        RenderedLane { port: lane.port, user: lane.user.as_ref(), hosts }
    }

    /// Hosts in the order in which Squid takes them.
    pub(super) fn hosts(&self) -> &[Host] {
        self.hosts.as_slice()
    }
}

/// Every host that some lane lists, once; the ACLs `h<i>` and `s<i>` are those of the i-th.
pub(super) fn distinct<'a>(lanes: &'a [RenderedLane<'_>]) -> Vec<&'a Host> {
    lanes.iter().flat_map(RenderedLane::hosts).collect::<BTreeSet<_>>().into_iter().collect()
}
