//! One row of the table: what is tried, what must come of it, and what shows that the target was alive. Pure.

use assistant_tests::probe::{From, Seen};

/// See the module.
pub struct Row {
    /// What a person calls it.
    pub name: String,
    /// `probe`'s arguments.
    pub arguments: Vec<String>,
    /// What must come of it.
    pub expect: Expect,
    /// What shows that there was something to reach.
    pub control: Control,
    /// Where no trace of it may be.
    pub unseen: Vec<Unseen>,
}

/// What must come of a probe.
#[derive(Debug)]
pub enum Expect {
    /// It gets through; with a certificate that the internet's CA signed, where `trusted`.
    Open {
        /// The origin's own certificate arrives.
        trusted: bool,
    },
    /// The network does not let it through.
    Refused,
    /// The proxy, or the network before it, ends it: anything but success and a fault of the client's own.
    NoWay,
    /// The proxy asks for a password.
    AskedForPassword,
    /// Whatever the proxy makes of it, the forbidden address never sees a packet.
    AnythingButThere,
    /// The kernel does not make such a socket.
    NoSocket,
}

impl Expect {
    /// Whether it did.
    pub fn met_by(&self, seen: &Seen) -> bool {
        match self {
            Self::Open { trusted } => seen.open() && (!trusted || seen.0["trusted"] == true),
            Self::Refused => seen.closed(),
            // "error:EADDRNOTAVAIL" and its like would be the client's fault; "error:remote error: tls: …" is the proxy's word.
            Self::NoWay => {
                seen.closed() || seen.outcome().starts_with("error:remote error") || seen.outcome().starts_with("error:tls")
            }
            Self::AskedForPassword => seen.status() == 407,
            Self::AnythingButThere => !seen.outcome().starts_with("error:E"),
            Self::NoSocket => seen.stage() == "socket" && ["error:EACCES", "error:EPERM"].contains(&seen.outcome()),
        }
    }
}

/// What shows that there was something to reach.
pub enum Control {
    /// The same, or nearly, from a place that may: it must get through.
    Open(From, Vec<String>),
    /// There cannot be one here, for this reason.
    Without(&'static str),
}

/// Where no trace may be.
pub enum Unseen {
    /// The resolver was never asked for this name.
    Name(String),
    /// No packet of any pod of the house came to this address.
    Address(String),
}

/// Arguments from words.
pub fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}
