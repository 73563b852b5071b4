//! Where a request comes from, for people to recognise their own sessions by.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::IpAddr;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest};

const LONGEST_USER_AGENT: usize = 200;

/// Address and program of a client.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// As the gateway saw it: what a client says of itself the gateway removes.
    pub address: Option<IpAddr>,
    /// The client's own words, shortened.
    pub user_agent: Option<String>,
}

impl FromRequest for Origin {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(Ok(Self { address: address(request), user_agent: user_agent(request) }))
    }
}

/// The last one written: the one that the gateway wrote.
fn address(request: &HttpRequest) -> Option<IpAddr> {
    let forwarded = request.headers().get_all("x-forwarded-for").next_back().and_then(|value| value.to_str().ok());
    let last = forwarded.and_then(|list| list.rsplit(',').next()).and_then(|text| text.trim().parse().ok());
    last.or_else(|| request.peer_addr().map(|peer| peer.ip()))
}

fn user_agent(request: &HttpRequest) -> Option<String> {
    let text = request.headers().get(header::USER_AGENT)?.to_str().ok()?;
    Some(text.chars().filter(|c| !c.is_control()).take(LONGEST_USER_AGENT).collect())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_gateways_word_counts_and_a_long_name_is_cut() {
        let request = TestRequest::default()
            .insert_header(("x-forwarded-for", "10.9.9.9, 203.0.113.7"))
            .insert_header(("user-agent", "x".repeat(1000)))
            .to_http_request();
        assert_eq!(address(&request), "203.0.113.7".parse().ok());
        assert_eq!(user_agent(&request), Some("x".repeat(200)));
        let request = TestRequest::default().insert_header(("x-forwarded-for", "nonsense")).to_http_request();
        assert_eq!(address(&request), None);
    }
}
