//! The canary at the pod's IPv6 link-local address, bound when such an address is there. Listens.

use super::{Witness, canary};
use crate::net::link::{self, LinkLocal};
use assistant_proof::WITNESS_CANARY_PORT;
use std::{io, net::SocketAddrV6, sync::Arc};
use tokio::{net::UdpSocket, task::JoinSet};

/// A canary bound to a link-local address; ends when dropped.
pub struct Bound {
    link: LinkLocal,
    socket: Arc<UdpSocket>,
    _tasks: JoinSet<()>,
}

impl Bound {
    /// The UDP socket.
    pub fn socket(&self) -> &UdpSocket {
        &self.socket
    }
}

impl Witness {
    /// Makes sure that the canary listens at the address the pod has now. `Ok(None)`: it has none. The error carries the
    /// address at which it could not listen (duplicate detection has not ended, or the port is taken).
    pub(super) async fn listen_link_local(self: &Arc<Self>) -> Result<Option<LinkLocal>, (Option<LinkLocal>, io::Error)> {
        let Some(link) = link::default_link().map_err(|e| (None, e))?.and_then(|l| l.address) else {
            *self.link_local.lock().expect("no code panics while it holds the link") = None;
            return Ok(None);
        };
        let _one_at_a_time = self.binding.lock().await;
        let bound = |w: &Self| {
            w.link_local.lock().expect("no code panics while it holds the link").as_ref().map(|b| (b.link.address, b.link.scope))
        };
        if bound(self) != Some((link.address, link.scope)) {
            *self.link_local.lock().expect("no code panics while it holds the link") = None;
            let address = SocketAddrV6::new(link.address, WITNESS_CANARY_PORT, 0, link.scope);
            let (listener, socket) = canary::bind(address.into()).await.map_err(|e| (Some(link), e))?;
            let mut tasks = JoinSet::new();
            tasks.spawn(canary::tcp(self.clone(), listener));
            tasks.spawn(canary::udp(self.clone(), socket.clone()));
            let bound = Bound { link, socket, _tasks: tasks };
            *self.link_local.lock().expect("no code panics while it holds the link") = Some(bound);
        }
        Ok(Some(link))
    }
}
