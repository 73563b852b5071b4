//! Which headers pass, in either direction, and which are the gateway's to say. Pure.

use actix_web::http::Uri;
use actix_web::http::header::{HeaderMap, HeaderName};
use actix_web::http::uri::Authority;
use reqwest::header as outgoing;

/// How the gateway names itself in `Via`.
pub const VIA: &str = "1.1 ehs-gateway";

/// RFC 9110, 7.6.1: they belong to one connection.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Only the gateway says these; a client that sends one is not believed.
const OURS: [&str; 6] = ["host", "forwarded", "via", "x-real-ip", "traceparent", "expect"];
const OUR_PREFIXES: [&str; 4] = ["x-forwarded-", "x-user-", "x-ehs-", "x-envoy-"];

/// The client as the gateway sees it.
pub struct Client<'a> {
    /// Whether it came by TLS.
    pub secure: bool,
    /// Its address.
    pub address: Option<String>,
    /// The host that it asked for.
    pub host: &'a str,
    /// The id of its request.
    pub request_id: Option<String>,
    /// The gateway's span, which the service's is to be a child of.
    pub traceparent: Option<String>,
}

/// The headers of the request as the service gets it.
pub fn to_upstream(from: &HeaderMap, client: &Client<'_>) -> outgoing::HeaderMap {
    let named = named_by_connection(from);
    let mut headers = outgoing::HeaderMap::with_capacity(from.len().saturating_add(6));
    for (name, value) in from {
        if passes(name, &named) && !is_ours(name.as_str()) {
            append(&mut headers, name.as_str(), value.as_bytes());
        }
    }
    let own = [
        ("via", Some(VIA)),
        ("x-forwarded-proto", Some(if client.secure { "https" } else { "http" })),
        ("x-forwarded-host", Some(client.host)),
        ("x-forwarded-for", client.address.as_deref()),
        ("x-request-id", client.request_id.as_deref()),
        ("traceparent", client.traceparent.as_deref()),
    ];
    for (name, value) in own {
        if let (Ok(name), Some(Ok(value))) =
            (outgoing::HeaderName::from_bytes(name.as_bytes()), value.map(outgoing::HeaderValue::from_str))
        {
            headers.insert(name, value);
        }
    }
    headers
}

/// The headers of the answer that the client gets, as names and values. Which pages may read it is the edge's to say.
pub fn to_client(from: &outgoing::HeaderMap) -> impl Iterator<Item = (&str, &[u8])> {
    let named: Vec<String> = tokens(from.get_all("connection").iter().filter_map(|value| value.to_str().ok()));
    from.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).filter(move |(name, _)| {
        let ours = HOP_BY_HOP.contains(name) || *name == "content-length" || name.starts_with("access-control-");
        !ours && !named.iter().any(|n| n == name)
    })
}

/// The host that the request is for; none when it names none, or two that differ (RFC 9112, 3.2; RFC 9113, 8.3.1).
pub fn host<'a>(target: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    let authority = target.authority().map(Authority::as_str);
    let mut named = headers.get_all("host").map(|value| value.to_str().ok());
    let host = match (authority, named.next()) {
        (Some(authority), None) => Some(authority),
        (Some(authority), Some(host)) => host.filter(|host| host.eq_ignore_ascii_case(authority)),
        (None, host) => host.flatten(),
    };
    host.filter(|host| named.next().is_none() && host.parse::<Authority>().is_ok() && !host.contains('@'))
}

/// Whether the request came through this gateway before.
pub fn is_loop(headers: &HeaderMap) -> bool {
    headers
        .get_all("via")
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.split(',').any(|hop| hop.trim() == VIA))
}

fn passes(name: &HeaderName, named: &[String]) -> bool {
    !HOP_BY_HOP.contains(&name.as_str()) && !named.iter().any(|named| named == name.as_str())
}

fn is_ours(name: &str) -> bool {
    OURS.contains(&name) || OUR_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// The headers that `Connection` names, which go no further; what must arrive cannot be named away.
fn named_by_connection(headers: &HeaderMap) -> Vec<String> {
    let mut named = tokens(headers.get_all("connection").filter_map(|value| value.to_str().ok()));
    named.retain(|name| {
        !matches!(name.as_str(), "authorization" | "content-length" | "content-type" | "idempotency-key" | "if-match")
    });
    named
}

fn tokens<'a>(values: impl Iterator<Item = &'a str>) -> Vec<String> {
    values.flat_map(|value| value.split(',')).map(|token| token.trim().to_ascii_lowercase()).collect()
}

fn append(headers: &mut outgoing::HeaderMap, name: &str, value: &[u8]) {
    if let (Ok(name), Ok(value)) =
        (outgoing::HeaderName::from_bytes(name.as_bytes()), outgoing::HeaderValue::from_bytes(value))
    {
        headers.append(name, value);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn sent(headers: &[(&'static str, &'static str)]) -> outgoing::HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let address = Some("10.0.0.7".into());
        let client = Client { secure: true, address, host: "ehs.example", request_id: None, traceparent: None };
        to_upstream(&map, &client)
    }

    #[test]
    fn identity_is_not_the_clients_to_claim() {
        let headers = sent(&[
            ("x-user-id", "1"),
            ("x-ehs-role", "ADMIN"),
            ("x-forwarded-for", "1.2.3.4"),
            ("forwarded", "for=1.2.3.4"),
            ("authorization", "Bearer t"),
        ]);
        assert!(
            headers.get("x-user-id").is_none()
                && headers.get("x-ehs-role").is_none()
                && headers.get("forwarded").is_none()
        );
        assert_eq!(headers.get("x-forwarded-for").unwrap(), "10.0.0.7");
        assert_eq!(headers.get("x-forwarded-host").unwrap(), "ehs.example");
        assert_eq!(headers.get("x-forwarded-proto").unwrap(), "https");
        assert_eq!(headers.get("authorization").unwrap(), "Bearer t");
    }

    #[test]
    fn what_connection_names_stays_behind_but_never_the_token() {
        let headers = sent(&[
            ("connection", "close, X-Secret, authorization"),
            ("x-secret", "1"),
            ("authorization", "Bearer t"),
            ("te", "trailers"),
            ("x-break-glass", "an emergency"),
        ]);
        assert!(
            headers.get("x-secret").is_none() && headers.get("te").is_none() && headers.get("connection").is_none()
        );
        assert!(headers.get("authorization").is_some() && headers.get("x-break-glass").is_some());
    }

    #[test]
    fn there_is_one_host() {
        let host = |target: &str, hosts: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(HeaderName::from_static("host"), HeaderValue::from_static(host));
            }
            super::host(&target.parse().unwrap(), &headers).map(str::to_owned)
        };
        for (target, hosts) in [("/a/", &["h:1"][..]), ("https://h:1/a/", &[]), ("https://h:1/a/", &["H:1"])] {
            assert!(host(target, hosts).is_some_and(|host| host.eq_ignore_ascii_case("h:1")), "{target} {hosts:?}");
        }
        let two = [("/a/", &["h", "h"][..]), ("https://h/a/", &["other"]), ("https://h/a/", &["h", "h"])];
        for (target, hosts) in two.into_iter().chain([("/a/", &[][..]), ("/a/", &["a b"]), ("/a/", &["u@h"])]) {
            assert_eq!(host(target, hosts), None, "{target} {hosts:?}");
        }
    }

    #[test]
    fn an_answers_connection_headers_stay_behind() {
        let mut answer = outgoing::HeaderMap::new();
        for (name, value) in [
            ("connection", "X-Inner"),
            ("x-inner", "1"),
            ("keep-alive", "1"),
            ("content-length", "3"),
            ("access-control-allow-origin", "*"),
            ("etag", "\"1\""),
        ] {
            append(&mut answer, name, value.as_bytes());
        }
        assert_eq!(to_client(&answer).collect::<Vec<_>>(), [("etag", "\"1\"".as_bytes())]);
    }
}
