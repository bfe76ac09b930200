//! `ssl_bump`: look at the ClientHello, decrypt nothing. Pure.

use super::line;
use super::names::{RenderedLane, distinct};
use crate::Plan;

/// What happens to a tunnel once it stands.
pub(super) fn rules(text: &mut String, plan: &Plan, lanes: &[RenderedLane<'_>]) {
    // Without the quotes the code is not expanded.
    line!(text, "acl mark annotate_transaction sni=\"%ssl::>sni\"");
    line!(text, "acl nosni note sni -");
    // A name that resolves to a private address is closed here, before Squid would answer with a certificate of its own.
    line!(text, "ssl_bump terminate step1 to_private why_private");
    line!(text, "ssl_bump peek step1");
    // Without a name in the ClientHello Squid would compare the name of the CONNECT, which proves nothing.
    line!(text, "ssl_bump terminate step2 mark nosni why_nosni");
    if !plan.except.is_empty() {
        // Below one leading-dot entry the ClientHello may name another host than the CONNECT; not an excepted one.
        line!(text, "ssl_bump terminate step2 except_sni why_except");
    }
    for (i, host) in distinct(lanes).into_iter().enumerate() {
        if !host.is_subtree() {
            // http_access has asked whether the lane lists the host of the CONNECT; here it is the same name twice, on any lane.
            line!(text, "ssl_bump splice step2 h{i} s{i}");
            continue;
        }
        // Two names below one entry: only on a lane that lists the entry, since another may list a single name below it.
        for lane in lanes.iter().filter(|lane| lane.hosts().contains(host)) {
            line!(text, "ssl_bump splice step2 l{} h{i} s{i}", lane.port);
        }
    }
    line!(text, "ssl_bump terminate step2 why_sni");
    // Where no rule fits Squid splices. This line is the wall.
    line!(text, "ssl_bump terminate all");
}
