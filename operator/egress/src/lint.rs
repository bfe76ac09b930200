//! Warnings about hosts that anyone can have an account on: allowed is allowed, but data can leave through them. Pure.

use crate::{Host, Policy};

/// Who could receive data, by host. The entry with the longest name that covers the host is used.
const SHARED: &[(&str, &str)] = &[
    // messengers and mail
    ("api.telegram.org", "anyone's bot on api.telegram.org can receive data"),
    (".discord.com", "anyone's channel or webhook on Discord can receive data"),
    ("hooks.slack.com", "anyone's Slack workspace can receive data through a webhook"),
    ("api.mailgun.net", "anyone's Mailgun account can send the data on"),
    ("api.sendgrid.com", "anyone's SendGrid account can send the data on"),
    // Google: one name for many products and all their customers
    (".storage.googleapis.com", "anyone's bucket on storage.googleapis.com can receive data"),
    ("www.googleapis.com", "www.googleapis.com serves uploads to anyone's storage and Drive"),
    ("script.google.com", "anyone's script can receive data"),
    ("docs.google.com", "anyone's form or document can receive data"),
    // code and packages
    (".github.com", "anyone's repository, gist or issue can receive data"),
    ("github.com", "anyone's repository can receive data"),
    ("api.github.com", "anyone's repository, gist or issue can receive data"),
    (".githubusercontent.com", "anyone's repository answers here, so what is fetched can carry data in its name"),
    ("gitlab.com", "anyone's repository can receive data"),
    ("codeberg.org", "anyone's repository can receive data"),
    ("bitbucket.org", "anyone's repository can receive data"),
    ("registry.npmjs.org", "anyone can publish a package there"),
    ("upload.pypi.org", "anyone can publish a package there"),
    ("pypi.org", "anyone's package answers here, and what is asked for is counted in public"),
    ("files.pythonhosted.org", "anyone's package is served from here"),
    ("crates.io", "anyone can publish a package there"),
    ("rubygems.org", "anyone can publish a package there"),
    ("registry-1.docker.io", "anyone can push an image there"),
    ("ghcr.io", "anyone can push an image there"),
    ("quay.io", "anyone can push an image there"),
    // paste and file drops
    ("pastebin.com", "anyone can read what is pasted there"),
    ("paste.rs", "anyone can read what is pasted there"),
    ("hastebin.com", "anyone can read what is pasted there"),
    ("dpaste.org", "anyone can read what is pasted there"),
    ("transfer.sh", "anyone can fetch what is uploaded there"),
    ("file.io", "anyone can fetch what is uploaded there"),
    ("webhook.site", "anyone's inbox there can receive data"),
    (".requestbin.com", "anyone's inbox there can receive data"),
    (".ngrok.io", "anyone's tunnel can receive data"),
    (".ngrok-free.app", "anyone's tunnel can receive data"),
    (".trycloudflare.com", "anyone's tunnel can receive data"),
    ("ntfy.sh", "anyone's topic can receive data"),
    // storage and shared hosting
    (".r2.cloudflarestorage.com", "anyone's bucket can receive data"),
    (".r2.dev", "anyone's bucket answers there"),
    (".amazonaws.com", "anyone's bucket, function or gateway can receive data"),
    (".cloudfront.net", "anyone's distribution can receive data"),
    (".blob.core.windows.net", "anyone's storage account can receive data"),
    (".azurewebsites.net", "anyone's application can receive data"),
    (".digitaloceanspaces.com", "anyone's bucket can receive data"),
    (".backblazeb2.com", "anyone's bucket can receive data"),
    (".dropboxapi.com", "anyone's Dropbox can receive data"),
    (".workers.dev", "anyone's worker can receive data"),
    (".pages.dev", "anyone's site can receive data"),
    (".github.io", "anyone's site answers there"),
    (".herokuapp.com", "anyone's application can receive data"),
    (".vercel.app", "anyone's application can receive data"),
    (".netlify.app", "anyone's application can receive data"),
    (".fly.dev", "anyone's application can receive data"),
    (".onrender.com", "anyone's application can receive data"),
    (".web.app", "anyone's application can receive data"),
    (".firebaseio.com", "anyone's database can receive data"),
    (".appspot.com", "anyone's application can receive data"),
    (".run.app", "anyone's application can receive data"),
    (".duckdns.org", "anyone can have a name there"),
    (".dyndns.org", "anyone can have a name there"),
];

/// One sentence per finding, `rule <name>: …`, in the order of the rules and without duplicates. A subtree is also warned about
/// when it is wider than a shared host, because it then holds it.
pub fn warnings(policy: &Policy) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let of_rules = policy.rules.iter().map(|rule| (format!("rule {}", rule.name), rule.all_hosts()));
    let of_workloads = policy.workloads.iter().map(|w| (format!("workload {}", w.name), w.hosts.clone()));
    for (origin, hosts) in of_rules.chain(of_workloads) {
        for host in hosts {
            let shared = sentence(&host).map(|text| format!("{origin}: {text}"));
            let label = (shared.is_none() && host.is_subtree()).then(|| {
                format!("{origin}: {host} lets the client choose the label, and the label reaches whoever runs the name's DNS")
            });
            found.extend(shared.into_iter().chain(label));
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    found.retain(|text| seen.insert(text.clone()));
    found
}

fn sentence(host: &Host) -> Option<&'static str> {
    let entries = SHARED.iter().map(|(name, text)| (parsed(name), *text));
    let fitting = entries.filter(|(entry, _)| entry.covers(host) || host.covers(entry));
    // What covers the host says more about it than what lies below it; among those the longest.
    fitting.max_by_key(|(entry, _)| (entry.covers(host), entry.name().len(), !entry.is_subtree())).map(|(_, text)| text)
}

fn parsed(name: &str) -> Host {
    name.parse().expect("a test parses every row of the table")
}

#[cfg(test)]
mod tests;
