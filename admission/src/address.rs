//! Where a request comes from, as coarsely as addresses are handed out.

use std::net::{IpAddr, Ipv6Addr};

/// What one IPv6 customer is given at least (RFC 6177): the rest of the address is theirs to choose.
const IPV6_BITS: u32 = 64;

/// The prefix of the address in `CF-Connecting-IP`: /32 of IPv4, /64 of IPv6; empty when there is none to be read.
///
/// Cloudflare sets this field itself and drops what the client sent under its name. `wrangler dev` sets it only where
/// the client did not: locally anybody may call from anywhere.
pub fn prefix(connecting_ip: Option<&str>) -> String {
    match connecting_ip.map(str::trim).map(str::parse::<IpAddr>) {
        Some(Ok(address)) => match address.to_canonical() {
            IpAddr::V4(address) => format!("{address}/32"),
            IpAddr::V6(address) => {
                let network = Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << (128 - IPV6_BITS)));
                format!("{network}/{IPV6_BITS}")
            }
        },
        Some(Err(_)) | None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn table() {
        for (field, expect) in [
            (None, ""),
            (Some(""), ""),
            (Some("unknown"), ""),
            (Some("203.0.113.7"), "203.0.113.7/32"),
            (Some(" 203.0.113.7 "), "203.0.113.7/32"),
            (Some("203.0.113.007"), ""),
            (Some("203.0.113.7:80"), ""),
            (Some("203.0.113.7, 198.51.100.1"), ""),
            (Some("::ffff:203.0.113.7"), "203.0.113.7/32"),
            (Some("::ffff:cb00:7107"), "203.0.113.7/32"),
            (Some("2001:db8:0:1:aaaa:bbbb:cccc:dddd"), "2001:db8:0:1::/64"),
            (Some("2001:0DB8:0000:0001::1"), "2001:db8:0:1::/64"),
            (Some("[2001:db8::1]"), ""),
            (Some("fe80::1%eth0"), ""),
            (Some("::1"), "::/64"),
        ] {
            assert_eq!(prefix(field), expect, "{field:?}");
        }
    }

    proptest! {
        #[test]
        fn one_network_has_one_prefix_however_an_address_is_written(high: u64, low: u64, other: u64) {
            // A network that holds no IPv4 addresses.
            prop_assume!(high != 0);
            let text = |low| Ipv6Addr::from_bits(u128::from(high) << 64 | u128::from(low)).to_string();
            prop_assert_eq!(prefix(Some(&text(low))), prefix(Some(&text(other).to_uppercase())));
        }

        #[test]
        fn any_text_is_a_prefix_or_none(text: String) {
            let prefix = prefix(Some(&text));
            prop_assert!(prefix.is_empty() || prefix.ends_with("/32") || prefix.ends_with("/64"));
        }
    }
}
