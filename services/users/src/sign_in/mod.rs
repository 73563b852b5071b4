//! `POST login/` and `POST refresh-token/`.

pub mod input;
pub mod passwords;

pub mod argon2id;
pub mod defence;
pub mod django;
pub mod ended;
pub mod origin;
pub mod refresh_token;
pub mod session;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, post, web};
use auth::claims::Issued;
use auth::{Claims, Role};
use chassis::idempotency::IdempotencyKey;
use chassis::problem::Problem;
use chassis::strict_json::Strict;
use chassis::trail::Trail;
use chrono::Utc;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use serde::Serialize;
use uuid::Uuid;

use self::defence::Attempt;
use self::input::{Login, Refresh, SignedIn, TokenPair};
use self::origin::Origin;
use self::refresh_token::RefreshToken;
use self::session::{Given, Proof, Rotation};
use crate::app::App;
use crate::deed::{self, Deed, Trailed};
use crate::error::Error;
use crate::mfa;
use crate::user::User;

/// Sign in.
///
/// An unknown user, a wrong password and an inactive account get the same answer after the same time. Where the account
/// has a second factor, or its role must have one, a right password gives an `mfa_token` for `mfa/verify/` instead. An
/// `Idempotency-Key` changes nothing here: signing in twice makes two sessions, and tokens are not stored.
#[utoipa::path(
    tag = "users",
    request_body = Login,
    responses(
        (status = 200, description = "signed in, or asked for the second factor", body = SignedIn),
        (status = 400, description = "bad input: every fault of it"),
        (status = 401, description = "the username or the password is wrong"),
        (status = 429, description = "too many wrong passwords, from this address or for this account; see Retry-After"),
        (status = 503, description = "too many passwords wait to be checked"),
    ),
    security(())
)]
#[post("/api/users/login/")]
pub async fn login(
    _key: IdempotencyKey,
    origin: Origin,
    Trailed(trail): Trailed,
    body: Strict<Login>,
    app: web::Data<App>,
) -> Result<HttpResponse, Problem> {
    let answer = sign_in(&app, &origin, &trail, &body.value).await;
    count("sign_ins_total", outcome(&answer));
    Ok(fresh(&answer?))
}

async fn sign_in(app: &App, origin: &Origin, trail: &Trail, presented: &Login) -> Result<SignedIn, Error> {
    let found = User::find_by_login(&mut *app.conn().await?, &presented.username).await?;
    found.as_ref().map(|user| deed::is_of(trail, user, None)).transpose()?;
    // known by either name, an account is counted once
    let name = found.as_ref().map_or(&presented.username, |user| &user.username);
    let attempt = Attempt::new(origin, name);
    Deed::SignInSlowed.note(trail);
    app.defence.admit(&attempt).await?;
    Deed::SignIn.note(trail);
    // no connection is held while a password waits for its turn
    let checked = app.passwords.verify(&presented.password, found.as_ref().map(|user| &user.password_hash)).await?;
    let user = match found {
        Some(user) if checked.matches && user.is_active => user,
        other => {
            refusal(other.as_ref(), checked.matches).note(trail);
            return Err(Error::Credentials);
        }
    };
    app.defence.right(&attempt).await;
    let mut conn = app.conn().await?;
    if let Some(renewed) = checked.renewed {
        User::keep_hash(&mut conn, user.id, &user.password_hash, &renewed.as_phi()).await?;
    }
    if let Some(required) = mfa::gate(&mut conn, &app.mfa, &user).await? {
        Deed::SecondFactorAsked.note(trail);
        return Ok(SignedIn::MfaRequired(required));
    }
    conn.transaction(async |conn| begin(conn, app, origin, trail, &user, Proof::Password).await)
        .await
        .map(SignedIn::Tokens)
}

/// What an auditor reads, and the caller never learns.
const fn refusal(found: Option<&User>, matches: bool) -> Deed {
    match found {
        None => Deed::SignInUnknownUser,
        Some(_) if matches => Deed::SignInInactive,
        Some(_) => Deed::SignInWrongPassword,
    }
}

/// Begins a session, whatever proved who it is, in the caller's transaction.
pub(crate) async fn begin(
    conn: &mut AsyncPgConnection,
    app: &App,
    origin: &Origin,
    trail: &Trail,
    user: &User,
    proof: Proof,
) -> Result<TokenPair, Error> {
    let first = RefreshToken::random()?;
    let now = Utc::now();
    let session = session::open(conn, user.id, origin, proof, &first, now, app.tokens.refresh_lifetime).await?;
    deed::is_of(trail, user, Some(session))?;
    Deed::SignIn.write(conn, trail).await?;
    let given = Given { session, user_id: user.id, role: user.role()?, at: now, jti: Uuid::new_v4() };
    Ok(TokenPair { access: access_token(app, &given)?, refresh: first.into_text() })
}

/// Renew a session.
///
/// Gives a new pair; the old refresh token is spent. Using a spent one revokes the whole session, unless it is the same
/// request sent again with the same `Idempotency-Key` before its answer was used: that one gets the same answer again. A
/// session without a second factor ends here when its owner's role must have one by now.
#[utoipa::path(
    tag = "users",
    request_body = Refresh,
    params(("Idempotency-Key" = Option<String>, Header, description = "makes it safe to send the request again")),
    responses(
        (status = 200, description = "renewed", body = TokenPair),
        (status = 400, description = "bad input: every fault of it"),
        (status = 401, description = "the refresh token is unknown, expired, revoked or spent"),
    ),
    security(())
)]
#[post("/api/users/refresh-token/")]
pub async fn refresh(
    request: HttpRequest,
    _key: IdempotencyKey,
    Trailed(trail): Trailed,
    body: Strict<Refresh>,
    app: web::Data<App>,
) -> Result<HttpResponse, Problem> {
    let answer = renew(&app, &trail, &body.value, retry_key(&request)).await;
    count("refreshes_total", outcome(&answer));
    let (pair, again) = answer?;
    let mut response = fresh(&pair);
    if again {
        response.headers_mut().insert(IDEMPOTENT_REPLAYED, header::HeaderValue::from_static("true"));
    }
    Ok(response)
}

async fn renew(app: &App, trail: &Trail, body: &Refresh, retry_key: Option<&[u8]>) -> Result<(TokenPair, bool), Error> {
    Deed::RefreshTokenRefused.note(trail);
    let presented = RefreshToken::read(&body.refresh).ok_or(Error::RefreshToken)?;
    let mut conn = app.conn().await?;
    let (now, lifetime, required) = (Utc::now(), app.tokens.refresh_lifetime, &app.mfa.required);
    // a refusal commits too: it is what revokes the session
    let rotation = conn.transaction(async |conn| -> Result<Rotation, Error> {
        let rotation = session::rotate(conn, &presented, retry_key, required, now, lifetime).await?;
        if let Some((deed, user_id, role, session)) = told(&rotation) {
            deed::is_by(trail, user_id, role, Some(session));
            deed.note(trail);
        }
        if matches!(rotation, Rotation::Given(..)) {
            Deed::SessionRenewed.write(conn, trail).await?;
        }
        Ok(rotation)
    });
    let (given, successor, again) = match rotation.await? {
        Rotation::Given(given, successor) => (given, successor, false),
        Rotation::GivenAgain(given, successor) => (given, successor, true),
        Rotation::Refused(_) => return Err(Error::RefreshToken),
        Rotation::Reused(owner) => {
            ended::tell(&app.revocations, &[owner.session]).await;
            return Err(Error::RefreshTokenReused);
        }
        Rotation::SecondFactorMissing(owner) => {
            ended::tell(&app.revocations, &[owner.session]).await;
            return Err(Error::SecondFactorMissing);
        }
    };
    Ok((TokenPair { access: access_token(app, &given)?, refresh: successor.into_text() }, again))
}

/// What a rotation is to an auditor, and whose session it was of.
fn told(rotation: &Rotation) -> Option<(Deed, i64, Role, Uuid)> {
    let (deed, owner) = match rotation {
        Rotation::Given(given, _) | Rotation::GivenAgain(given, _) => {
            return Some((Deed::SessionRenewed, given.user_id, given.role, given.session));
        }
        Rotation::Refused(owner) => (Deed::RefreshTokenRefused, (*owner)?),
        Rotation::Reused(owner) => (Deed::RefreshTokenReused, *owner),
        Rotation::SecondFactorMissing(owner) => (Deed::SecondFactorMissing, *owner),
    };
    Some((deed, owner.user_id, owner.role, owner.session))
}

fn access_token(app: &App, given: &Given) -> Result<String, Error> {
    let tokens = &app.tokens;
    let issued =
        Issued { issuer: &tokens.issuer, audience: &tokens.audience, at: given.at, lifetime: tokens.access_lifetime };
    let claims = Claims { jti: given.jti, ..Claims::new(&issued, given.user_id, given.role, given.session) };
    app.keys.sign(&claims).map_err(|fault| Error::Crypto(fault.into()))
}

const IDEMPOTENT_REPLAYED: header::HeaderName = header::HeaderName::from_static("idempotent-replayed");

/// Tokens lie in no cache (RFC 6749, 5.1).
pub(crate) fn fresh(answer: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(answer)
}

fn retry_key(request: &HttpRequest) -> Option<&[u8]> {
    request.headers().get("idempotency-key").map(header::HeaderValue::as_bytes)
}

fn outcome<T>(answer: &Result<T, Error>) -> &'static str {
    match answer {
        Ok(_) => "ok",
        Err(Error::Credentials | Error::RefreshToken) => "refused",
        Err(Error::RefreshTokenReused) => "reused",
        Err(Error::HashingOverloaded) => "overloaded",
        Err(_) => "failed",
    }
}

pub(crate) fn count(metric: &'static str, outcome: &'static str) {
    metrics::counter!(metric, "outcome" => outcome).increment(1);
}
