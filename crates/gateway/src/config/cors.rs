//! Which pages of other origins a browser lets read our answers, and on what terms.

use actix_web::http::Method;
use actix_web::http::header::HeaderName;
use chassis::strict_json::{Fault, Faults as Broken};
use deserr::Deserr;
use serde::Serialize;
use url::Url;

/// Cross-origin resource sharing. Without origins nobody of another origin reads anything.
#[derive(Clone, Debug, Default, Deserr, Serialize)]
#[deserr(error = Broken, deny_unknown_fields)]
pub struct Cors {
    /// As a browser names them, `https://host[:port]`; or `*` alone.
    #[deserr(default, try_from(Vec<String>) = plain_origins -> Fault)]
    pub origins: Vec<String>,
    /// Methods that a page may use.
    #[deserr(default = default::methods(), try_from(Vec<String>) = known_methods -> Fault)]
    pub methods: Vec<String>,
    /// Headers that a page may send, in lower case.
    #[deserr(default = default::headers(), try_from(Vec<String>) = header_names -> Fault)]
    pub headers: Vec<String>,
    /// Headers of an answer that a page may read, in lower case.
    #[deserr(default = default::expose(), try_from(Vec<String>) = header_names -> Fault)]
    pub expose: Vec<String>,
    /// Whether a browser sends cookies and the like. Access tokens need no such thing.
    #[deserr(default)]
    pub credentials: bool,
    /// How long a browser keeps the answer to a preflight, in seconds.
    #[deserr(default = default::max_age_s(), try_from(u32) = max_age -> Fault)]
    pub max_age_s: u32,
}

/// What anybody's page may do: then credentials are refused.
pub const ANY: &str = "*";

fn plain_origins(origins: Vec<String>) -> Result<Vec<String>, Fault> {
    let is_origin = |text: &String| {
        let web = |url: &Url| matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == *text;
        text.parse().is_ok_and(|url| web(&url))
    };
    let any = origins.iter().any(|origin| origin == ANY);
    if any && origins.len() > 1 {
        return Err(Fault::new("invalid", "* stands alone"));
    }
    if !any && !origins.iter().all(is_origin) {
        return Err(Fault::new("invalid", "must be of the form https://host or https://host:port, in lower case"));
    }
    Ok(origins)
}

fn known_methods(methods: Vec<String>) -> Result<Vec<String>, Fault> {
    let known = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    if methods.iter().all(|name| known.iter().any(|method| method.as_str() == name)) {
        return Ok(methods);
    }
    Err(Fault::new("invalid", "must be among GET, HEAD, POST, PUT, PATCH, DELETE"))
}

/// A `*` is no header here: where there are credentials, browsers take it for a header of that name.
fn header_names(names: Vec<String>) -> Result<Vec<String>, Fault> {
    let name = |text: &String| Some(text.parse::<HeaderName>().ok()?.as_str().to_owned()).filter(|name| name != ANY);
    let names: Option<Vec<String>> = names.iter().map(name).collect();
    names.ok_or_else(|| Fault::new("invalid", "must be names of headers"))
}

/// Browsers keep it for two hours, or a day, at most.
fn max_age(seconds: u32) -> Result<u32, Fault> {
    if seconds <= 86_400 { Ok(seconds) } else { Err(Fault::new("range", "must be 86400 or less")) }
}

mod default {
    fn owned<const N: usize>(texts: [&str; N]) -> Vec<String> {
        texts.map(str::to_owned).to_vec()
    }

    pub(super) fn methods() -> Vec<String> {
        owned(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
    }

    pub(super) fn headers() -> Vec<String> {
        owned([
            "accept",
            "authorization",
            "content-type",
            "idempotency-key",
            "if-match",
            "if-none-match",
            "traceparent",
            "x-request-id",
        ])
    }

    pub(super) fn expose() -> Vec<String> {
        owned([
            "content-disposition",
            "etag",
            "idempotent-replayed",
            "link",
            "location",
            "ratelimit",
            "ratelimit-limit",
            "ratelimit-policy",
            "ratelimit-remaining",
            "ratelimit-reset",
            "retry-after",
            "traceparent",
            "www-authenticate",
            "x-request-id",
        ])
    }

    pub(super) fn max_age_s() -> u32 {
        600
    }
}
