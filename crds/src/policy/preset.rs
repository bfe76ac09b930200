//! Named sets of hosts, so that nobody has to look up what Signal talks to. The hosts themselves are in `assistant-egress`, where
//! lanes are made of them; here are the names the API takes. No I/O.

use assistant_egress::Preset;
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
    /// The public Matrix homeserver; list others by hand.
    Matrix,
    /// The Gmail API and Google's token refresh.
    Gmail,
    /// Google's calendar MCP server and token refresh.
    GoogleCalendar,
    /// Amazing Marvin's API.
    Marvin,
    /// GitHub: git over HTTPS, the API, and what they download from.
    GitHub,
    /// Pulls from Docker Hub.
    DockerHub,
    /// Debian's package mirror and its security updates.
    Debian,
    /// The npm registry.
    Npm,
    /// The Python Package Index and its files.
    Pypi,
    /// The PrivateMode proxy: its API and the manifest it checks.
    PrivateMode,
}

impl HostPreset {
    /// Every preset, in the order of the reference.
    pub const ALL: [Self; 13] = [
        Self::Telegram,
        Self::Signal,
        Self::WhatsApp,
        Self::Matrix,
        Self::Gmail,
        Self::GoogleCalendar,
        Self::Marvin,
        Self::GitHub,
        Self::DockerHub,
        Self::Debian,
        Self::Npm,
        Self::Pypi,
        Self::PrivateMode,
    ];

    /// The name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Telegram => "Telegram",
            Self::Signal => "Signal",
            Self::WhatsApp => "WhatsApp",
            Self::Matrix => "Matrix",
            Self::Gmail => "Gmail",
            Self::GoogleCalendar => "GoogleCalendar",
            Self::Marvin => "Marvin",
            Self::GitHub => "GitHub",
            Self::DockerHub => "DockerHub",
            Self::Debian => "Debian",
            Self::Npm => "Npm",
            Self::Pypi => "Pypi",
            Self::PrivateMode => "PrivateMode",
        }
    }

    /// The hosts it stands for, written like `hosts` of a rule.
    pub fn hosts(self) -> &'static [&'static str] {
        Preset::from(self).names()
    }
}

impl From<HostPreset> for Preset {
    fn from(preset: HostPreset) -> Self {
        match preset {
            HostPreset::Telegram => Preset::Telegram,
            HostPreset::Signal => Preset::Signal,
            HostPreset::WhatsApp => Preset::WhatsApp,
            HostPreset::Matrix => Preset::Matrix,
            HostPreset::Gmail => Preset::Gmail,
            HostPreset::GoogleCalendar => Preset::GoogleCalendar,
            HostPreset::Marvin => Preset::Marvin,
            HostPreset::GitHub => Preset::GitHub,
            HostPreset::DockerHub => Preset::DockerHub,
            HostPreset::Debian => Preset::Debian,
            HostPreset::Npm => Preset::Npm,
            HostPreset::Pypi => Preset::Pypi,
            HostPreset::PrivateMode => Preset::PrivateMode,
        }
    }
}
