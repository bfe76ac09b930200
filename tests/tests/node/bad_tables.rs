//! The table of bad input: what is spoilt, and the words a person must be told. Pure.

use serde_json::{Value, json};

/// One bad object: the good one with a merge patch.
pub struct Case {
    /// In a few words.
    pub what: &'static str,
    /// `AssistantTier` or `EgressPolicy`.
    pub kind: &'static str,
    /// What spoils it (RFC 7396).
    pub patch: Value,
    /// How it is told.
    pub told: Told,
}

/// How a person is told.
pub enum Told {
    /// The API server refuses it; the sentence holds this.
    AtOnce(&'static str),
    /// A condition is False with this reason, and so is Ready; the sentence holds the fragment.
    InCondition {
        /// Condition.
        type_: &'static str,
        /// Its reason.
        reason: &'static str,
        /// Part of its message.
        fragment: &'static str,
    },
}

/// All of them; those that are accepted come last, each replacing the one before.
pub fn cases() -> Vec<Case> {
    let mut all: Vec<Case> = Vec::new();
    all.extend(tiers().into_iter().map(|(what, spec, fragment)| at_once("AssistantTier", what, json!({"spec": spec}), fragment)));
    all.extend(
        names()
            .into_iter()
            .map(|(what, name, fragment)| at_once("AssistantTier", what, json!({"metadata": {"name": name}}), fragment)),
    );
    all.extend(hosts().into_iter().map(|(what, host, fragment)| {
        at_once("EgressPolicy", what, json!({"spec": {"rules": [{"name": "one", "hosts": [host]}]}}), fragment)
    }));
    all.extend(rules().into_iter().map(|(what, spec, fragment)| at_once("EgressPolicy", what, json!({"spec": spec}), fragment)));
    all.extend(later());
    all
}

fn at_once(kind: &'static str, what: &'static str, patch: Value, fragment: &'static str) -> Case {
    Case { what, kind, patch, told: Told::AtOnce(fragment) }
}

fn names() -> Vec<(&'static str, &'static str, &'static str)> {
    vec![
        ("a name that is too long", "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz", "at most 40 characters"),
        ("a name with a dot", "my.assistant", "metadata.name is not usable"),
        ("a name that begins with a digit", "1st", "metadata.name is not usable"),
    ]
}

fn tiers() -> Vec<(&'static str, Value, &'static str)> {
    let credential = |fields: Value| json!({"credentials": [fields]});
    let secret = json!({"name": "s", "key": "k"});
    vec![
        ("a field nobody knows", json!({"agnet": {}}), "agnet"),
        ("no policy", json!({"egressPolicyRef": null}), "egressPolicyRef"),
        ("a policy's name with capitals", json!({"egressPolicyRef": {"name": "Home"}}), "name 'Home' has upper-case letters"),
        ("no model", json!({"model": null}), "model"),
        ("an autonomy nobody knows", json!({"agent": {"autonomy": "Wild"}}), "Supervised"),
        ("a command with arguments", json!({"agent": {"allowedCommands": ["rm -rf"]}}), "command 'rm -rf' has arguments"),
        ("a command with a path", json!({"agent": {"allowedCommands": ["/bin/ls"]}}), "command '/bin/ls' is a path"),
        (
            "an approval that is no tool",
            json!({"agent": {"autoApprove": ["read it"]}}),
            "autoApprove 'read it' is not the name of a tool",
        ),
        (
            "an approval for a server that is not there",
            json!({"agent": {"autoApprove": ["nosuch__*"]}}),
            "that spec.mcpServers does not list",
        ),
        (
            "a security table in extraConfig",
            json!({"agent": {"extraConfig": "[gateway]\nhost = \"0.0.0.0\"\n"}}),
            "decides about security",
        ),
        ("an image that is none", json!({"agent": {"image": "no image"}}), "image 'no image' is not the name of an image"),
        (
            "less CPU than is set aside",
            json!({"agent": {"resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}}}),
            "limits.cpu '1' is less than requests.cpu '2'",
        ),
        (
            "an amount in words",
            json!({"agent": {"resources": {"limits": {"memory": "lots"}}}}),
            "memory 'lots' is not a number of bytes",
        ),
        (
            "a persona's name",
            json!({"agent": {"persona": {"configMapRef": {"name": "Not A Name"}}}}),
            "the name of a Kubernetes object",
        ),
        ("a negative size", json!({"storage": {"state": {"size": "-1Gi"}}}), "size"),
        (
            "a size and a claim",
            json!({"storage": {"state": {"size": "16Mi", "existingClaim": "mine"}}}),
            "size and existingClaim are both given",
        ),
        ("a claim that shrinks", json!({"storage": {"state": {"size": "8Mi"}}}), "a claim can grow but never shrink"),
        ("another storage class", json!({"storage": {"state": {"storageClassName": "fast"}}}), "storageClassName cannot change"),
        ("a credential of no kind", credential(json!({"name": "c"})), "credential 'c' has neither static nor oauth"),
        (
            "a credential for an address",
            credential(json!({"name": "c", "static": {"host": "10.0.0.1", "header": "X-T", "secretKeyRef": secret}})),
            "host '10.0.0.1' is an IP address",
        ),
        (
            "a credential in a steering header",
            credential(json!({"name": "c", "static": {"host": "api.example.org", "header": "Host", "secretKeyRef": secret}})),
            "cannot carry a secret",
        ),
        (
            "a server without tools",
            json!({"mcpServers": [{"name": "m", "preset": {"name": "Marvin"}, "tools": []}]}),
            "tools is empty",
        ),
        (
            "a server of no kind",
            json!({"mcpServers": [{"name": "m", "tools": ["t"]}]}),
            "server 'm' has none of preset, remote and container",
        ),
        (
            "a server with a credential nobody listed",
            json!({"mcpServers": [{"name": "m", "preset": {"name": "Marvin"}, "tools": ["t"], "credentials": ["no"]}]}),
            "a server uses a credential that spec.credentials does not list",
        ),
        ("a channel for nobody", json!({"channels": {"telegram": {"allowFrom": []}}}), "nobody could talk to the assistant"),
        ("a channel's user that is none", json!({"channels": {"telegram": {"allowFrom": ["@me"]}}}), "write the numeric user id"),
        (
            "a toleration that contradicts itself",
            json!({"scheduling": {"tolerations": [{"key": "a", "operator": "Exists", "value": "b"}]}}),
            "operator Exists matches any value",
        ),
        ("a label key that is none", json!({"scheduling": {"nodeSelector": {"a b": "c"}}}), "cannot be the key of a label"),
        ("a word where yes or no belongs", json!({"suspend": "maybe"}), "suspend"),
    ]
}

fn hosts() -> Vec<(&'static str, &'static str, &'static str)> {
    vec![
        ("a host that is an IPv4 address", "203.0.113.9", "is an IP address"),
        ("a host that is an IPv6 address", "2001:db8::1", "is an IP address"),
        ("a host with a scheme", "https://api.example.org", "has a scheme in front"),
        ("a host with a port", "api.example.org:443", "has a port"),
        ("a host with a path", "api.example.org/v1", "has a path"),
        ("a host with a star", "*.example.org", "write a leading dot"),
        ("a host with a dot at its end", "api.example.org.", "ends with a dot"),
        ("a host with capitals", "Api.example.org", "has upper-case letters"),
        ("a host with an umlaut", "müller.example", "write the name's punycode form"),
        ("a host of one word", "localhost", "has only one part"),
        ("a host with a space", "api example.org", "is not a host name"),
        ("two dots in a row", "api..example.org", "has two dots in a row"),
    ]
}

fn rules() -> Vec<(&'static str, Value, &'static str)> {
    let rule = |more: Value| {
        let mut rule = json!({"name": "one", "hosts": ["api.example.org"]});
        if let (Some(rule), Value::Object(more)) = (rule.as_object_mut(), more) {
            rule.extend(more);
        }
        json!({"rules": [rule]})
    };
    let many: Vec<Value> = (0..65).map(|n| json!({"name": format!("r{n}"), "hosts": ["api.example.org"]})).collect();
    vec![
        ("a rule with hosts and a preset", rule(json!({"preset": "Telegram"})), "rule 'one' has both hosts and preset"),
        ("a rule without hosts", json!({"rules": [{"name": "one"}]}), "rule 'one' has neither hosts nor preset"),
        (
            "two rules of one name",
            json!({"rules": [{"name": "a", "hosts": ["a.example.org"]}, {"name": "a", "hosts": ["b.example.org"]}]}),
            "uplicate",
        ),
        ("a time in words", rule(json!({"until": "tomorrow"})), "time 'tomorrow' is not a time with a zone"),
        ("a day that is not there", rule(json!({"until": "2026-02-30T00:00:00Z"})), "names a day that its month does not have"),
        ("servers without MCP", rule(json!({"servers": ["m"]})), "add components: [MCP]"),
        ("components that are empty", rule(json!({"components": []})), "components is empty"),
        ("tiers that are empty", rule(json!({"tiers": []})), "tiers is empty"),
        (
            "a workload that means every pod",
            json!({"workloads": [{"name": "w", "hosts": ["api.example.org"], "podSelector": {"matchLabels": {}}}]}),
            "matchLabels is empty",
        ),
        ("too many rules", json!({"rules": many}), "at most 64 items"),
        ("an exception that is no host", json!({"except": ["*"]}), "host '*' has a *"),
    ]
}

fn in_condition(kind: &'static str, what: &'static str, spec: Value, [type_, reason, fragment]: [&'static str; 3]) -> Case {
    Case { what, kind, patch: json!({"spec": spec}), told: Told::InCondition { type_, reason, fragment } }
}

fn later() -> Vec<Case> {
    let tier = |what, spec, told| in_condition("AssistantTier", what, spec, told);
    let policy = |what, spec, told| in_condition("EgressPolicy", what, spec, told);
    let secret = json!({"name": "s", "key": "k"});
    vec![
        tier(
            "credentials, which are not there yet",
            json!({"credentials": [{"name": "c", "static": {"host": "api.example.org", "header": "X-T", "secretKeyRef": secret}}]}),
            ["Ready", "Unsupported", "spec.credentials[c]"],
        ),
        tier(
            "servers, which are not there yet",
            json!({"mcpServers": [{"name": "m", "preset": {"name": "Marvin"}, "tools": ["t"]}]}),
            ["Ready", "Unsupported", "spec.mcpServers[m]"],
        ),
        tier(
            "channels, which are not there yet",
            json!({"channels": {"telegram": {"allowFrom": ["123"]}}}),
            ["Ready", "Unsupported", "spec.channels"],
        ),
        tier("a sandbox, which is not there yet", json!({"sandbox": {}}), ["Ready", "Unsupported", "spec.sandbox"]),
        tier(
            "a budget, which is not there yet",
            json!({"model": {"budget": {"maxUSD": "5", "periodDays": 30}}}),
            ["Ready", "Unsupported", "spec.model.budget"],
        ),
        tier(
            "a rate, which is not there yet",
            json!({"model": {"requestsPerMinute": 60}}),
            ["Ready", "Unsupported", "spec.model.requestsPerMinute"],
        ),
        tier(
            "extraConfig that is no TOML",
            json!({"agent": {"extraConfig": "[cron]\nevery = \n"}}),
            ["Ready", "ExtraConfigInvalid", "line 2"],
        ),
        tier(
            "extraConfig with a table nobody knows",
            json!({"agent": {"extraConfig": "[frobnicate]\na = 1\n"}}),
            ["Ready", "ExtraConfigRefused", "[frobnicate]"],
        ),
        tier(
            "a persona that is not there",
            json!({"agent": {"persona": {"configMapRef": {"name": "nobody"}}}}),
            ["Ready", "PersonaMissing", "\"nobody\""],
        ),
        tier(
            "a model that must be attested",
            json!({"model": {"attestation": "Required"}}),
            ["ModelReady", "UnattestedModel", "spec.model.attestation"],
        ),
        tier(
            "a policy that is not there",
            json!({"egressPolicyRef": {"name": "nowhere"}}),
            ["EgressReady", "PolicyMissing", "\"nowhere\""],
        ),
        policy(
            "a component that is not there yet",
            json!({"rules": [{"name": "one", "hosts": ["api.example.org"], "components": ["MCP"]}]}),
            ["Ready", "Unsupported", "spec.rules[one].components"],
        ),
        policy(
            "workloads, which are not there yet",
            json!({"workloads": [{"name": "w", "hosts": ["api.example.org"], "podSelector": {"matchLabels": {"a": "b"}}}]}),
            ["Ready", "Unsupported", "spec.workloads[w]"],
        ),
    ]
}
