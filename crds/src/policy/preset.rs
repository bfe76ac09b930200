//! Named sets of hosts, so that nobody has to look up what Signal talks to. One table, no I/O.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A named set of hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum HostPreset {
    /// Telegram's Bot API.
    Telegram,
    /// What signal-cli needs.
    Signal,
    /// WhatsApp Web and its media.
    WhatsApp,
    /// The PrivateMode proxy: its API and the manifest it checks.
    PrivateMode,
}

impl HostPreset {
    /// Every preset, in the order of the reference.
    pub const ALL: [Self; 4] = [Self::Telegram, Self::Signal, Self::WhatsApp, Self::PrivateMode];

    /// The name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Telegram => "Telegram",
            Self::Signal => "Signal",
            Self::WhatsApp => "WhatsApp",
            Self::PrivateMode => "PrivateMode",
        }
    }

    /// The hosts it stands for, written like `hosts` of a rule.
    pub fn hosts(self) -> &'static [&'static str] {
        match self {
            Self::Telegram => &["api.telegram.org"],
            Self::Signal => &[
                "cdn.signal.org",
                "cdn2.signal.org",
                "cdn3.signal.org",
                "cdsi.signal.org",
                "chat.signal.org",
                "grpc.chat.signal.org",
                "storage.signal.org",
                "svr2.signal.org",
                "svrb.signal.org",
            ],
            // Media hosts are chosen by the server at run time, so the whole domain is needed.
            Self::WhatsApp => &["web.whatsapp.com", ".whatsapp.net"],
            Self::PrivateMode => &["api.privatemode.ai", "cdn.confidential.cloud"],
        }
    }
}
