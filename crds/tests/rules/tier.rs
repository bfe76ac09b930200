//! Cases of AssistantTier.

use super::case::Case;
use super::policy::{label, labels, own_name, resources};
use serde_json::{Value, json};

const KIND: &str = "AssistantTier";

fn case(at: &str, good: Value, bad: Value, says: &'static str) -> Case {
    Case::new(KIND, at, good, bad, says)
}

pub fn cases() -> Vec<Case> {
    let mut all: Vec<Case> =
        [agent(), model(), credentials(), servers(), channels(), scheduling()].into_iter().flatten().collect();
    all.extend(own_name(KIND));
    for at in ["/spec/egressPolicyRef/name", "/spec/mcpServers/2/name"] {
        all.extend(label(KIND, at));
    }
    for claim in ["/spec/storage/state", "/spec/storage/workspace"] {
        all.extend(storage(claim));
    }
    for at in ["/spec/agent/resources", "/spec/sandbox/resources", "/spec/mcpServers/2/container/resources"] {
        all.extend(resources(KIND, at));
    }
    for at in ["/spec/agent/image", "/spec/sandbox/image", "/spec/mcpServers/2/container/image"] {
        all.push(case(
            at,
            json!("r.example.org:5000/a/b@sha256:0123"),
            json!("my image"),
            "image 'my image' is not the name of an image",
        ));
    }
    for at in [
        "/spec/agent/persona/configMapRef/name",
        "/spec/credentials/0/static/secretKeyRef/name",
        "/spec/sandbox/runtimeClassName",
    ] {
        all.push(case(at, json!("a.b-c"), json!("A"), "name 'A' cannot be the name of a Kubernetes object"));
    }
    all.extend(labels(KIND, "/spec/scheduling/nodeSelector"));
    all
}

fn agent() -> Vec<Case> {
    let command = |good: &str, bad: &str, says| case("/spec/agent/allowedCommands/0", json!(good), json!(bad), says);
    let approve = |good: &str, bad: &str, says| case("/spec/agent/autoApprove/0", json!(good), json!(bad), says);
    let config =
        |good: &str, bad: &str| case("/spec/agent/extraConfig", json!(good), json!(bad), "a table that decides about security");
    let mut all = vec![
        command("git", "", "is empty"),
        command("python3.13", "/bin/rm", "is a path"),
        command("g++", "*", "name every program on its own"),
        command("apt-get", "git push", "has arguments"),
        command("_x", "ls;rm", "characters a shell would act on"),
        command("git", "$(id)", "characters a shell would act on"),
        approve("web_fetch", "*", "would approve every tool"),
        approve("marvin__get_tasks", "marvin__get_*", "in a place where it is not allowed"),
        approve("gmail__*", "a tool", "is not the name of a tool"),
        case(
            "/spec/agent/autoApprove",
            json!(["notes__*"]),
            json!(["outlook__*"]),
            "'outlook__*' means all tools of an MCP server that",
        )
        .above(2),
        config("[memory]\nbackend = 'sqlite'\n# [gateway]\n", "[memory]\nbackend = 'sqlite'\n[gateway]\nhost = '::'\n"),
        config("[gateways]\n", "  [[ mcp.servers ]]\n"),
        config("gatewayish.host = 1", "gateway.host = '::'"),
        config("[cron.morning]\nprompt = 'look at [gateway]'", "\"security\" = { otp = { enabled = false } }"),
        config("", "['proxy']"),
    ];
    for table in assistant_crds::text::SECURITY_TABLES {
        all.push(config("[heartbeat]\n", &format!("[{table}.x]\n")));
    }
    all
}

fn model() -> Vec<Case> {
    let dollars = |good: &str, bad: &str, says| case("/spec/model/budget/maxUSD", json!(good), json!(bad), says);
    vec![
        case("/spec/model/name", json!("org/model:70b"), json!("my model"), "name 'my model' cannot be the name of a model"),
        dollars("5", "0.00", "is nothing"),
        dollars("0.50", "0,50", "has a comma"),
        dollars("999999.99", "$5", "has a currency"),
        dollars("10", "-5", "is not an amount of money"),
        dollars("10", "1000000", "at most 999999.99"),
    ]
}

fn credentials() -> Vec<Case> {
    let host = |good: &str, bad: &str, says| case("/spec/credentials/0/static/host", json!(good), json!(bad), says);
    // The credentials of the base object are referred to, so a third is added and named.
    let name = |good: &str, bad: &str, says| {
        let credential = |name: &str| json!([{"name": "marvin", "oauth": {"app": "Gmail"}}, {"name": "gmail", "oauth": {"app": "Gmail"}}, {"name": name, "oauth": {"app": "Gmail"}}]);
        case("/spec/credentials", credential(good), credential(bad), says).below("[2].name")
    };
    vec![
        case(
            "/spec/credentials/1/oauth",
            json!({"app": "GoogleCalendar"}),
            Value::Null,
            "credential 'gmail' has neither static nor oauth",
        )
        .above(1),
        case("/spec/credentials/0/oauth", Value::Null, json!({"app": "Gmail"}), "credential 'marvin' has both static and oauth")
            .above(1),
        name("a", "", "is empty"),
        name("a", "Marvin", "upper-case"),
        name("a", "a-", "begins or ends with a hyphen"),
        name("a", "a_b", "has characters that are not allowed"),
        host("api.example.org", ".example.org", "a credential goes to one host only"),
        host("api.example.org", "", "is empty"),
        host("api.example.org", "https://api.example.org", "has a scheme"),
        host("api.example.org", "api.example.org/v1", "has a path"),
        host("api.example.org", "*.example.org", "has a *"),
        host("api.example.org", "192.0.2.7", "is an IP address"),
        host("api.example.org", "api.example.org:443", "has a port"),
        host("api.example.org", "api.example.org.", "ends with a dot"),
        host("api.example.org", "bücher.example", "punycode"),
        host("api.example.org", "Api.example.org", "lower case"),
        host("api.example.org", "localhost", "only one part"),
        host("api.example.org", "api..example.org", "two dots in a row"),
        host("api.example.org", "192.0.2.0x7", "begins with a digit"),
        host("api.example.org", &format!("{}.example.org", "a".repeat(64)), "more than 63 characters"),
        host("api.example.org", "api_.example.org", "is not a host name"),
        case(
            "/spec/credentials/0/static/header",
            json!("Authorization"),
            json!("X-API-Token: abc"),
            "is not the name of an HTTP header",
        ),
        case("/spec/credentials/0/static/header", json!("X-Host"), json!("Host"), "steers the request itself"),
        case(
            "/spec/credentials/0/static/secretKeyRef/key",
            json!("tls.key"),
            json!("a key"),
            "key 'a key' cannot be a key of a Secret",
        ),
    ]
}

fn servers() -> Vec<Case> {
    let url = |good: &str, bad: &str, says| case("/spec/mcpServers/1/remote/url", json!(good), json!(bad), says);
    vec![
        case(
            "/spec/mcpServers/0/preset",
            json!({"name": "Calendar"}),
            Value::Null,
            "server 'marvin' has none of preset, remote and container",
        )
        .above(1),
        case(
            "/spec/mcpServers/0/remote",
            Value::Null,
            json!({"url": "https://a.example"}),
            "server 'marvin' has more than one of",
        )
        .above(1),
        case("/spec/mcpServers/2/container/port", json!(1), Value::Null, "transport Http needs port").above(1),
        case("/spec/mcpServers/2/container/transport", json!("Http"), json!("Stdio"), "port is only used with transport Http")
            .above(1),
        case("/spec/mcpServers/0/tools", json!(["a"]), json!([]), "tools is empty"),
        case("/spec/mcpServers/0/tools/0", json!("tasks.get/all"), json!("get_*"), "name every tool on its own"),
        case("/spec/mcpServers/0/tools/0", json!("get-tasks"), json!("get tasks"), "is not the name of a tool"),
        case(
            "/spec/mcpServers/0/credentials",
            json!(["gmail"]),
            json!(["todoist"]),
            "a credential that spec.credentials does not list",
        )
        .above(3),
        url("https://a.example", "http://a.example", "does not begin with https://"),
        url("https://a.example/", "https://me:secret@a.example/", "has a user name or a password"),
        url("https://a.example/mcp/v1", "https://a.example/mcp?token=1", "has a query or a fragment"),
        url("https://a.example/a@b:c", "https://a.example/#x", "has a query or a fragment"),
        url("https://a.example/x", "https://192.0.2.7/x", "has an IP address"),
        url("https://a.example/x", "https://[2001:db8::1]/x", "has an IP address"),
        url("https://a.example/x", "https://a.example:8443/x", "has a port"),
        url(&format!("https://a.example/{}", "a".repeat(64)), &format!("https://{}.example/x", "a".repeat(64)), "is not usable"),
        url("https://a.example/x", "https://A.example/x", "write it in lower case"),
    ]
}

fn channels() -> Vec<Case> {
    let mut all = vec![];
    let telegram = |good: &str, bad: &str, says| case("/spec/channels/telegram/allowFrom/0", json!(good), json!(bad), says);
    all.extend([
        telegram("1", "*", "would let anybody talk"),
        telegram("987654321", "@me", "is a user name, which can change hands"),
        telegram("987654321", "me", "is not a Telegram user id"),
    ]);
    for channel in ["signal", "whatsapp"] {
        let phone =
            |good: &str, bad: &str, says| case(&format!("/spec/channels/{channel}/allowFrom/0"), json!(good), json!(bad), says);
        all.extend([
            phone("+12025550123", "*", "would let anybody talk"),
            phone("+12025550123", "015112345678", "has no country code"),
            phone("+12025550123", "+49 151 12345678", "is not a phone number"),
        ]);
    }
    let matrix = |good: &str, bad: &str, says| case("/spec/channels/matrix/allowFrom/0", json!(good), json!(bad), says);
    all.extend([
        matrix("@a:b.example:8448", "*", "would let anybody talk"),
        matrix("@a:b.example", "a@b.example", "is not a Matrix user"),
    ]);
    for (channel, somebody) in
        [("telegram", "1"), ("signal", "+12025550123"), ("whatsapp", "+12025550123"), ("matrix", "@a:b.example")]
    {
        all.push(case(&format!("/spec/channels/{channel}/allowFrom"), json!([somebody]), json!([]), "allowFrom is empty"));
    }
    all
}

fn storage(claim: &str) -> Vec<Case> {
    let new = json!({"size": "5Gi", "storageClassName": "fast"});
    let own = json!({"existingClaim": "mine"});
    vec![
        case(claim, own.clone(), json!({"size": "5Gi", "existingClaim": "mine"}), "size and existingClaim are both given"),
        case(claim, json!({"size": "5Gi"}), json!({"storageClassName": "fast"}), "neither size nor existingClaim is given"),
        case(
            claim,
            new.clone(),
            json!({"existingClaim": "mine", "storageClassName": "fast"}),
            "storageClassName is only used for a new claim",
        ),
        case(claim, own.clone(), json!({"existingClaim": "other"}), "existingClaim cannot change while the tier exists")
            .before(own),
        case(claim, new.clone(), json!({"size": "5Gi"}), "storageClassName cannot change while the tier exists").before(new),
        case(&format!("{claim}/size"), json!("6Gi"), json!("4Gi"), "size '4Gi' is less than before ('5Gi')").before(json!("5Gi")),
        case(&format!("{claim}/size"), json!("1500Mi"), json!("5"), "size '5' is less than 1Mi"),
        case(&format!("{claim}/size"), json!("1Ti"), json!("5 GB"), "size '5 GB' is not a number of bytes"),
        case(&format!("{claim}/storageClassName"), json!("local-path"), json!("Fast"), "name 'Fast' cannot be the name"),
        case(claim, json!({"existingClaim": "a.b"}), json!({"existingClaim": "My Claim"}), "name 'My Claim' cannot be the name")
            .below(".existingClaim"),
    ]
}

fn scheduling() -> Vec<Case> {
    let at = |rest: &str| format!("/spec/scheduling/tolerations/0{rest}");
    vec![
        case(&at("/key"), json!("example.org/home"), json!("my key"), "key 'my key' cannot be the key of a label"),
        case(&at("/value"), json!(""), json!("-"), "value '-' cannot be the value of a label"),
        case(&at("/operator"), json!("Equal"), json!("Exists"), "operator Exists matches any value").above(1),
        case(&at("/key"), json!("a"), Value::Null, "operator Equal needs a key").above(1),
        case(&at("/effect"), json!("NoExecute"), json!("NoSchedule"), "tolerationSeconds is only used with effect NoExecute")
            .above(1),
    ]
}
