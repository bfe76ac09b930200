//! Hosts, addresses and headers. Schema functions; pure.

use super::{list, text};
use crate::rule;
use schemars::{Schema, SchemaGenerator};
use serde_json::Value;

/// Labels of lower-case letters, digits and hyphens; the last begins with a letter, so that no form of an IPv4 address passes.
///
/// The length of a label is checked apart: as bounded repetition in here it would make the pattern a hundred times as dear.
const NAME: &str = "([a-z0-9]([a-z0-9-]*[a-z0-9])?[.])+[a-z]([a-z0-9-]*[a-z0-9])?";

/// A label that is longer than DNS allows.
const LONG: &str = "self.matches('[a-z0-9-]{64}')";

/// The usual mistakes in a host, the most telling first.
const MISTAKES: [(&str, &str); 13] = [
    ("self == ''", "is empty; write a host name, e.g. api.example.org"),
    ("self.contains('://')", "has a scheme in front; write the host name alone, e.g. api.example.org"),
    ("self.contains('/')", "has a path; a whole host is allowed or not, write the host name alone, e.g. api.example.org"),
    ("self.contains('*')", "has a *; for a host and everything below it write a leading dot, e.g. .example.org"),
    (
        "self.matches('^[0-9]+([.][0-9]+)*(:[0-9]+)?$') || self.matches(':.*:')",
        "is an IP address; only names are allowed, e.g. api.example.org",
    ),
    ("self.contains(':')", "has a port; only port 443 is ever allowed, write the host name alone, e.g. api.example.org"),
    ("self.endsWith('.')", "ends with a dot; leave the last dot out, e.g. api.example.org"),
    ("self.matches('[^ -~]')", "has letters outside ASCII; write the name's punycode form, which begins with xn--"),
    ("self.matches('[A-Z]')", "has upper-case letters; write it in lower case"),
    (
        "!self.matches('[^.][.][^.]')",
        "has only one part; write at least two parts with a dot between them, e.g. example.org, because a whole top-level domain is never allowed",
    ),
    ("self.contains('..')", "has two dots in a row; write one dot between two parts"),
    (
        "self.matches('[.][0-9][^.]*$')",
        "has a last part that begins with a digit, so it may be read as an IP address; write a host name, e.g. api.example.org",
    ),
    (LONG, "has a part of more than 63 characters between two dots; no host can have that"),
];

const OTHERWISE: &str = "is not a host name; use letters a to z, digits, hyphens and dots, with no hyphen at the ends of a part";

fn host() -> Schema {
    text(
        253,
        &[rule::because(
            "host",
            &format!("self.matches('^[.]?{NAME}$') && !{LONG}"),
            &MISTAKES,
            OTHERWISE,
            "a host is a lower-case name with at least two parts, e.g. api.example.org, or with a leading dot for it and everything below, e.g. .example.org; no scheme, port, path, * or IP address",
        )],
    )
}

/// Hosts a rule names.
pub fn hosts(_: &mut SchemaGenerator) -> Schema {
    list(64, host(), &[])
}

/// One host, without a leading dot.
pub fn exact_host(_: &mut SchemaGenerator) -> Schema {
    let mut mistakes = vec![(
        "self.startsWith('.')",
        "begins with a dot; a credential goes to one host only, write its whole name, e.g. api.example.org",
    )];
    mistakes.extend(MISTAKES);
    text(
        253,
        &[rule::because(
            "host",
            &format!("self.matches('^{NAME}$') && !{LONG}"),
            &mistakes,
            OTHERWISE,
            "the host of a credential is one lower-case name with at least two parts, e.g. api.example.org; no leading dot, scheme, port, path, * or IP address",
        )],
    )
}

/// Address of a remote MCP server.
pub fn url(_: &mut SchemaGenerator) -> Schema {
    text(
        1024,
        &[rule::because(
            "url",
            &format!(
                "self.matches('^https://{NAME}(/[A-Za-z0-9._~%!$&()*+,;=:@/-]*)?$') && !self.matches('^https://[a-z0-9.-]*[a-z0-9-]{{64}}')"
            ),
            &[
                ("!self.startsWith('https://')", "does not begin with https://; only TLS is ever allowed"),
                ("self.matches('^https://[^/]*@')", "has a user name or a password; use credentials of the tier instead"),
                ("self.contains('#') || self.matches('[^#]*[?]')", "has a query or a fragment; write scheme, host and path only"),
                (
                    "self.matches('^https://[0-9.]+(:[0-9]+)?(/|$)') || self.matches('^https://[^/]*:[^/]*:')",
                    "has an IP address as its host; only names are allowed, e.g. https://mcp.example.org/v1",
                ),
                ("self.matches('^https://[^/]*:')", "has a port; only port 443 is ever allowed, leave it out"),
            ],
            "is not usable; write it in lower case like https://mcp.example.org/v1",
            "a url is https://, a host name and a path, e.g. https://mcp.example.org/v1; no port, user, query, fragment or IP address",
        )],
    )
}

/// Name of an HTTP header that carries a secret.
pub fn header(_: &mut SchemaGenerator) -> Schema {
    text(64, &[token(), framing()])
}

fn token() -> Value {
    rule::telling(
        "self.matches('^[A-Za-z0-9_-]+$')",
        "\"header '\" + self + \"' is not the name of an HTTP header; use letters, digits, hyphens and underscores, e.g. X-API-Token, without the colon and the value\"",
        "a header is letters, digits, hyphens and underscores, e.g. X-API-Token",
    )
}

/// Headers that steer the request itself: replacing one would break it or send it elsewhere.
fn framing() -> Value {
    rule::telling(
        "!(self.lowerAscii() in ['host', 'connection', 'content-length', 'transfer-encoding', 'te', 'trailer', 'upgrade', 'proxy-authorization', 'proxy-connection'])",
        "\"header '\" + self + \"' steers the request itself and cannot carry a secret; use the header the service documents, e.g. Authorization\"",
        "a header that steers the request itself (Host, Connection, Content-Length, Transfer-Encoding, TE, Trailer, Upgrade, Proxy-…) cannot carry a secret",
    )
}
