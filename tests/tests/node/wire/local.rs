//! Rows about what is inside the cluster and on the node: pods, Services, the node's own ports, lanes of others. Pure.

use super::house::{House, NODE, NODE_PORTS};
use super::outside::connect;
use super::row::{Control, Expect, Row, words};
use assistant_tests::install::NODE_PORT;
use assistant_tests::probe::From;
use assistant_tests::space::Lane;

/// All of them.
pub fn rows(house: &House) -> Vec<Row> {
    let mut rows = own_ways(house);
    rows.extend(ports(house));
    rows.extend(lanes(house));
    rows
}

fn row(name: &str, arguments: Vec<String>, expect: Expect, control: Control) -> Row {
    Row { name: name.to_owned(), arguments, expect, control, unseen: vec![] }
}

/// The few peers it needs.
fn own_ways(house: &House) -> Vec<Row> {
    let itself = || Control::Without("this is a way it has");
    vec![
        row("its model", words(&format!("tcp {}:8080", house.model_service)), Expect::Open { trusted: false }, itself()),
        row("witness control", words(&format!("tcp {}:7070", house.witness)), Expect::Open { trusted: false }, itself()),
        row(
            "control of its egress pod",
            words(&format!("tcp {}:3129", house.egress.address)),
            Expect::Open { trusted: false },
            itself(),
        ),
    ]
}

fn ports(house: &House) -> Vec<Row> {
    let outsider = || house.outsider.clone();
    let node = || From::Node;
    let nonce = "30".repeat(32) + "0a";
    let mut rows = vec![
        tried("the API server by its Service", "tcp 10.43.0.1:443", outsider()),
        tried("the API server on the node", &format!("tcp {NODE}:6443"), outsider()),
        tried("the kubelet", &format!("tcp {NODE}:10250"), outsider()),
        tried("a NodePort", &format!("tcp {NODE}:{NODE_PORT}"), outsider()),
        tried("a process on the node in the NodePort range", &format!("tcp {NODE}:{}", NODE_PORTS[0]), node()),
        tried("a process on the node in the NodePort range, UDP", &format!("udp {NODE}:{} 6869", NODE_PORTS[0]), node()),
        tried("a process on the node", &format!("tcp {NODE}:{}", NODE_PORTS[1]), outsider()),
        // By the bridge's address, which is also the one that the node answers from.
        tried("a process on the node, UDP", &format!("udp 10.42.0.1:{} 6869", NODE_PORTS[1]), outsider()),
        tried("a process on the node by the bridge's address", &format!("tcp 10.42.0.1:{}", NODE_PORTS[1]), outsider()),
        tried("a process on the node in the range, by the bridge's address", &format!("tcp 10.42.0.1:{}", NODE_PORTS[0]), node()),
        tried("a pod of nobody", &format!("tcp {}:8080", house.outsider_ip), node()),
        tried("a pod of nobody, UDP", &format!("udp {}:8080 6869", house.outsider_ip), node()),
        tried("a Service of nobody", &format!("tcp {}:8080", house.outsider_service), outsider()),
        tried("a pod that looks like the model in another namespace", &format!("tcp {}:8080", house.second_model_ip), outsider()),
        tried("its Service", &format!("tcp {}:8080", house.second_model_service), outsider()),
        tried("the model's Service on another port", &format!("tcp {}:8081", house.model_service), outsider()),
        tried("another tier's gateway", &format!("tcp {}:42617", house.yours.address), node()),
        tried("another tier's gateway by its Service", &format!("tcp {}:42617", house.yours_service), node()),
        tried("a gateway in another policy's tier", &format!("tcp {}:42617", house.third.address), node()),
        tried("the admin port of its egress pod", &format!("tcp {}:3128", house.egress.address), node()),
        tried("the admin port of another egress pod", &format!("tcp {}:3128", house.other_egress.address), node()),
        tried("control of another egress pod", &format!("tcp {}:3129", house.other_egress.address), node()),
        tried("the witness's canary", &format!("tcp {}:7071", house.witness), outsider()),
        tried("the witness's canary by UDP", &format!("udp {}:7071 {nonce}", house.witness), outsider()),
    ];
    // Nothing listens on that port of the model: closed either way, and nothing to control.
    if let Some(row) = rows.iter_mut().find(|row| row.name.ends_with("another port")) {
        row.control = Control::Without("the Service has no such port");
    }
    let neighbours = words("ll 7070 7071 8080 10250 6443 42617 3128 --timeout 1200");
    rows.push(row(
        "every neighbour's IPv6 link-local address",
        neighbours,
        Expect::Refused,
        Control::Without("test link_local_is_open_without_the_node_rule"),
    ));
    rows
}

/// Refused here, open from there.
fn tried(name: &str, arguments: &str, place: From) -> Row {
    row(name, words(arguments), Expect::Refused, Control::Open(place, words(arguments)))
}

fn lanes(house: &House) -> Vec<Row> {
    let [mine, yours, third] = &house.lanes;
    let (allowed, host_of_yours, host_of_third) = (
        format!("{}:443", house.host("allowed")),
        format!("{}:443", house.host("yours")),
        format!("{}:443", house.host("third")),
    );
    let by_pod = |lane: &Lane, address: &str| {
        let port = lane.address.rsplit(':').next().unwrap_or_default();
        Lane { address: format!("{address}:{port}"), ..lane.clone() }
    };
    let with = |lane: &Lane, user: &str, password: &str| Lane { user: user.into(), password: password.into(), ..lane.clone() };
    let in_yours = || Control::Open(house.inside(&house.yours), connect(yours, &host_of_yours, ""));
    let in_third = || Control::Open(house.inside(&house.third), connect(third, &host_of_third, ""));
    let in_mine = || Control::Open(house.inside(&house.mine), connect(mine, &allowed, ""));
    let no_password = |lane: &Lane, target: &str| words(&format!("connect {} {target} --timeout 6000", lane.address));
    vec![
        row("its own lane without a password", no_password(mine, &allowed), Expect::AskedForPassword, in_mine()),
        row(
            "its own lane with a wrong password",
            connect(&with(mine, &mine.user, "wrong"), &allowed, ""),
            Expect::AskedForPassword,
            in_mine(),
        ),
        row(
            "its own lane with another lane's password",
            connect(&with(mine, &yours.user, &yours.password), &allowed, ""),
            Expect::NoWay,
            in_mine(),
        ),
        row("another tier's lane without a password", no_password(yours, &host_of_yours), Expect::Refused, in_yours()),
        row(
            "another tier's lane with a wrong password",
            connect(&with(yours, &yours.user, "wrong"), &host_of_yours, ""),
            Expect::Refused,
            in_yours(),
        ),
        row("another tier's lane with its right password", connect(yours, &host_of_yours, ""), Expect::Refused, in_yours()),
        row(
            "the same by the pod's address",
            connect(&by_pod(yours, &house.egress.address), &host_of_yours, ""),
            Expect::Refused,
            in_yours(),
        ),
        row("another policy's lane without a password", no_password(third, &host_of_third), Expect::Refused, in_third()),
        row("another policy's lane with its right password", connect(third, &host_of_third, ""), Expect::Refused, in_third()),
        row(
            "the same by that pod's address",
            connect(&by_pod(third, &house.other_egress.address), &host_of_third, ""),
            Expect::Refused,
            in_third(),
        ),
    ]
}
