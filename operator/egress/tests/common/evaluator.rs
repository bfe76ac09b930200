//! Decides as Squid does, from the text of a configuration alone: first rule that fits, lists of a host's parents, `http_access` before
//! the tunnel and again after the ClientHello, `ssl_bump` splice where nothing fits. It knows exactly the directives that the renderer
//! may write and panics on any other.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// One CONNECT with its ClientHello.
#[derive(Clone, Debug)]
pub struct Request {
    pub lane: u16,
    pub method: &'static str,
    pub host: String,
    pub port: u16,
    /// Whom the password belongs to; `None`: no or a wrong one.
    pub user: Option<String>,
    /// What the host resolves to at first and after the ClientHello.
    pub addresses: [IpAddr; 2],
    pub sni: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Before anything was resolved.
    Refused,
    /// 407.
    Challenged,
    /// After the CONNECT.
    Closed,
    Tunnelled,
}

type Acls<'a> = BTreeMap<&'a str, (&'a str, Vec<&'a str>)>;

#[derive(Clone, Copy, PartialEq)]
enum Step {
    Connect,
    One,
    Two,
}

pub struct Configuration<'a> {
    acls: Acls<'a>,
    access: Vec<Vec<&'a str>>,
    bump: Vec<Vec<&'a str>>,
    listening: Vec<u16>,
}

const PLAIN: &[&str] = &[
    "visible_hostname",
    "pinger_enable",
    "netdb_filename",
    "pid_filename",
    "coredump_dir",
    "max_filedescriptors",
    "auth_param",
    "deny_info",
    "request_start_timeout",
    "cache",
    "cache_mem",
    "logformat",
    "access_log",
    "cache_log",
    "logfile_rotate",
    "via",
    "forwarded_for",
    "shutdown_lifetime",
    "negative_dns_ttl",
];

impl<'a> Configuration<'a> {
    pub fn read(text: &'a str) -> Self {
        let mut this = Configuration { acls: Acls::new(), access: Vec::new(), bump: Vec::new(), listening: Vec::new() };
        for line in text.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            match words.as_slice() {
                ["acl", name, kind, values @ ..] => {
                    let entry = this.acls.entry(name).or_insert((kind, Vec::new()));
                    assert_eq!(entry.0, *kind, "{line}: one ACL, two kinds");
                    entry.1.extend(values);
                }
                ["http_access", rule @ ..] => this.access.push(rule.to_vec()),
                ["ssl_bump", rule @ ..] => this.bump.push(rule.to_vec()),
                ["http_port", "127.0.0.1:3130", "name=idle"] => {}
                ["http_port", port, name, "ssl-bump", _, "generate-host-certificates=off"] => {
                    assert_eq!(*name, format!("name=l{port}"));
                    this.listening.push(port.parse().unwrap());
                }
                [word, ..] => assert!(PLAIN.contains(word), "unknown directive: {line}"),
                [] => {}
            }
        }
        for rule in this.access.iter().chain(&this.bump) {
            for name in &rule[1..] {
                let name = name.trim_start_matches('!');
                assert!(["all", "manager"].contains(&name) || this.acls.contains_key(name), "unknown ACL {name}");
            }
        }
        this
    }

    pub fn listens(&self, port: u16) -> bool {
        self.listening.contains(&port)
    }

    pub fn decide(&self, request: &Request) -> Verdict {
        match self.access(request, Step::Connect) {
            (true, _) => {}
            (false, last) if last.starts_with("!u") => return Verdict::Challenged,
            (false, _) => return Verdict::Refused,
        }
        match self.bump(request, Step::One) {
            "peek" => {}
            "terminate" => return Verdict::Closed,
            other => panic!("{other} at step 1"),
        }
        if !self.access(request, Step::Two).0 {
            return Verdict::Closed;
        }
        match self.bump(request, Step::Two) {
            "terminate" => Verdict::Closed,
            "splice" => Verdict::Tunnelled,
            other => panic!("{other} at step 2"),
        }
    }

    fn access(&self, request: &Request, step: Step) -> (bool, &str) {
        for rule in &self.access {
            if rule[1..].iter().all(|acl| self.fits(acl, request, step)) {
                return (rule[0] == "allow", rule.last().unwrap());
            }
        }
        panic!("no rule of http_access fits, the default is the opposite of the last one");
    }

    fn bump(&self, request: &Request, step: Step) -> &str {
        let fitting = self.bump.iter().find(|rule| rule[1..].iter().all(|acl| self.fits(acl, request, step)));
        fitting.map_or("splice", |rule| rule[0])
    }

    fn fits(&self, acl: &str, request: &Request, step: Step) -> bool {
        if let Some(negated) = acl.strip_prefix('!') {
            return !self.fits(negated, request, step);
        }
        match acl {
            "all" => return true,
            "manager" => return false,
            _ => {}
        }
        let (kind, values) = &self.acls[acl];
        match (*kind, values.as_slice()) {
            ("myportname", [name]) => *name == format!("l{}", request.lane),
            ("proxy_auth", [user]) => request.user.as_deref() == Some(user),
            ("method", [method]) => *method == request.method,
            ("port", [port]) => *port == request.port.to_string(),
            ("at_step", ["SslBump1"]) => step == Step::One,
            ("at_step", ["SslBump2"]) => step == Step::Two,
            ("src", ["all"]) => true,
            ("maxconn", _) => false,
            ("dstdomain", hosts) => listed(hosts, "-n", &request.host),
            ("ssl::server_name", hosts) => request.sni.as_deref().is_some_and(|sni| listed(hosts, "--client-requested", sni)),
            ("dst", ranges) => {
                let address = request.addresses[usize::from(step == Step::Two)].to_canonical();
                ranges.iter().any(|range| range.parse::<ipnet::IpNet>().unwrap().contains(&address))
            }
            ("dstdom_regex", ["-n", "^[0-9.]+$", ":"]) => {
                request.host.contains(':') || request.host.bytes().all(|b| b.is_ascii_digit() || b == b'.')
            }
            ("annotate_transaction", [_]) => true,
            ("note", ["sni", "-"]) => request.sni.is_none(),
            other => panic!("unknown ACL {acl}: {other:?}"),
        }
    }
}

/// As Squid compares: the flag must be there, or it would look up what the client chose.
fn listed(values: &[&str], flag: &str, name: &str) -> bool {
    assert!(values.contains(&flag), "{values:?} lacks {flag}");
    values.iter().filter(|value| **value != flag).any(|entry| match entry.strip_prefix('.') {
        Some(parent) => name == parent || name.ends_with(entry),
        None => name == *entry,
    })
}
