//! Whom an address counts as, where callers are counted. Pure.

use std::net::IpAddr;

/// The address that stands for a subscriber: whoever has an IPv6 address has its whole /64 to choose from (RFC 6177).
pub fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) & (u128::MAX << 64)).into()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    #[test]
    fn a_v6_address_counts_as_its_network_and_a_mapped_one_as_v4() {
        for (address, counted) in [
            ("203.0.113.7", "203.0.113.7"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ] {
            assert_eq!(super::subscriber(address.parse().unwrap()).to_string(), counted);
        }
    }
}
