//! Who calls, as far as a route asks, and whether their session still stands.

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use auth::{Actor, MaybeActor, Revocations};
use chassis::problem::Problem;

use crate::config::Auth;

/// Lets the request pass when its route needs no token or its token is good and its session was not ended.
///
/// # Errors
/// 401 for a bad token or an ended session, and for no token where one is required; 503 while the keys cannot be had.
pub async fn check(request: &HttpRequest, auth: Auth, revocations: &Revocations) -> Result<(), Problem> {
    if auth == Auth::None {
        return Ok(());
    }
    match MaybeActor::from_request(request, &mut Payload::None).await? {
        MaybeActor(Some(actor)) => check_session(&actor, revocations).await,
        MaybeActor(None) if auth == Auth::Required => {
            Err(Problem::unauthorized(None, "Sign in and send the access token as Authorization: Bearer."))
        }
        MaybeActor(None) => Ok(()),
    }
}

/// Asked at every request, so that signing out counts at once. While Redis is away, a token lives out its hour.
async fn check_session(actor: &Actor, revocations: &Revocations) -> Result<(), Problem> {
    match revocations.is_revoked(actor.session).await {
        Ok(false) => Ok(()),
        Ok(true) => Err(Problem::unauthorized(Some("invalid_token"), "The session was ended; sign in again.")),
        Err(fault) => {
            metrics::counter!("gateway_revocations_unknown_total").increment(1);
            tracing::debug!(%fault, "revocations cannot be asked");
            Ok(())
        }
    }
}
