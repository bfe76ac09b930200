//! ACLs and `http_access`. Pure.

use super::line;
use super::names::{RenderedLane, distinct};
use super::private::denied_ranges;
use crate::{HostSet, Plan};

/// Most connections one pod may hold open through its lanes.
const CONNECTIONS_PER_CLIENT: u32 = 512;

/// The reasons written into the log, as annotations: (ACL, word).
pub(super) const REASONS: &[(&str, &str)] = &[
    ("why_connections", "connections"),
    ("why_method", "method"),
    ("why_port", "port"),
    ("why_address", "address"),
    ("why_except", "except"),
    ("why_list", "list"),
    ("why_private", "private"),
    ("why_nosni", "nosni"),
    ("why_sni", "sni"),
];

/// Every ACL. Lists are one host a line: Squid reads lines of at most 8 KB and takes the rest of a longer one for a new directive.
pub(super) fn acls(text: &mut String, plan: &Plan, lanes: &[RenderedLane<'_>]) {
    for lane in lanes {
        line!(text, "acl l{port} myportname l{port}", port = lane.port);
    }
    for lane in lanes {
        if let Some(user) = lane.user {
            line!(text, "acl u{} proxy_auth {}", lane.port, user.as_str());
        }
    }
    line!(text, "acl CONNECT method CONNECT");
    line!(text, "acl port443 port 443");
    line!(text, "acl step1 at_step SslBump1");
    line!(text, "acl step2 at_step SslBump2");
    line!(text, "acl any src all");
    line!(text, "acl crowd maxconn {CONNECTIONS_PER_CLIENT}");
    // -n everywhere: without it a name list looks up the PTR record of an address, which whoever owns the address can set.
    for host in HostSet::normalised(plan.except.iter().cloned()).as_slice() {
        line!(text, "acl except dstdomain -n {host}");
        line!(text, "acl except_sni ssl::server_name --client-requested {host}");
    }
    for lane in lanes {
        for host in lane.hosts() {
            line!(text, "acl d{} dstdomain -n {host}", lane.port);
        }
    }
    // A pair per host makes the name in the ClientHello that of the CONNECT, without a helper process. Lanes share the pairs: Squid
    // looks an ACL up by walking all of them, and a pair for each lane and host took it a minute to read.
    for (i, host) in distinct(lanes).iter().enumerate() {
        line!(text, "acl h{i} dstdomain -n {host}");
        line!(text, "acl s{i} ssl::server_name --client-requested {host}");
    }
    for range in denied_ranges(&plan.local_ranges) {
        line!(text, "acl to_private dst {range}");
    }
    line!(text, "acl ip_literal dstdom_regex -n ^[0-9.]+$ :");
    for (acl, word) in REASONS {
        line!(text, "acl {acl} annotate_transaction why={word}");
    }
}

/// Who may ask for what. `any` ends every refusal that needs no lookup: its `deny_info` closes the connection, where Squid would
/// otherwise answer 200 and show its error page inside TLS with a certificate of its own.
pub(super) fn rules(text: &mut String, plan: &Plan, lanes: &[RenderedLane<'_>]) {
    line!(text, "deny_info TCP_RESET any");
    line!(text, "http_access deny manager");
    line!(text, "http_access deny crowd why_connections any");
    line!(text, "http_access deny !CONNECT why_method any");
    line!(text, "http_access deny !port443 why_port any");
    line!(text, "http_access deny ip_literal why_address any");
    // The lists come before anything that resolves or asks the password helper: a name that is not listed reaches no resolver, and is
    // refused at once.
    if !plan.except.is_empty() {
        line!(text, "http_access deny except why_except any");
    }
    for lane in lanes {
        if lane.hosts().is_empty() {
            line!(text, "http_access deny l{} why_list any", lane.port);
        } else {
            line!(text, "http_access deny l{port} !d{port} why_list any", port = lane.port);
        }
    }
    // The password ACL must be the last of its line: that is how Squid knows to answer 407.
    for lane in lanes.iter().filter(|lane| lane.user.is_some()) {
        line!(text, "http_access deny l{port} !u{port}", port = lane.port);
    }
    // Asked again after the ClientHello: a name may resolve to something else by then.
    line!(text, "http_access deny step2 to_private why_private any");
    for lane in lanes.iter().filter(|lane| !lane.hosts().is_empty()) {
        match lane.user {
            Some(_) => line!(text, "http_access allow l{port} u{port} d{port}", port = lane.port),
            None => line!(text, "http_access allow l{port} d{port}", port = lane.port),
        }
    }
    line!(text, "http_access deny any");
}
