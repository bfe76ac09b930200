//! One object of each kind with every field filled, so that every rule is reached.

use assistant_crds::{AssistantTier, EgressPolicy};
use serde_json::{Value, json};

pub fn of(kind: &str) -> Value {
    match kind {
        "AssistantTier" => tier(),
        "EgressPolicy" => policy(),
        other => panic!("no kind {other}"),
    }
}

/// The Rust types read it.
pub fn decodes(kind: &str, object: Value) {
    match kind {
        "AssistantTier" => drop(serde_json::from_value::<AssistantTier>(object).unwrap()),
        "EgressPolicy" => drop(serde_json::from_value::<EgressPolicy>(object).unwrap()),
        other => panic!("no kind {other}"),
    }
}

fn resources() -> Value {
    json!({"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "2", "memory": "1Gi"}})
}

fn policy() -> Value {
    json!({
        "apiVersion": "assistant.home.arpa/v1alpha1",
        "kind": "EgressPolicy",
        "metadata": {"name": "home"},
        "spec": {
            "rules": [
                {
                    "name": "mail", "hosts": ["gmail.googleapis.com"], "tiers": ["updates"], "components": ["MCP"], "servers": ["gmail"],
                    "reason": "Gmail API for the mail tools", "until": "2026-12-01T00:00:00Z",
                },
                {"name": "telegram", "preset": "Telegram"},
            ],
            "except": [".evil.example"],
            "workloads": [
                {"name": "privatemode", "podSelector": {"matchLabels": {"app": "privatemode-proxy"}}, "hosts": ["api.privatemode.ai"], "reason": "model"},
                {"name": "second", "podSelector": {"matchLabels": {"app": "second"}}, "preset": "PrivateMode"},
            ],
            "proxy": {"resources": resources(), "nodeSelector": {"disk": "ssd"}},
        },
    })
}

fn tier() -> Value {
    json!({
        "apiVersion": "assistant.home.arpa/v1alpha1",
        "kind": "AssistantTier",
        "metadata": {"name": "updates"},
        "spec": {
            "egressPolicyRef": {"name": "home"},
            "agent": {
                "autonomy": "Supervised", "allowedCommands": ["git", "ls"], "autoApprove": ["memory_recall", "marvin__*"],
                "highRiskCommands": "Block", "workspaceAccess": "Confined", "persona": {"configMapRef": {"name": "updates-persona"}},
                "extraConfig": "[heartbeat]\nenabled = true\n", "image": "registry.example.org/agent:1", "resources": resources(),
            },
            "model": {"name": "assistant", "attestation": "Required", "budget": {"maxUSD": "5", "periodDays": 30}, "requestsPerMinute": 60},
            "credentials": [
                {"name": "marvin", "static": {"host": "serv.amazingmarvin.com", "header": "X-API-Token", "secretKeyRef": {"name": "marvin", "key": "token"}}},
                {"name": "gmail", "oauth": {"app": "Gmail"}},
            ],
            "mcpServers": [
                {"name": "marvin", "preset": {"name": "Marvin"}, "credentials": ["marvin"], "tools": ["get_tasks"]},
                {"name": "gmail", "remote": {"url": "https://gmailmcp.googleapis.com/mcp/v1"}, "credentials": ["gmail"], "tools": ["search"]},
                {
                    "name": "notes", "tools": ["read_note"],
                    "container": {"image": "registry.example.org/notes:1", "command": ["/notes"], "transport": "Http", "port": 8080, "resources": resources()},
                },
            ],
            "channels": {
                "telegram": {"allowFrom": ["123456789"]}, "signal": {"allowFrom": ["+4915112345678"]},
                "whatsapp": {"allowFrom": ["+4915112345678"]}, "matrix": {"allowFrom": ["@me:example.org"]},
            },
            "sandbox": {
                "containment": "Nested", "egress": "None", "image": "registry.example.org/shell:1", "runtimeClassName": "kata", "resources": resources(),
            },
            "storage": {
                "state": {"size": "2Gi", "storageClassName": "fast"}, "workspace": {"size": "5Gi", "storageClassName": "slow"}, "whenDeleted": "Retain",
            },
            "scheduling": {
                "nodeSelector": {"disk": "ssd"},
                "tolerations": [{"key": "home", "operator": "Equal", "value": "lab", "effect": "NoExecute", "tolerationSeconds": 60}],
            },
            "suspend": false,
        },
    })
}
