//! Which addresses are somebody's on the public internet, by the registries of special-purpose addresses (RFC 6890 and
//! IANA's tables after it).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The public internet.
    Public,
    /// This machine.
    Loopback,
    /// A network of its owner's own, a carrier's shared one included.
    Private,
    /// The next cable, where clouds keep the metadata of their machines.
    LinkLocal,
    /// Documentation, benchmarks, groups, or nothing yet.
    Reserved,
    /// Another way to write an IPv4 address: who sends there means something else than it says.
    Embedded,
}

impl Purpose {
    /// With its article, for refusals.
    pub fn words(self) -> &'static str {
        match self {
            Self::Public => "a public address",
            Self::Loopback => "a loopback address",
            Self::Private => "a private address",
            Self::LinkLocal => "a link-local or metadata address",
            Self::Reserved => "a reserved address",
            Self::Embedded => "an IPv4 address within IPv6",
        }
    }
}

const V4: [([u8; 4], u32, Purpose); 16] = [
    ([0, 0, 0, 0], 8, Purpose::Reserved),
    ([10, 0, 0, 0], 8, Purpose::Private),
    ([100, 64, 0, 0], 10, Purpose::Private),
    ([127, 0, 0, 0], 8, Purpose::Loopback),
    // Azure's machines ask this one for what others ask 169.254.169.254.
    ([168, 63, 129, 16], 32, Purpose::LinkLocal),
    ([169, 254, 0, 0], 16, Purpose::LinkLocal),
    ([172, 16, 0, 0], 12, Purpose::Private),
    ([192, 0, 0, 0], 24, Purpose::Reserved),
    ([192, 0, 2, 0], 24, Purpose::Reserved),
    ([192, 88, 99, 0], 24, Purpose::Reserved),
    ([192, 168, 0, 0], 16, Purpose::Private),
    ([198, 18, 0, 0], 15, Purpose::Reserved),
    ([198, 51, 100, 0], 24, Purpose::Reserved),
    ([203, 0, 113, 0], 24, Purpose::Reserved),
    ([224, 0, 0, 0], 4, Purpose::Reserved),
    ([240, 0, 0, 0], 4, Purpose::Reserved),
];

/// The first that holds an address counts; whatever is in none of them is in no use.
const V6: [([u16; 4], u32, Purpose); 13] = [
    ([0x64, 0xff9b, 0, 0], 96, Purpose::Embedded),
    ([0x64, 0xff9b, 1, 0], 48, Purpose::Embedded),
    ([0xfc00, 0, 0, 0], 7, Purpose::Private),
    ([0xfe80, 0, 0, 0], 10, Purpose::LinkLocal),
    ([0xfec0, 0, 0, 0], 10, Purpose::Private),
    // Teredo and 6to4 hold an IPv4 address.
    ([0x2001, 0, 0, 0], 32, Purpose::Embedded),
    ([0x2002, 0, 0, 0], 16, Purpose::Embedded),
    ([0x2001, 0, 0, 0], 23, Purpose::Reserved),
    ([0x2001, 0xdb8, 0, 0], 32, Purpose::Reserved),
    ([0x3fff, 0, 0, 0], 20, Purpose::Reserved),
    ([0x2000, 0, 0, 0], 3, Purpose::Public),
    // IPv4-compatible and IPv4-mapped ones.
    ([0, 0, 0, 0], 64, Purpose::Embedded),
    ([0, 0, 0, 0], 0, Purpose::Reserved),
];

/// What `address` is for.
pub fn purpose(address: IpAddr) -> Purpose {
    match address {
        IpAddr::V4(address) => {
            let inside = |(start, bits, _): &&([u8; 4], u32, Purpose)| {
                let mask = u32::MAX << (32 - bits);
                address.to_bits() & mask == Ipv4Addr::from(*start).to_bits()
            };
            V4.iter().find(inside).map_or(Purpose::Public, |(_, _, purpose)| *purpose)
        }
        IpAddr::V6(Ipv6Addr::LOCALHOST) => Purpose::Loopback,
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Purpose::Reserved,
        IpAddr::V6(address) => {
            let inside = |([a, b, c, d], bits, _): &&([u16; 4], u32, Purpose)| {
                let start = Ipv6Addr::new(*a, *b, *c, *d, 0, 0, 0, 0).to_bits();
                (address.to_bits() ^ start).leading_zeros() >= *bits
            };
            V6.iter().find(inside).map_or(Purpose::Reserved, |(_, _, purpose)| *purpose)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn table() {
        for (expect, addresses) in [
            (
                Purpose::Public,
                "1.1.1.1 8.8.8.8 100.63.255.255 100.128.0.0 172.15.0.1 172.32.0.1 192.167.1.1 198.17.0.1 \
              198.20.0.1 223.255.255.255 2606:4700:4700::1111 2a00::1 2001:4860:4860::8888",
            ),
            (Purpose::Loopback, "127.0.0.1 127.255.255.254 ::1"),
            (
                Purpose::Private,
                "10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.255 192.168.0.1 100.64.0.1 100.127.255.255 \
              100.100.100.200 fc00::1 fd00:ec2::254 fdff::1 fec0::1",
            ),
            (Purpose::LinkLocal, "169.254.169.254 169.254.0.1 168.63.129.16 fe80::1 febf::1"),
            (
                Purpose::Reserved,
                "0.0.0.0 0.1.2.3 192.0.0.1 192.0.2.1 192.88.99.1 198.18.0.1 198.19.255.255 198.51.100.7 \
              203.0.113.9 224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255 :: 2001:db8::1 3fff::1 2001:2::1 \
              2001:20::1 100::1 ff02::1 4000::1 5f00::1 fe00::1",
            ),
            (
                Purpose::Embedded,
                "::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:8.8.8.8 ::127.0.0.1 ::2 64:ff9b::a00:1 \
              64:ff9b:1::a00:1 2002:7f00:1:: 2001::1",
            ),
        ] {
            for address in addresses.split_whitespace() {
                assert_eq!(purpose(address.parse().unwrap()), expect, "{address}");
            }
        }
    }

    proptest! {
        /// What the standard library knows to be somewhere else is never taken for public.
        #[test]
        fn nothing_special_is_public(bits: u32, low: u128) {
            let (four, six) = (Ipv4Addr::from_bits(bits), Ipv6Addr::from_bits(low));
            if four.is_private() || four.is_loopback() || four.is_link_local() || four.is_multicast()
                || four.is_broadcast() || four.is_documentation() || four.is_unspecified()
            {
                prop_assert_ne!(purpose(four.into()), Purpose::Public);
            }
            prop_assert_ne!(purpose(four.to_ipv6_mapped().into()), Purpose::Public);
            prop_assert_ne!(purpose(four.to_ipv6_compatible().into()), Purpose::Public);
            prop_assert!(purpose(six.into()) != Purpose::Public || six.segments()[0] & 0xe000 == 0x2000);
        }
    }
}
