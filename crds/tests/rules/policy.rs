//! Cases of EgressPolicy, and of what both kinds share.

use super::case::Case;
use serde_json::{Value, json};

const KIND: &str = "EgressPolicy";

pub fn cases() -> Vec<Case> {
    let case = |at: &str, good: Value, bad: Value, says| Case::new(KIND, at, good, bad, says);
    let mut all = vec![
        case("/spec/rules/1/preset", json!("Signal"), Value::Null, "rule 'telegram' has neither hosts nor preset").above(1),
        case("/spec/rules/0/preset", Value::Null, json!("Signal"), "rule 'mail' has both hosts and preset").above(1),
        case("/spec/workloads/1/preset", json!("Signal"), Value::Null, "workload 'second' has neither hosts nor preset").above(1),
        case("/spec/workloads/0/preset", Value::Null, json!("Signal"), "workload 'privatemode' has both hosts and preset")
            .above(1),
        case("/spec/rules/0/components", json!(["MCP"]), Value::Null, "rule 'mail' names servers").above(1),
        case("/spec/rules/0/components", json!(["MCP"]), json!(["MCP", "Agent"]), "add components: [MCP]").above(1),
        case("/spec/rules/1/components", json!(["Agent"]), json!([]), "components is empty"),
        case("/spec/rules/0/tiers", json!(["updates", "tasks"]), json!([]), "tiers is empty"),
        case("/spec/rules/0/servers", Value::Null, json!([]), "servers is empty"),
        case(
            "/spec/rules/0/until",
            json!("2028-02-29T23:59:59.5+02:00"),
            json!("tomorrow"),
            "write it like 2026-12-01T00:00:00Z",
        ),
        case("/spec/rules/0/until", json!("2000-02-29T00:00:00Z"), json!("2026-12-01T00:00:00"), "not a time with a zone"),
        case(
            "/spec/rules/0/until",
            json!("2026-04-30T00:00:00Z"),
            json!("2026-04-31T00:00:00Z"),
            "a day that its month does not have",
        ),
        case(
            "/spec/rules/0/until",
            json!("2026-02-28T00:00:00Z"),
            json!("2026-02-29T00:00:00Z"),
            "a day that its month does not have",
        ),
        case(
            "/spec/rules/0/until",
            json!("2096-02-29T00:00:00Z"),
            json!("2100-02-29T00:00:00Z"),
            "a day that its month does not have",
        ),
        case("/spec/workloads/0/podSelector/matchLabels", json!({"app": "x"}), json!({}), "matchLabels is empty"),
    ];
    for list in ["/spec/rules/0/hosts", "/spec/except", "/spec/workloads/0/hosts"] {
        all.extend(hosts(list));
    }
    all.extend(own_name(KIND));
    all.extend(label(KIND, "/spec/rules/0/name"));
    all.extend(label(KIND, "/spec/workloads/0/name"));
    all.extend(label(KIND, "/spec/rules/0/tiers/0"));
    all.extend(label(KIND, "/spec/rules/0/servers/0"));
    all.extend(labels(KIND, "/spec/workloads/0/podSelector/matchLabels"));
    all.extend(labels(KIND, "/spec/proxy/nodeSelector"));
    all.extend(resources(KIND, "/spec/proxy/resources"));
    all
}

fn hosts(list: &str) -> Vec<Case> {
    let at = format!("{list}/0");
    let case = |good: &str, bad: &str, says| Case::new(KIND, &at, json!(good), json!(bad), says);
    vec![
        case("api.example.org", "", "is empty"),
        case("a.b.c.d.example", "https://api.example.org", "has a scheme in front"),
        case("api-2.example.org", "api.example.org/v1", "has a path"),
        case(".example.org", "*.example.org", "write a leading dot, e.g. .example.org"),
        case("4.example.org", "192.0.2.7", "is an IP address"),
        case("x4.example.org", "192.0.2.7:443", "is an IP address"),
        case("x4.example.org", "2001:db8::1", "is an IP address"),
        case("x4.example.org", "[2001:db8::1]:443", "is an IP address"),
        case("x4.example.org", "3221225991", "is an IP address"),
        case("api.example.org", "api.example.org:443", "has a port"),
        case("api.example.org", "api.example.org.", "ends with a dot"),
        case("xn--bcher-kva.example", "bücher.example", "punycode"),
        case("api.example.org", "API.example.org", "write it in lower case"),
        case("example.org", "localhost", "has only one part"),
        case(".example.org", ".org", "has only one part"),
        case("api.example.org", "api..example.org", "two dots in a row"),
        case("xn--p1ai.xn--p1ai", "192.0.2.0x7", "begins with a digit"),
        case("api.example.org", "-api.example.org", "is not a host name"),
        case("api.example.org", "api.example.org api", "is not a host name"),
        case(&format!("{}.example.org", "a".repeat(63)), &format!("{}.example.org", "a".repeat(64)), "more than 63 characters"),
    ]
}

/// Names of objects of our kinds.
pub fn own_name(kind: &'static str) -> Vec<Case> {
    let case = |good: String, bad: &str, says| Case::new(kind, "/metadata/name", json!(good), json!(bad), says).above(2);
    vec![
        case("a".repeat(40), &"a".repeat(41), "at most 40 characters"),
        case("home-2".into(), "2-home", "begin with a letter"),
        case("home".into(), "home.lab", "use lower-case letters, digits and hyphens"),
    ]
}

/// A name of letters, digits and hyphens.
pub fn label(kind: &'static str, at: &str) -> Vec<Case> {
    let case = |good: &str, bad: &str, says| Case::new(kind, at, json!(good), json!(bad), says);
    vec![
        case("a", "", "is empty"),
        case("a-1", "Home", "upper-case"),
        case("1a", "-home", "begins or ends with a hyphen"),
        case("1a", "home_lab", "has characters that are not allowed"),
    ]
}

/// A map of labels.
pub fn labels(kind: &'static str, at: &str) -> Vec<Case> {
    let value = format!("{at}/x");
    vec![
        Case::new(kind, at, json!({"example.org/role": "a"}), json!({"role of it": "a"}), "cannot be the key of a label"),
        Case::new(kind, &value, json!("a.b_C-1"), json!("a b"), "value 'a b' cannot be the value of a label"),
    ]
}

/// CPU and memory.
pub fn resources(kind: &'static str, at: &str) -> Vec<Case> {
    let mut all = vec![
        Case::new(
            kind,
            &format!("{at}/limits/cpu"),
            json!("100m"),
            json!("50m"),
            "limits.cpu '50m' is less than requests.cpu '100m'",
        )
        .above(2),
        Case::new(
            kind,
            &format!("{at}/limits/memory"),
            json!("128Mi"),
            json!("64Mi"),
            "limits.memory '64Mi' is less than requests.memory",
        )
        .above(2),
    ];
    for (part, right) in [("requests", "64Mi"), ("limits", "2Gi")] {
        let (cpu, memory) = (format!("{at}/{part}/cpu"), format!("{at}/{part}/memory"));
        all.push(Case::new(kind, &cpu, json!("1.5"), json!("two"), "cpu 'two' is not an amount of CPU"));
        all.push(Case::new(kind, &memory, json!(right), json!("lots"), "memory 'lots' is not a number of bytes"));
    }
    all.push(Case::new(kind, &format!("{at}/requests/memory"), json!("64Mi"), json!("512m"), "write a unit, e.g. 256Mi or 1Gi"));
    all
}
