//! Host names as a policy may write them: one exact name, or with a leading dot a name and everything below it. Pure.
//! Squid accepts many spellings silently and then never matches them, or dies on them; whatever leaves this file it understands.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

/// Longest name in bytes, without the leading dot (RFC 1035).
const NAME_BYTES: usize = 253;
/// Longest label in bytes (RFC 1035).
const LABEL_BYTES: usize = 63;

/// A validated host: lower-case labels of letters, digits and hyphens, at least two of them, optionally with a leading dot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Host(String);

/// Why a string is no [`Host`]. Each is a sentence that repeats what was found and says what is allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostRefused {
    /// Nothing was written.
    #[error("the host is empty; write a name such as api.example.org, or .example.org for it and everything below")]
    Empty,
    /// `https://…`.
    #[error("\"{0}\" holds a scheme; write the host name alone, such as api.example.org")]
    Scheme(String),
    /// `user@…`.
    #[error("\"{0}\" holds a user part (\"@\"); write the host name alone")]
    Userinfo(String),
    /// A slash, `?` or `#`.
    #[error("\"{0}\" holds a path; only whole hosts can be allowed, so write the host name alone")]
    Path(String),
    /// An address, in any of the forms that a resolver takes for one.
    #[error("\"{0}\" is an IP address or is read as one; only names can be allowed")]
    Address(String),
    /// `name:443`.
    #[error("\"{0}\" holds a port; leave it out, port 443 is the only one there is")]
    Port(String),
    /// `*`.
    #[error("\"{0}\" holds \"*\"; for a name and everything below it write a leading dot, such as .example.org")]
    Wildcard(String),
    /// Unicode.
    #[error("\"{0}\" holds letters outside ASCII; write the name in its ASCII form (xn--…)")]
    NotAscii(String),
    /// `Example.org`.
    #[error("\"{0}\" holds capital letters; use lower case")]
    Uppercase(String),
    /// `example.org.`
    #[error("\"{0}\" ends in a dot; leave it out")]
    TrailingDot(String),
    /// `a..b`, `..b`, `.`.
    #[error("\"{0}\" holds an empty label (two dots in a row)")]
    EmptyLabel(String),
    /// Space, underscore, quote …
    #[error("\"{host}\" holds {found:?}; a host has letters a to z, digits, hyphens and dots")]
    Character {
        /// What was written.
        host: String,
        /// The first character that is not allowed.
        found: char,
    },
    /// `-a.example`, `a-.example`.
    #[error("\"{host}\" has the label \"{label}\", which begins or ends with a hyphen")]
    Hyphen {
        /// What was written.
        host: String,
        /// The label.
        label: String,
    },
    /// A label of more than 63 bytes.
    #[error("\"{host}\" has a label of {length} characters; 63 is the most")]
    LongLabel {
        /// What was written.
        host: String,
        /// Its length in bytes.
        length: usize,
    },
    /// More than 253 bytes.
    #[error("the host has {0} characters; 253 is the most")]
    LongName(usize),
    /// `com`, `.com`, `localhost`.
    #[error("\"{0}\" is a single label; a whole top-level domain or a local name cannot be allowed, write at least two labels")]
    SingleLabel(String),
}

impl Host {
    /// As written, with the leading dot if there is one.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name without the leading dot.
    pub fn name(&self) -> &str {
        self.0.strip_prefix('.').unwrap_or(&self.0)
    }

    /// Whether it stands for the name and everything below it.
    pub fn is_subtree(&self) -> bool {
        self.0.starts_with('.')
    }

    /// Whether every name that `other` stands for is one this host stands for. As in Squid, `.example.org` covers `example.org`.
    pub fn covers(&self, other: &Host) -> bool {
        if self.is_subtree() {
            let (above, below) = (self.name(), other.name());
            below == above || below.strip_suffix(above).is_some_and(|rest| rest.ends_with('.'))
        } else {
            self.0 == other.0
        }
    }

    fn labels(&self) -> usize {
        self.name().split('.').count()
    }
}

impl FromStr for Host {
    type Err = HostRefused;

    fn from_str(text: &str) -> Result<Self, HostRefused> {
        // Long input is not repeated in the sentence: it would only fill somebody's status.
        if text.len() > NAME_BYTES + 1 {
            return Err(HostRefused::LongName(text.chars().count()));
        }
        let own = || text.to_owned();
        let name = text.strip_prefix('.').unwrap_or(text);
        if text.is_empty() {
            return Err(HostRefused::Empty);
        }
        if text.contains("://") {
            return Err(HostRefused::Scheme(own()));
        }
        if name.starts_with('[') || name.parse::<Ipv6Addr>().is_ok() {
            return Err(HostRefused::Address(own()));
        }
        if text.contains('@') {
            return Err(HostRefused::Userinfo(own()));
        }
        if text.contains(['/', '?', '#', '\\']) {
            return Err(HostRefused::Path(own()));
        }
        if text.contains(':') {
            return Err(HostRefused::Port(own()));
        }
        if text.contains('*') {
            return Err(HostRefused::Wildcard(own()));
        }
        if !text.is_ascii() {
            return Err(HostRefused::NotAscii(own()));
        }
        if text.contains(|c: char| c.is_ascii_uppercase()) {
            return Err(HostRefused::Uppercase(own()));
        }
        if let Some(found) = name.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-' | '.')) {
            return Err(HostRefused::Character { host: own(), found });
        }
        if name.is_empty() || name.starts_with('.') || name.contains("..") {
            return Err(HostRefused::EmptyLabel(own()));
        }
        if name.ends_with('.') {
            return Err(HostRefused::TrailingDot(own()));
        }
        if name.len() > NAME_BYTES {
            return Err(HostRefused::LongName(name.len()));
        }
        for label in name.split('.') {
            if label.len() > LABEL_BYTES {
                return Err(HostRefused::LongLabel { host: own(), length: label.len() });
            }
            if label.starts_with('-') || label.ends_with('-') {
                return Err(HostRefused::Hyphen { host: own(), label: label.to_owned() });
            }
        }
        let last = name.rsplit('.').next().unwrap_or(name);
        if reads_as_number(last) {
            return Err(HostRefused::Address(own()));
        }
        if !name.contains('.') {
            return Err(HostRefused::SingleLabel(own()));
        }
        Ok(Host(own()))
    }
}

/// No top-level domain is a number, and resolvers take `10.43.1`, `0x7f.1` and `2130706433` for addresses
/// (WHATWG URL, "ends in a number").
fn reads_as_number(label: &str) -> bool {
    let hex = label.strip_prefix("0x").is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
    hex || label.bytes().all(|b| b.is_ascii_digit())
}

impl TryFrom<String> for Host {
    type Error = HostRefused;

    fn try_from(text: String) -> Result<Self, HostRefused> {
        text.parse()
    }
}

impl From<Host> for String {
    fn from(host: Host) -> String {
        host.0
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Hosts of which none covers another, parents before children: the only form in which Squid takes a list without a warning
/// or a fatal error (`a.example` before `.example`, and `.example` beside `example`, both end the process).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostSet(Vec<Host>);

impl HostSet {
    /// Drops duplicates and whatever another entry covers.
    pub fn normalised(hosts: impl IntoIterator<Item = Host>) -> Self {
        let mut all: Vec<Host> = hosts.into_iter().collect();
        // Fewer labels first, and a subtree before its own apex: whatever covers an entry then stands before it.
        all.sort_by(|a, b| (a.labels(), !a.is_subtree(), a.name()).cmp(&(b.labels(), !b.is_subtree(), b.name())));
        let mut kept: Vec<Host> = Vec::with_capacity(all.len());
        for host in all {
            if !kept.iter().any(|above| above.covers(&host)) {
                kept.push(host);
            }
        }
        HostSet(kept)
    }

    /// Whether some entry covers `host`.
    pub fn covers(&self, host: &Host) -> bool {
        self.0.iter().any(|entry| entry.covers(host))
    }

    /// Whether everything in `other` is covered.
    pub fn covers_all(&self, other: &HostSet) -> bool {
        other.0.iter().all(|host| self.covers(host))
    }

    /// The entries.
    pub fn as_slice(&self) -> &[Host] {
        &self.0
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests;
