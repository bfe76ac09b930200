//! The operator's settings: one file written by the chart, checked once at start. Reading the file is the only I/O.

use assistant_proof::ClosedTarget;
use ipnet::IpNet;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::net::SocketAddrV4;
use std::path::Path;

/// `--settings FILE` (YAML or JSON).
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// Images of what we run.
    pub images: Images,
    /// `Always`, `IfNotPresent` or `Never`, for all of them.
    pub image_pull_policy: String,
    /// The namespaces in which tiers are served. Elsewhere we may not read or write anything.
    pub namespaces: BTreeSet<String>,
    /// The OpenAI-compatible Service that tiers talk to.
    #[serde(default)]
    pub model: Option<ModelService>,
    /// Further address ranges that no tier may reach through its proxy.
    #[serde(default)]
    pub local_ranges: Vec<IpNet>,
    /// Further addresses that gates try and that must not answer.
    #[serde(default)]
    pub closed: Vec<ClosedTarget>,
    /// Names of the witness Services in the operator's namespace.
    pub witnesses: Witnesses,
}

/// Images by role; a repository with tag or digest each.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Images {
    /// `guard`, for gates.
    pub guard: String,
    /// Squid with guard.
    pub egress: String,
    /// The assistant, unless a tier names its own.
    pub agent: String,
}

/// A Service in the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ModelService {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The Service port.
    pub port: u16,
}

/// Names of the two witness Services.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Witnesses {
    /// Witness a.
    pub a: String,
    /// Witness b.
    pub b: String,
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// The file cannot be read.
    #[error("settings file {0}: {1}")]
    File(String, #[source] std::io::Error),
    /// It does not parse.
    #[error("settings: {0}")]
    Parse(String),
    /// A value is not allowed.
    #[error("settings: {field} is {found:?}; allowed: {allowed}")]
    Value {
        /// Field by its name in the file.
        field: &'static str,
        /// What was found.
        found: String,
        /// What is allowed.
        allowed: &'static str,
    },
}

impl Settings {
    /// Reads and checks a file.
    pub fn read(path: &Path) -> Result<Self, Unusable> {
        let text = std::fs::read_to_string(path).map_err(|error| Unusable::File(path.display().to_string(), error))?;
        Self::parse(&text)
    }

    /// Checks a document.
    pub fn parse(text: &str) -> Result<Self, Unusable> {
        let settings: Self = serde_saphyr::from_str(text).map_err(|error| Unusable::Parse(error.to_string()))?;
        let refuse = |field, found: &str, allowed| Err(Unusable::Value { field, found: found.to_owned(), allowed });
        for (field, image) in [
            ("images.guard", &settings.images.guard),
            ("images.egress", &settings.images.egress),
            ("images.agent", &settings.images.agent),
        ] {
            if image.is_empty() || image.chars().any(char::is_whitespace) {
                return refuse(field, image, "an image reference such as registry.example/name:tag");
            }
        }
        if !["Always", "IfNotPresent", "Never"].contains(&settings.image_pull_policy.as_str()) {
            return refuse("imagePullPolicy", &settings.image_pull_policy, "Always, IfNotPresent or Never");
        }
        if settings.namespaces.is_empty() {
            return refuse("namespaces", "[]", "at least one namespace in which tiers are served");
        }
        Ok(settings)
    }
}

/// What the pod itself knows, from the downward API and the service environment.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The operator's namespace.
    pub namespace: String,
    /// The operator's pod: holder of the lease, reporter of Events.
    pub pod: String,
    /// The API server's Service address, as a target that no tier may reach.
    pub api_server: Option<SocketAddrV4>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"images": {"guard": "g:1", "egress": "e:1", "agent": "a:1"}, "imagePullPolicy": "Never",
        "namespaces": ["assistants"], "witnesses": {"a": "witness-a", "b": "witness-b"}}"#;

    #[test]
    fn good_settings_parse() {
        assert!(Settings::parse(GOOD).is_ok());
    }

    #[test]
    fn a_typo_and_a_bad_value_are_named() {
        let typo = Settings::parse(&GOOD.replace("imagePullPolicy", "imagePullPolice")).expect_err("a typo").to_string();
        assert!(typo.contains("imagePullPolice"), "{typo}");
        let value = Settings::parse(&GOOD.replace("Never", "Sometimes")).expect_err("a bad value").to_string();
        assert!(value.contains("imagePullPolicy") && value.contains("Sometimes") && value.contains("IfNotPresent"), "{value}");
    }
}
