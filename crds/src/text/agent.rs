//! What an assistant may do, and its model. Schema functions; pure.

use super::{set, text};
use crate::rule;
use schemars::{Schema, SchemaGenerator};

/// Tables of ZeroClaw's configuration that decide about security. The operator writes them, nobody else.
pub const SECURITY_TABLES: [&str; 12] = [
    "agents",
    "channels",
    "gateway",
    "mcp",
    "peer_groups",
    "providers",
    "proxy",
    "risk_profiles",
    "runtime",
    "runtime_profiles",
    "secrets",
    "security",
];

/// Programs the shell tool may start.
pub fn commands(_: &mut SchemaGenerator) -> Schema {
    set(
        64,
        text(
            64,
            &[rule::because(
                "command",
                "self.matches('^[A-Za-z0-9_][A-Za-z0-9._+-]*$')",
                &[
                    ("self == ''", "is empty; write the name of a program, e.g. git"),
                    ("self.contains('/')", "is a path; write the program's name alone, e.g. git"),
                    ("self.contains('*')", "has a *; name every program on its own"),
                    ("self.contains(' ')", "has arguments; write the program's name alone, e.g. git"),
                ],
                "has characters a shell would act on; write a program's name of letters, digits, dots, hyphens, underscores and plus signs",
                "a command is the name of a program without path and arguments, e.g. git",
            )],
        ),
        &[],
    )
}

/// Tools used without asking.
pub fn approvals(_: &mut SchemaGenerator) -> Schema {
    set(
        128,
        text(
            128,
            &[rule::because(
                "autoApprove",
                "self.matches('^[A-Za-z0-9][A-Za-z0-9_.-]*$') || self.matches('^[a-z0-9]([a-z0-9-]*[a-z0-9])?__[*]$')",
                &[
                    ("self == '*'", "would approve every tool; name tools, or all tools of one MCP server, e.g. marvin__*"),
                    (
                        "self.contains('*')",
                        "has a * in a place where it is not allowed; only all tools of one MCP server can be meant, e.g. marvin__*",
                    ),
                ],
                "is not the name of a tool; write a tool (memory_recall), a tool of an MCP server (marvin__get_tasks) or all of a server's (marvin__*)",
                "an entry is a tool (memory_recall), a tool of an MCP server (marvin__get_tasks) or all of a server's (marvin__*)",
            )],
        ),
        &[],
    )
}

/// Tools of an MCP server.
pub fn tools(_: &mut SchemaGenerator) -> Schema {
    set(
        128,
        text(
            128,
            &[rule::because(
                "tool",
                "self.matches('^[A-Za-z0-9][A-Za-z0-9_./-]*$')",
                &[(
                    "self.contains('*')",
                    "has a *; name every tool on its own, so that a tool the server adds later is not allowed by itself",
                )],
                "is not the name of a tool; use letters, digits, underscores, hyphens, dots and slashes",
                "a tool is named by letters, digits, underscores, hyphens, dots and slashes",
            )],
        ),
        &[rule::fixed(
            "size(self) > 0",
            "tools is empty, so the assistant could use none; name the tools it may use, or leave the server out",
        )],
    )
}

/// Further configuration.
pub fn extra_config(_: &mut SchemaGenerator) -> Schema {
    let names = SECURITY_TABLES.join("|");
    // As a table, `[gateway]`, `[[mcp.servers]]`, and as a key, `gateway.host = …`, `gateway = {…}`. The controller reads the TOML for real; this
    // catches the plain mistake at once.
    let quote = r#"["\\x27]?"#;
    let table = format!("(?m)^[ \\\\t]*\\\\[\\\\[?[ \\\\t]*{quote}({names}){quote}[ \\\\t]*[.\\\\]]");
    let key = format!("(?m)^[ \\\\t]*{quote}({names}){quote}[ \\\\t]*([.]|=[ \\\\t]*[{{])");
    let sentence = format!(
        "extraConfig names a table that decides about security and is written by the operator ({}); use the fields of the tier instead",
        SECURITY_TABLES.join(", ")
    );
    text(16_384, &[rule::fixed(&format!("!self.matches('{table}') && !self.matches('{key}')"), &sentence)])
}

/// Name of a model.
pub fn model_name(_: &mut SchemaGenerator) -> Schema {
    text(
        128,
        &[rule::telling(
            "self.matches('^[A-Za-z0-9][A-Za-z0-9._:/@-]*$')",
            "\"name '\" + self + \"' cannot be the name of a model; use letters, digits and any of . _ : / @ -\"",
            "the name of a model is letters, digits and any of . _ : / @ -",
        )],
    )
}

/// An amount of money.
pub fn dollars(_: &mut SchemaGenerator) -> Schema {
    text(
        12,
        &[rule::because(
            "maxUSD",
            "self.matches('^(0|[1-9][0-9]{0,5})([.][0-9]{1,2})?$') && self.matches('[1-9]')",
            &[
                ("self.matches('^[0.]+$')", "is nothing; to stop the assistant set suspend to true"),
                ("self.contains(',')", "has a comma; write a dot before the cents, e.g. 0.50"),
                (
                    "self.contains('$') || self.matches('[A-Za-z]')",
                    "has a currency; write the number of US dollars alone, e.g. 5",
                ),
            ],
            "is not an amount of money; write US dollars, at most 999999.99, e.g. 5 or 0.50",
            "maxUSD is an amount of US dollars as text, above zero and at most 999999.99, e.g. 5 or 0.50",
        )],
    )
}
