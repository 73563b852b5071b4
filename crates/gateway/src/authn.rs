//! Who calls, as far as a route asks, and whether their session still stands.

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use auth::{Actor, MaybeActor, Revocations};
use chassis::problem::Problem;

use crate::config::Auth;

/// Who sends the request, by its token; nobody where the route looks at none.
///
/// # Errors
/// 401 for a bad token, and for no token where one is required; 503 while the keys cannot be had.
pub async fn identify(request: &HttpRequest, auth: Auth) -> Result<Option<Actor>, Problem> {
    if auth == Auth::None {
        return Ok(None);
    }
    match MaybeActor::from_request(request, &mut Payload::None).await? {
        MaybeActor(None) if auth == Auth::Required => {
            Err(Problem::unauthorized(None, "Sign in and send the access token as Authorization: Bearer."))
        }
        MaybeActor(actor) => Ok(actor),
    }
}

/// Asked at every request, so that signing out counts at once. While Redis is away, a token lives out its hour.
///
/// # Errors
/// 401 for a session that was ended.
pub async fn check_session(actor: Option<&Actor>, revocations: &Revocations) -> Result<(), Problem> {
    let Some(actor) = actor else { return Ok(()) };
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
