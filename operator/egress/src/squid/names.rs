//! One lane with what the sections need of it. Names of ACLs are made from the port, so a lane's lines stay as they are when other
//! lanes come and go. Pure.

use crate::{Host, HostSet, Lane, LaneUser};

/// A lane at the moment of rendering.
pub(super) struct RenderedLane<'a> {
    /// Its port; the ACLs `l<port>`, `u<port>`, `d<port>`, `d<port>_<i>`, `s<port>_<i>` are its own.
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
