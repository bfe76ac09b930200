//! Named host sets, one table. Pure. A preset is a convenience for reading a policy: it allows exactly the hosts listed here.

use crate::Host;
use serde::{Deserialize, Serialize};

/// A named host set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is described by its row in the table below")]
pub enum Preset {
    Telegram,
    Signal,
    WhatsApp,
    Matrix,
    Gmail,
    GoogleCalendar,
    Marvin,
    GitHub,
    DockerHub,
    Debian,
    Npm,
    Pypi,
    PrivateMode,
}

impl Preset {
    /// Every preset there is.
    pub const ALL: [Preset; 13] = [
        Preset::Telegram,
        Preset::Signal,
        Preset::WhatsApp,
        Preset::Matrix,
        Preset::Gmail,
        Preset::GoogleCalendar,
        Preset::Marvin,
        Preset::GitHub,
        Preset::DockerHub,
        Preset::Debian,
        Preset::Npm,
        Preset::Pypi,
        Preset::PrivateMode,
    ];

    /// The hosts it stands for.
    pub fn hosts(self) -> Vec<Host> {
        self.names().iter().map(|name| name.parse().expect("a test parses every row of the table")).collect()
    }

    /// The table. The comment of a row says where its hosts come from.
    pub const fn names(self) -> &'static [&'static str] {
        match self {
            // Bot API, long polling and files: <https://core.telegram.org/bots/api#making-requests>
            Preset::Telegram => &["api.telegram.org"],
            // libsignal `rust/net/src/env.rs` (production), signal-cli `LiveConfig.java`
            Preset::Signal => &[
                "chat.signal.org",
                "grpc.chat.signal.org",
                "storage.signal.org",
                "cdn.signal.org",
                "cdn2.signal.org",
                "cdn3.signal.org",
                "cdsi.signal.org",
                "svr2.signal.org",
                "svrb.signal.org",
            ],
            // whatsapp-rust: the socket is one host, media hosts are chosen by the server below whatsapp.net
            Preset::WhatsApp => &["web.whatsapp.com", ".whatsapp.net"],
            // The public homeserver and its well-known host: <https://matrix.org/.well-known/matrix/client>; others are listed by hand
            Preset::Matrix => &["matrix.org", "matrix-client.matrix.org"],
            // <https://developers.google.com/workspace/gmail/api/reference/rest>, token refresh, and Google's own MCP server
            Preset::Gmail => &["gmail.googleapis.com", "gmailmcp.googleapis.com", "oauth2.googleapis.com"],
            // Google's MCP server and token refresh; the REST API lives on www.googleapis.com, which also takes uploads, and is left out
            Preset::GoogleCalendar => &["calendarmcp.googleapis.com", "oauth2.googleapis.com"],
            // <https://github.com/amazingmarvin/MarvinAPI/wiki/Marvin-API>
            Preset::Marvin => &["serv.amazingmarvin.com"],
            // <https://docs.github.com/en/rest> and git over HTTPS with its download hosts
            Preset::GitHub => &[
                "github.com",
                "api.github.com",
                "codeload.github.com",
                "raw.githubusercontent.com",
                "objects.githubusercontent.com",
                "release-assets.githubusercontent.com",
            ],
            // <https://docs.docker.com/desktop/setup/allow-list/>, pulls only
            Preset::DockerHub => &[
                "registry-1.docker.io",
                "auth.docker.io",
                "production.cloudflare.docker.com",
                "production.cloudfront.docker.com",
            ],
            // <https://www.debian.org/mirror/list> (the CDN) and <https://security.debian.org>
            Preset::Debian => &["deb.debian.org", "security.debian.org"],
            // <https://docs.npmjs.com/cli/using-npm/registry>
            Preset::Npm => &["registry.npmjs.org"],
            // <https://docs.pypi.org/api/>: the index and where its files are
            Preset::Pypi => &["pypi.org", "files.pythonhosted.org"],
            // The attesting proxy: its API and the manifest it checks: edgelesssys/privatemode-public, `privatemode-proxy`
            Preset::PrivateMode => &["api.privatemode.ai", "cdn.confidential.cloud"],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HostSet;

    #[test]
    fn every_row_is_made_of_valid_hosts_that_do_not_cover_each_other() {
        for preset in Preset::ALL {
            let hosts = preset.hosts();
            assert!(!hosts.is_empty(), "{preset:?}");
            assert_eq!(HostSet::normalised(hosts.clone()).as_slice().len(), hosts.len(), "{preset:?}");
        }
    }
}
