//! Who calls, as far as a route asks.

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use auth::MaybeActor;
use chassis::problem::Problem;

use crate::config::Auth;

/// Lets the request pass when its route needs no token or its token is good.
///
/// # Errors
/// 401 for a bad token, and for none where one is required; 503 while the keys cannot be had.
pub async fn check(request: &HttpRequest, auth: Auth) -> Result<(), Problem> {
    if auth == Auth::None {
        return Ok(());
    }
    match MaybeActor::from_request(request, &mut Payload::None).await? {
        MaybeActor(None) if auth == Auth::Required => {
            Err(Problem::unauthorized(None, "Sign in and send the access token as Authorization: Bearer."))
        }
        MaybeActor(_) => Ok(()),
    }
}
