//! The headers of OWASP's REST Security Cheat Sheet, on every answer.

use actix_web::HttpRequest;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY, SERVER,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};

use crate::docs;

const ALWAYS: [(HeaderName, HeaderValue); 4] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("permissions-policy"), HeaderValue::from_static(PERMISSIONS)),
];

/// What a page could ask a browser for: an answer here asks for nothing.
const PERMISSIONS: &str = "accelerometer=(), autoplay=(), camera=(), display-capture=(), encrypted-media=(), \
     fullscreen=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), \
     picture-in-picture=(), publickey-credentials-get=(), screen-wake-lock=(), sync-xhr=(), usb=(), web-share=(), \
     xr-spatial-tracking=()";

/// An answer is data: where a browser shows it as a page, nothing in it runs.
const DATA: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
/// The page on the API runs its own scripts, and Swagger UI writes styles and pictures into itself.
const PAGE: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// For a year, RFC 6797. A browser heeds it over TLS only, and it may be said there only.
const ONLY_TLS: HeaderValue = HeaderValue::from_static("max-age=31536000; includeSubDomains");

pub(super) fn dress(request: &HttpRequest, headers: &mut HeaderMap) {
    let is_page = request.path().starts_with(docs::PAGE);
    for (name, value) in ALWAYS {
        headers.insert(name, value);
    }
    headers.insert(CONTENT_SECURITY_POLICY, if is_page { PAGE } else { DATA });
    if !is_page && !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, NO_STORE);
    }
    if request.app_config().secure() {
        headers.insert(STRICT_TRANSPORT_SECURITY, ONLY_TLS);
    } else {
        headers.remove(STRICT_TRANSPORT_SECURITY);
    }
    headers.remove(SERVER);
    headers.remove("x-powered-by");
}
