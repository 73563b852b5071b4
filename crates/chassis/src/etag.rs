//! `ETag`, `If-Match` and `If-None-Match` (RFC 9110): a resource's version in quotes.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, HttpResponse, Responder};
use serde::Serialize;

use crate::problem::Problem;

/// A resource and its version: 200 with `ETag`, or 304 when the client has it already.
#[derive(Clone, Debug)]
pub struct Etagged<T> {
    /// Grows with every change.
    pub version: i64,
    /// The resource.
    pub body: T,
}

/// A version as an entity tag.
pub fn tag(version: i64) -> String {
    format!("\"{version}\"")
}

/// 304 when the client says that it has this version already.
pub fn not_modified(request: &HttpRequest, version: i64) -> Option<HttpResponse> {
    let tag = tag(version);
    let has_it = named(request, &header::IF_NONE_MATCH).is_some_and(|tags| tags.matches(&tag));
    has_it.then(|| HttpResponse::NotModified().insert_header((header::ETAG, tag)).finish())
}

impl<T: Serialize> Responder for Etagged<T> {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        if let Some(answer) = not_modified(request, self.version) {
            return answer;
        }
        HttpResponse::Ok()
            .insert_header((header::ETAG, tag(self.version)))
            .insert_header((header::CACHE_CONTROL, "private, no-cache"))
            .json(self.body)
    }
}

/// What the client believes the version to be, from `If-Match`; without the header it believes nothing.
#[derive(Clone, Debug)]
pub struct IfMatch(Option<Tags>);

impl IfMatch {
    /// Compares with the version that is there, read in the transaction of the change.
    ///
    /// # Errors
    /// 412 when they differ.
    pub fn check(&self, version: i64) -> Result<(), Problem> {
        match &self.0 {
            Some(tags) if !tags.matches(&tag(version)) => Err(Problem::precondition_failed()),
            _ => Ok(()),
        }
    }
}

impl FromRequest for IfMatch {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(Ok(Self(named(request, &header::IF_MATCH))))
    }
}

#[derive(Clone, Debug)]
struct Tags(String);

impl Tags {
    /// Weak tags name the same version: our versions have one representation each.
    fn matches(&self, tag: &str) -> bool {
        self.0.split(',').map(str::trim).any(|named| named == "*" || named.strip_prefix("W/").unwrap_or(named) == tag)
    }
}

fn named(request: &HttpRequest, name: &header::HeaderName) -> Option<Tags> {
    let value = request.headers().get(name)?;
    Some(Tags(value.to_str().unwrap_or_default().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_version_that_is_there_matches() {
        let stale = IfMatch(Some(Tags("\"1\", \"2\"".into())));
        assert!(stale.check(2).is_ok());
        assert!(stale.check(3).is_err());
        assert!(IfMatch(Some(Tags("*".into()))).check(9).is_ok());
        assert!(IfMatch(None).check(9).is_ok());
        assert!(IfMatch(Some(Tags("rubbish".into()))).check(1).is_err());
    }
}
