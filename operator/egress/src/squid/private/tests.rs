//! The table, and ranges that Squid would misread.

use super::*;

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

#[test]
fn every_row_is_a_range_without_host_bits_and_none_touches_the_mapped_addresses() {
    for range in private_ranges() {
        assert_eq!(range, range.trunc());
        if let IpNet::V6(v6) = range {
            assert!(!v6.contains(&mapped()) && !mapped().contains(&v6), "{range}");
        }
    }
}

#[test]
fn private_is_private_and_public_is_not() {
    for private in [
        "10.43.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.31.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "0.0.0.0",
        "255.255.255.255",
        "239.1.1.1",
        "::1",
        "::",
        "fe80::1",
        "fd00:ec2::254",
        "::ffff:10.43.0.1",
        "64:ff9b::a2b:1",
        "2002:a2b:1::",
        "ff02::1",
    ] {
        assert!(is_private(private.parse().unwrap(), &[]), "{private}");
    }
    for public in ["203.0.113.80", "1.1.1.1", "172.32.0.1", "2001:db8::80", "2606:4700::1111", "::ffff:203.0.113.80"] {
        assert!(!is_private(public.parse().unwrap(), &[]), "{public}");
    }
    assert!(is_private("203.0.113.80".parse().unwrap(), &[net("203.0.113.0/24")]));
}

#[test]
fn a_range_that_another_holds_is_dropped_and_host_bits_go() {
    let denied = denied_ranges(&[net("10.42.0.0/16"), net("203.0.113.9/24"), net("fe80::/9")]);
    assert!(!denied.contains(&net("10.42.0.0/16")) && denied.contains(&net("203.0.113.0/24")));
    assert!(denied.contains(&net("fe80::/9")) && !denied.contains(&net("fe80::/10")));
}

#[test]
fn mapped_ranges_become_ipv4_and_wider_ones_go_around_them() {
    assert_eq!(without_mapped(&net("::ffff:203.0.113.0/120")), [net("203.0.113.0/24")]);
    let pieces = without_mapped(&net("::/0"));
    assert_eq!(pieces.len(), 96);
    let inside = |text: &str| pieces.iter().any(|p| p.contains(&text.parse::<std::net::IpAddr>().unwrap()));
    assert!(inside("2001:db8::1") && inside("::1") && inside("::fffe:0:0") && !inside("::ffff:1.2.3.4"));
    assert_eq!(without_mapped(&net("2001:db8::1/32")), [net("2001:db8::/32")]);
}
