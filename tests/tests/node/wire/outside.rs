//! Rows about what is outside of the cluster: hosts, names, addresses and protocols. Pure.

use super::house::{House, NEIGHBOUR, NODE};
use super::row::{Control, Expect, Row, Unseen, words};
use assistant_tests::probe::From;
use assistant_tests::space::Lane;

/// `connect` through a lane, with its password.
pub fn connect(lane: &Lane, target: &str, more: &str) -> Vec<String> {
    let mut arguments =
        words(&format!("connect {} {target} --user {} --password {} --timeout 6000", lane.address, lane.user, lane.password));
    arguments.extend(words(more));
    arguments
}

/// All of them.
pub fn rows(house: &House) -> Vec<Row> {
    let mut rows = allowed(house);
    rows.extend(other_hosts(house));
    rows.extend(resolved(house));
    rows.extend(addresses(house));
    rows.extend(names(house));
    rows
}

fn row(name: &str, arguments: Vec<String>, expect: Expect, control: Control, unseen: Vec<Unseen>) -> Row {
    Row { name: name.to_owned(), arguments, expect, control, unseen }
}

fn allowed(house: &House) -> Vec<Row> {
    let lane = &house.lanes[0];
    let target = format!("{}:443", house.host("allowed"));
    let trusted = connect(lane, &target, &format!("--ca {}", house.ca.display()));
    let slow = connect(lane, &target, "--wait-before-hello 1500");
    let itself = || Control::Without("this is the way out itself");
    vec![
        row("the allowed host, with the origin's own certificate", trusted, Expect::Open { trusted: true }, itself(), vec![]),
        row("the allowed host, hello 1.5 s after the proxy's answer", slow, Expect::Open { trusted: false }, itself(), vec![]),
    ]
}

fn other_hosts(house: &House) -> Vec<Row> {
    let lane = &house.lanes[0];
    let through = |place: &From, address: &str| Control::Open(place.clone(), words(&format!("tcp {address}")));
    let outsider = &house.outsider;
    let name = |host: &str| Unseen::Name(house.host(host));
    let address = |address: &str| Unseen::Address(address.to_owned());
    let (other, yours, sni, ports) = (house.host("other"), house.host("yours"), house.host("sni"), house.host("ports"));
    let yours_lane = Control::Open(house.inside(&house.yours), connect(&house.lanes[1], &format!("{yours}:443"), ""));
    let mut rows = vec![
        row(
            "another host",
            connect(lane, &format!("{other}:443"), ""),
            Expect::NoWay,
            through(outsider, "203.0.113.105:443"),
            vec![name("other"), address("203.0.113.105")],
        ),
        // Its name is asked for by the control, in the lane that may.
        row(
            "the host of another tier of the same policy",
            connect(lane, &format!("{yours}:443"), ""),
            Expect::NoWay,
            yours_lane,
            vec![],
        ),
        row(
            "CONNECT to one name, ClientHello with another",
            connect(lane, &format!("{sni}:443"), &format!("--sni {other}")),
            Expect::NoWay,
            through(outsider, "203.0.113.102:443"),
            vec![address("203.0.113.102"), address("203.0.113.105"), name("other")],
        ),
        row(
            "CONNECT to one name, ClientHello with another allowed one",
            connect(lane, &format!("{sni}:443"), &format!("--sni {}", house.host("allowed"))),
            Expect::NoWay,
            through(outsider, "203.0.113.102:443"),
            vec![address("203.0.113.102")],
        ),
        row(
            "ClientHello without a name",
            connect(lane, &format!("{sni}:443"), "--no-sni"),
            Expect::NoWay,
            through(outsider, "203.0.113.102:443"),
            vec![address("203.0.113.102")],
        ),
        row(
            "plain HTTP inside the tunnel",
            connect(lane, &format!("{sni}:443"), "--plain"),
            Expect::NoWay,
            through(outsider, "203.0.113.102:443"),
            vec![address("203.0.113.102")],
        ),
    ];
    for port in [80, 8443, 22, 25, 993] {
        rows.push(row(
            &format!("port {port} of a listed host through the lane"),
            connect(lane, &format!("{ports}:{port}"), ""),
            Expect::NoWay,
            through(outsider, &format!("203.0.113.103:{port}")),
            vec![address("203.0.113.103"), name("ports")],
        ));
    }
    for (what, url, method) in [
        ("plain HTTP to a listed host", format!("http://{ports}/"), "GET"),
        ("plain HTTP with a body to a listed host", format!("http://{ports}/"), "POST"),
        ("plain HTTP to port 443 of a listed host", format!("http://{ports}:443/"), "GET"),
        ("FTP through the lane", format!("ftp://{ports}/"), "GET"),
        ("plain HTTP to another host", format!("http://{other}/"), "GET"),
    ] {
        let arguments = words(&format!(
            "http-proxy {} {url} --user {} --password {} --method {method}",
            lane.address, lane.user, lane.password
        ));
        rows.push(row(
            what,
            arguments,
            Expect::NoWay,
            through(outsider, "203.0.113.103:80"),
            vec![address("203.0.113.103"), name("other"), name("ports")],
        ));
    }
    rows
}

/// Listed names whose addresses are nobody's business. That they are resolved is in order; that anything arrives there is not.
fn resolved(house: &House) -> Vec<Row> {
    let lane = &house.lanes[0];
    let mut rows = Vec::new();
    let outside = |address: &str| Control::Open(house.outsider.clone(), words(&format!("tcp {address}")));
    for (name, what, address) in [
        ("private", "a private address", "192.168.7.7"),
        ("cgnat", "a carrier's address", "100.64.7.7"),
        ("metadata", "the metadata address", "169.254.169.254"),
        ("node", "the node", NODE),
        ("onlink", "the node's neighbour", NEIGHBOUR),
    ] {
        let arguments = connect(lane, &format!("{}:443", house.host(name)), "");
        rows.push(row(
            &format!("a listed name of {what}"),
            arguments,
            Expect::NoWay,
            outside(&format!("{address}:443")),
            vec![Unseen::Address(address.into())],
        ));
    }
    for (name, what, address) in [("pod", "a pod", &house.outsider_ip), ("service", "a Service", &house.outsider_service)] {
        let arguments = connect(lane, &format!("{}:443", house.host(name)), "");
        rows.push(row(
            &format!("a listed name of {what}"),
            arguments,
            Expect::NoWay,
            outside(&format!("{address}:8080")),
            vec![],
        ));
    }
    let mapped = connect(lane, &format!("{}:443", house.host("mapped")), "");
    rows.push(row(
        "a listed name of a mapped address",
        mapped,
        Expect::NoWay,
        outside("192.168.7.8:443"),
        vec![Unseen::Address("192.168.7.8".into())],
    ));
    let rebind = connect(lane, &format!("{}:443", house.host("rebind")), "--wait-before-hello 1500");
    let arrived = vec![Unseen::Address("192.168.7.9".into())];
    let moved = Row {
        expect: Expect::AnythingButThere,
        ..row("a name that becomes private after the 200", rebind, Expect::NoWay, outside("192.168.7.9:443"), arrived)
    };
    rows.push(moved);
    let both = connect(lane, &format!("{}:443", house.host("both")), "");
    let arrived = vec![Unseen::Address("192.168.7.10".into())];
    let either = Row {
        expect: Expect::AnythingButThere,
        ..row("a name with a private and a public address", both, Expect::NoWay, outside("192.168.7.10:443"), arrived)
    };
    rows.push(either);
    let loopback = connect(lane, &format!("{}:443", house.host("loopback")), "");
    rows.push(row(
        "a listed name of the loopback",
        loopback,
        Expect::NoWay,
        Control::Without("the proxy's own loopback is nobody else's"),
        vec![],
    ));
    rows
}

/// Addresses without a name.
fn addresses(house: &House) -> Vec<Row> {
    let lane = &house.lanes[0];
    let mut rows = Vec::new();
    for port in [443, 80, 8443, 22] {
        let arguments = words(&format!("tcp 203.0.113.110:{port}"));
        rows.push(row(
            &format!("bare IPv4, port {port}"),
            arguments.clone(),
            Expect::Refused,
            Control::Open(house.outsider.clone(), arguments),
            vec![Unseen::Address("203.0.113.110".into())],
        ));
    }
    let six = words("tcp [2001:db8:113::110]:443");
    rows.push(row(
        "bare IPv6",
        six.clone(),
        Expect::Refused,
        Control::Open(From::Node, six),
        vec![Unseen::Address("2001:db8:113::110".into())],
    ));
    let control = |address: &str, place: &From| Control::Open(place.clone(), words(&format!("tcp {address}")));
    rows.push(row(
        "bare IPv4 through the lane",
        connect(lane, "203.0.113.111:443", ""),
        Expect::NoWay,
        control("203.0.113.111:443", &house.outsider),
        vec![Unseen::Address("203.0.113.111".into())],
    ));
    rows.push(row(
        "bare IPv6 through the lane",
        connect(lane, "[2001:db8:113::111]:443", ""),
        Expect::NoWay,
        control("[2001:db8:113::111]:443", &From::Node),
        vec![Unseen::Address("2001:db8:113::111".into())],
    ));
    for (what, target) in
        [("as one number", "3405803887:443"), ("in hexadecimal", "0xcb00716f:443"), ("mapped", "[::ffff:203.0.113.111]:443")]
    {
        rows.push(row(
            &format!("an IPv4 address {what} through the lane"),
            connect(lane, target, ""),
            Expect::NoWay,
            control("203.0.113.111:443", &house.outsider),
            vec![Unseen::Address("203.0.113.111".into())],
        ));
    }
    let datagram = words("udp 203.0.113.112:443 68656c6c6f");
    rows.push(row(
        "UDP 443 (QUIC)",
        datagram.clone(),
        Expect::Refused,
        Control::Open(house.outsider.clone(), datagram),
        vec![Unseen::Address("203.0.113.112".into())],
    ));
    let echo = words("icmp 203.0.113.113 900");
    rows.push(row(
        "ICMP echo with a payload",
        echo.clone(),
        Expect::NoSocket,
        Control::Open(house.outsider.clone(), echo),
        vec![Unseen::Address("203.0.113.113".into())],
    ));
    let raw = words("icmp-raw 203.0.113.113 900");
    rows.push(row(
        "a raw ICMP socket",
        raw,
        Expect::NoSocket,
        Control::Without("nobody without capabilities has one"),
        vec![Unseen::Address("203.0.113.113".into())],
    ));
    rows
}

/// Name services.
fn names(house: &House) -> Vec<Row> {
    let mut rows = Vec::new();
    for (number, (server, what)) in
        [("10.43.0.10", "the cluster's DNS"), ("203.0.113.53", "a resolver outside"), ("203.0.113.114", "any address")]
            .iter()
            .enumerate()
    {
        for via in ["udp", "tcp"] {
            let secret = format!("dns{number}{via}.{}", house.domain);
            let control = Control::Open(house.outsider.clone(), words(&format!("dns {server} control-{secret} {via}")));
            let arguments = words(&format!("dns {server} {secret} {via}"));
            rows.push(row(&format!("DNS by {via} to {what}"), arguments, Expect::Refused, control, vec![Unseen::Name(secret)]));
        }
    }
    let encrypted = words("tcp 203.0.113.53:853");
    rows.push(row(
        "DNS over TLS (853)",
        encrypted.clone(),
        Expect::Refused,
        Control::Open(house.outsider.clone(), encrypted),
        vec![Unseen::Address("203.0.113.53".into())],
    ));
    let secret = format!("own-resolver.{}", house.domain);
    let own = words(&format!("dns 127.0.0.1 {secret}"));
    rows.push(row(
        "DNS to the pod's own nameserver",
        own,
        Expect::Refused,
        Control::Without("nobody listens there"),
        vec![Unseen::Name(secret)],
    ));
    rows
}
