//! Where a request comes from. Pure.

use std::net::IpAddr;

use actix_web::http::header::HeaderMap;
use ipnet::IpNet;

/// The client's address: the peer's, or what the trusted proxies in front say. Each proxy appends the address that it saw,
/// so that the last one that no trusted proxy has is the client's; what stands before it anybody may have written.
pub fn address(peer: Option<IpAddr>, headers: &HeaderMap, trusted: &[IpNet]) -> Option<IpAddr> {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(&address.to_canonical()));
    let mut address = peer.map(|peer| peer.to_canonical())?;
    let said: Vec<&str> = headers.get_all("x-forwarded-for").filter_map(|value| value.to_str().ok()).collect();
    let hops = said.iter().rev().flat_map(|value| value.rsplit(',')).map(|hop| hop.trim().parse::<IpAddr>());
    for hop in hops {
        match hop {
            Ok(hop) if is_trusted(&address) => address = hop.to_canonical(),
            _ => break,
        }
    }
    Some(address)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn only_trusted_proxies_are_believed_and_only_as_far_as_they_go() {
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        for (peer, said, client) in [
            ("203.0.113.7", &["198.51.100.1"][..], "203.0.113.7"),
            ("10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("::ffff:10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["192.0.2.66, 198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["192.0.2.66", "198.51.100.1, fd00::1"], "198.51.100.1"),
            ("10.0.0.1", &["192.0.2.66, nonsense, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &[], "10.0.0.1"),
        ] {
            let mut headers = HeaderMap::new();
            for value in said {
                headers.append(HeaderName::from_static("x-forwarded-for"), HeaderValue::from_static(value));
            }
            let found = address(Some(peer.parse().unwrap()), &headers, &trusted).unwrap();
            assert_eq!(found.to_string(), client, "{peer} {said:?}");
        }
        assert_eq!(address(None, &HeaderMap::new(), &trusted), None);
    }
}
