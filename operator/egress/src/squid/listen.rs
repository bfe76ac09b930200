//! The process itself, its ports, passwords and log. Pure.

use super::names::RenderedLane;
use super::{Paths, line};

/// What keeps Squid small, silent and without children it does not need.
pub(super) fn process(text: &mut String) {
    // Without a name of its own Squid looks up the pod's host name in DNS.
    line!(text, "visible_hostname egress");
    line!(text, "pinger_enable off");
    line!(text, "netdb_filename none");
    line!(text, "pid_filename none");
    line!(text, "coredump_dir none");
    // Container runtimes set the limit to a billion, and Squid sizes its tables by it.
    line!(text, "max_filedescriptors 16384");
}

/// One port a lane, and one on loopback that reaches nothing: Squid does not start without any port, and a plan may have no lane.
pub(super) fn ports(text: &mut String, lanes: &[RenderedLane<'_>], paths: &Paths) {
    line!(text, "http_port 127.0.0.1:3130 name=idle");
    for lane in lanes {
        // The certificate is a demand of the parser; it is never shown, and none is made for anyone.
        line!(
            text,
            "http_port {port} name=l{port} ssl-bump tls-cert={cert} generate-host-certificates=off",
            port = lane.port,
            cert = paths.dummy_certificate
        );
    }
}

/// The helper that checks passwords; absent where no lane has one.
pub(super) fn passwords(text: &mut String, lanes: &[RenderedLane<'_>], paths: &Paths) {
    if lanes.iter().all(|lane| lane.user.is_none()) {
        return;
    }
    line!(text, "auth_param basic program {} {}", paths.auth_helper, paths.htpasswd);
    line!(text, "auth_param basic children 2 startup=1 idle=1");
    line!(text, "auth_param basic realm lane");
    line!(text, "auth_param basic credentialsttl 1 hour");
}

/// Time limits, the log, and what Squid must not add to a request. One JSON object a decision: host and port, never a path, because
/// a refused plain request may carry a secret in its path. Every value is quoted, so that a "-" is not a broken number.
pub(super) fn log(text: &mut String) {
    // The default lets a client hold a tunnel without a ClientHello for five minutes.
    line!(text, "request_start_timeout 30 seconds");
    line!(text, "cache deny all");
    line!(text, "cache_mem 0");
    // A logformat must stand before the access_log that names it.
    line!(
        text,
        "logformat jsonl {{\"ts\":\"%ts.%03tu\",\"ms\":\"%tr\",\"lp\":\"%lp\",\"user\":\"%#un\",\"client\":\"%>a\",\"status\":\"%>Hs\",\
         \"sq\":\"%Ss\",\"dst_ip\":\"%<a\",\"method\":\"%#rm\",\"host\":\"%#>rd\",\"port\":\"%>rP\",\"sni\":\"%#ssl::>sni\",\
         \"bump\":\"%ssl::bump_mode\",\"in\":\"%>st\",\"out\":\"%<st\",\"err\":\"%err_code\",\"why\":\"%{{why}}note\"}}"
    );
    // Bare TCP connections (readiness, gates) are no request and would fill the log.
    line!(text, "acl hasreq has request");
    line!(text, "access_log stdio:/dev/stdout jsonl hasreq");
    line!(text, "cache_log /dev/stderr");
    line!(text, "logfile_rotate 0");
    line!(text, "via off");
    line!(text, "forwarded_for delete");
    line!(text, "shutdown_lifetime 1 second");
    // A name that failed once is asked for again soon.
    line!(text, "negative_dns_ttl 2 seconds");
}
