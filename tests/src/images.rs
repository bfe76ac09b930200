//! Images on the node: the project's own, and stand-ins for the assistant that misbehave on purpose. I/O: scripts, files.

use crate::Outcome;
use crate::command::run;
use crate::node::Node;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Where images get their names (`k3s/images/names.env`).
pub const PREFIX: &str = "localhost/secure-assistant";
/// Their tag.
pub const TAG: &str = "dev";
/// The test client's image.
pub const PROBE: &str = "localhost/probe:test";
/// Set to `as-built`, nothing is built: the archives of the cache are used as they are.
const BUILD: &str = "TEST_IMAGES";

/// The assistant of this run: `agent-double`, or `agent` for the real ZeroClaw.
pub fn assistant() -> String {
    std::env::var("TEST_AGENT_IMAGE").ok().filter(|image| !image.is_empty()).unwrap_or_else(|| "agent-double".to_owned())
}

/// Builds what changed and imports what the node does not have yet. True: something new came to a node that had other images.
pub async fn import_all(node: &Node) -> Outcome<bool> {
    let agent = assistant();
    let mut images = vec!["operator", "guard", "egress", "model-double", "agent-double"];
    if agent != "agent-double" {
        images.push(&agent);
    }
    if std::env::var(BUILD).as_deref() != Ok("as-built") {
        let mut build = Command::new(node.root.join("k3s/images/build"));
        build.args(&images).env("SECURE_ASSISTANT_CACHE", &node.cache);
        run(build, Duration::from_secs(3600)).await?.good("k3s/images/build")?;
    }
    let stamp = node.state().join("run/tests-images");
    let known = std::fs::read_to_string(&stamp).unwrap_or_default();
    let mut lines = Vec::new();
    let mut changed = false;
    for image in images {
        let archive = node.cache.join(format!("images/{image}.tar"));
        let line = format!("{image} {}", digest(&archive).await?);
        if !known.lines().any(|there| there == line) {
            import(node, &archive).await?;
            changed = true;
        }
        lines.push(line);
    }
    std::fs::write(&stamp, lines.join("\n"))?;
    Ok(changed && !known.is_empty())
}

async fn digest(file: &Path) -> Outcome<String> {
    let mut command = Command::new("sha256sum");
    command.arg(file);
    let line = run(command, Duration::from_secs(60)).await?.good("sha256sum")?;
    Ok(line.split_whitespace().next().unwrap_or_default().to_owned())
}

async fn import(node: &Node, archive: &Path) -> Outcome {
    node.script("k3s/node/import", &[&archive.to_string_lossy()]).await?.good("k3s/node/import")?;
    Ok(())
}

/// A stand-in whose very first instruction dials an address, again and again, and that optionally ignores SIGTERM. Imported; its name.
pub async fn hostile(node: &Node, tag: &str, dial: &str, ignore_term: bool) -> Outcome<String> {
    let name = format!("{PREFIX}/hostile:{tag}");
    let archive = node.state().join(format!("run/hostile-{tag}.tar"));
    let mut command = Command::new("python3");
    command.arg(node.root.join("k3s/images/oci.py")).arg("image").arg(&archive).arg(&name);
    command.arg("--layer").arg(node.cache.join("stages/agent-double.tar.gz"));
    command.args([
        "--user",
        "65534:65534",
        "--workdir",
        "/zeroclaw-data",
        "--entrypoint",
        "[\"zeroclaw\"]",
        "--cmd",
        "[\"daemon\"]",
    ]);
    command.args(["--env", "HOME=/zeroclaw-data", "--env", "LANG=C.UTF-8"]);
    command.arg("--env").arg(format!("DOUBLE_FIRST_INSTRUCTION=dial:{dial}"));
    if ignore_term {
        command.args(["--env", "DOUBLE_IGNORE_TERM=1"]);
    }
    run(command, Duration::from_secs(60)).await?.good("k3s/images/oci.py")?;
    import(node, &archive).await?;
    Ok(name)
}
