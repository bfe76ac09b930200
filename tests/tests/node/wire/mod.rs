//! From the network of an assistant's pod, as two users without capabilities: the one way out works, everything else is refused and
//! leaves no trace at the resolver or at an origin. Each refusal stands beside a control that shows its target alive.

mod house;
mod local;
mod outside;
mod row;

use assistant_tests::internet::{Record, now};
use assistant_tests::probe::{From, Seen};
use assistant_tests::space::Space;
use assistant_tests::suite::Suite;
use assistant_tests::{Outcome, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use house::House;
use row::{Control, Expect, Row, Unseen};
use std::time::Duration;

/// The assistant's own user, and one that no image knows.
const USERS: [u32; 2] = [65534, 12345];
/// Probes at a time.
const AT_A_TIME: usize = 6;

/// All of them.
pub fn tests(suite: &mut Suite) {
    suite.shared("one_way_out_and_no_other", table);
}

async fn table(space: Space) -> Outcome {
    let house = House::build(&space).await?;
    let began = now();
    let rows: Vec<Row> = outside::rows(&house).into_iter().chain(local::rows(&house)).collect();
    let results: Vec<(Row, Result<String, String>)> = stream::iter(rows)
        .map(|row| async {
            let result = tried(&space, &house, &row).await?;
            Ok::<_, assistant_tests::Failure>((row, result))
        })
        .buffer_unordered(AT_A_TIME)
        .try_collect()
        .await?;
    // The recorder writes counts every quarter of a second.
    tokio::time::sleep(Duration::from_millis(600)).await;
    let (packets, queries) =
        (space.world.internet.records("packets", &began).await?, space.world.internet.records("dns", &began).await?);
    let mut failed = Vec::new();
    for (row, result) in &results {
        let result = match result {
            Ok(said) => unseen(&house, row, &packets, &queries).map(|()| said.clone()),
            Err(why) => Err(why.clone()),
        };
        match result {
            Ok(said) => println!("  well    {:58} {said}", row.name),
            Err(why) => {
                println!("  FAILED  {:58} {why}", row.name);
                failed.push(format!("{}: {why}", row.name));
            }
        }
    }
    for agent in [&house.mine, &house.yours, &house.third] {
        let theirs: Vec<&Record> = packets.iter().filter(|packet| from(packet, &agent.address)).collect();
        ensure!(theirs.is_empty(), "packets of the agent pod {} arrived on the internet: {theirs:?}", agent.name);
    }
    house.end();
    println!("  {} rows as {USERS:?}", results.len());
    ensure!(failed.is_empty(), "{} of {} rows failed:\n{}", failed.len(), results.len(), failed.join("\n"));
    Ok(())
}

fn from(packet: &Record, address: &str) -> bool {
    let source = packet["src"].as_str().unwrap_or_default();
    source == address || source.strip_prefix(address).is_some_and(|rest| rest.starts_with(':'))
}

/// A row as both users, and its control. The outer error is one of the test's own.
async fn tried(space: &Space, house: &House, row: &Row) -> Outcome<Result<String, String>> {
    let mut said = Vec::new();
    for uid in USERS {
        let agent = From::Pod { namespace: space.name.clone(), pod: house.mine.name.clone(), uid };
        let seen = run(space, &agent, &row.arguments).await?;
        if !row.expect.met_by(&seen) {
            return Ok(Err(format!(
                "as {uid}: {} {}; expected {:?}; {}",
                seen.short(),
                seen.0["detail"],
                row.expect,
                row.arguments.join(" ")
            )));
        }
        said.push(seen.short());
    }
    said.dedup();
    let said = said.join(", then ");
    match &row.control {
        Control::Without(why) => Ok(Ok(format!("{said}   [{why}]"))),
        Control::Open(place, arguments) => {
            let seen = run(space, place, arguments).await?;
            Ok(if seen.open() {
                Ok(format!("{said}   [control: open]"))
            } else {
                Err(format!("its control did not get through: {} {}", seen.short(), seen.0))
            })
        }
    }
}

async fn run(space: &Space, place: &From, arguments: &[String]) -> Outcome<Seen> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    space.world.node.probe(place, &arguments).await
}

/// Nothing of a refused row may have arrived anywhere.
fn unseen(house: &House, row: &Row, packets: &[Record], queries: &[Record]) -> Result<(), String> {
    for mark in &row.unseen {
        match mark {
            Unseen::Name(name) => {
                if let Some(query) = queries.iter().find(|query| query["name"] == name.as_str()) {
                    return Err(format!("the resolver was asked for it: {query}"));
                }
            }
            Unseen::Address(address) => {
                let ours = |packet: &&Record| house.addresses().iter().any(|source| from(packet, source));
                let to = |packet: &&Record| {
                    let end = packet["dst"].as_str().unwrap_or_default();
                    end == address || end.starts_with(&format!("{address}:")) || end.starts_with(&format!("[{address}]:"))
                };
                if let Some(packet) = packets.iter().filter(to).find(ours) {
                    return Err(format!("a packet arrived there: {packet}"));
                }
            }
        }
    }
    if matches!(row.expect, Expect::Open { .. }) && !row.unseen.is_empty() {
        return Err("a row that expects to get through cannot be unseen".into());
    }
    Ok(())
}
