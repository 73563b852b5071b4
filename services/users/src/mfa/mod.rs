//! The second factor: `POST mfa/enable/`, `mfa/verify/`, `mfa/disable/`, and the gate that a right password meets.

pub mod input;

pub mod challenge;
pub mod enrolment;
pub mod recovery;

pub mod base32;
pub mod keys;
pub mod qr;
pub mod totp;

mod refusal;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, HttpResponse, post, web};
use auth::permissions::OwnProfile;
use auth::{Actor, MaybeActor, Permit};
use chassis::idempotency::IdempotencyKey;
use chassis::problem::Problem;
use chassis::strict_json::Strict;
use chassis::trail::Trail;
use chrono::Utc;
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use secrecy::SecretString;

use self::challenge::Purpose;
use self::enrolment::{Check, Enrolment};
use self::input::{Disable, Enable, MfaRequired, Presented, Verified, Verify};
use self::totp::Secret;
use crate::app::App;
use crate::deed::{self, Deed, Trailed};
use crate::error::Error;
use crate::schema::sessions;
use crate::sign_in::origin::Origin;
use crate::sign_in::session::{self, Proof};
use crate::sign_in::{self, fresh};
use crate::user::User;

pub use keys::{MfaConfig, MfaKeys};
pub use refusal::Refusal;

/// What stands between a right password and a session, if anything does.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn gate(conn: &mut AsyncPgConnection, config: &MfaConfig, user: &User) -> Result<Option<MfaRequired>, Error> {
    let purpose = if Enrolment::in_force(conn, user.id).await? {
        Purpose::SignIn
    } else if config.required.contains(user.role()?) {
        Purpose::Enrol
    } else {
        return Ok(None);
    };
    let mfa_token = challenge::open(conn, user.id, purpose, Utc::now()).await?;
    Ok(Some(MfaRequired { mfa_required: true, mfa_enrolment_required: purpose == Purpose::Enrol, mfa_token }))
}

/// Begin with a second factor.
///
/// It is not in force before `mfa/verify/` was given a code of it; asked again before that, another secret takes its
/// place. Who is signed in sends no body or `{}`; who was told `mfa_enrolment_required` at sign-in sends the `mfa_token`.
/// An `Idempotency-Key` changes nothing here: a secret is not stored in an answer.
#[utoipa::path(
    tag = "users",
    request_body(content = Option<Enable>, content_type = "application/json"),
    responses(
        (status = 200, description = "the secret, as text, as a link and as a picture", body = input::Enrolment),
        (status = 400, description = "bad input: every fault of it"),
        (status = 401, description = "no, bad or expired token"),
        (status = 409, description = "MFA is on already"),
    ),
    security((), ("bearer" = []))
)]
#[post("/api/users/mfa/enable/")]
pub async fn enable(
    _key: IdempotencyKey,
    actor: MaybeActor,
    request: HttpRequest,
    Trailed(trail): Trailed,
    payload: web::Payload,
    app: web::Data<App>,
) -> Result<HttpResponse, Problem> {
    Deed::SecondFactorBegun.note(&trail);
    let asked = body_or_nothing(&request, payload.into_inner()).await?;
    let secret = Secret::random()?;
    let user = begin_enrolment(&app, &trail, actor.0.as_ref(), asked.mfa_token.as_ref(), &secret).await?;
    let otpauth_url = secret.url(&user.username);
    let qr_code = qr::data_url(&otpauth_url).map_err(Error::Crypto)?;
    Ok(fresh(&input::Enrolment { secret: secret.base32(), otpauth_url, qr_code }))
}

async fn begin_enrolment(
    app: &App,
    trail: &Trail,
    actor: Option<&Actor>,
    token: Option<&SecretString>,
    secret: &Secret,
) -> Result<User, Error> {
    let now = Utc::now();
    let mut conn = app.conn().await?;
    conn.transaction(async |conn| {
        let user = match token {
            Some(token) => {
                let challenge = challenge::hold(conn, token, now).await?;
                let challenge = challenge.filter(|live| live.purpose == Purpose::Enrol).ok_or(Refusal::Token)?;
                let user = User::find(conn, challenge.user_id).await?.filter(|user| user.is_active);
                let user = user.ok_or(Refusal::Token)?;
                deed::is_of(trail, &user, None)?;
                user
            }
            None => signed_in(conn, actor.ok_or(Refusal::Nobody)?).await?,
        };
        let sealed = app.mfa.keys.seal(secret, user.id)?;
        let begun = Enrolment::begin(conn, user.id, &sealed, now).await?;
        if !begun {
            return Err(Refusal::InForce.into());
        }
        Deed::SecondFactorBegun.write(conn, trail).await?;
        Ok(user)
    })
    .await
}

/// Prove the second factor.
///
/// Signed in, with `{code}`: turns MFA on and gives ten recovery codes, once. At sign-in, with `{mfa_token, code}`: gives
/// the session's tokens; the code may be a recovery code, and where the role had to enrol, recovery codes come along. A
/// code works once. After five wrong ones each next is looked at later, at most a quarter of an hour later; a recovery
/// code never waits.
#[utoipa::path(
    tag = "users",
    request_body = Verify,
    responses(
        (status = 200, description = "the code is right", body = Verified),
        (status = 400, description = "bad input, or, signed in, a wrong code"),
        (status = 401, description = "no, bad or expired token, or, at sign-in, a wrong code"),
        (status = 409, description = "MFA is on already, or was not begun"),
        (status = 429, description = "too many wrong codes; see Retry-After"),
    ),
    security((), ("bearer" = []))
)]
#[post("/api/users/mfa/verify/")]
pub async fn verify(
    _key: IdempotencyKey,
    actor: MaybeActor,
    origin: Origin,
    Trailed(trail): Trailed,
    body: Strict<Verify>,
    app: web::Data<App>,
) -> Result<HttpResponse, Problem> {
    let Verify { mfa_token, code } = &body.value;
    let answer = match mfa_token {
        Some(token) => complete_sign_in(&app, &origin, &trail, token, code).await,
        None => turn_on(&app, &trail, actor.0.as_ref(), code).await,
    };
    sign_in::count("mfa_checks_total", if answer.is_ok() { "ok" } else { "refused" });
    Ok(fresh(&answer.inspect_err(|fault| note(fault, &trail))?))
}

/// A refusal is inside: what was counted of it stays.
type Kept<T> = Result<Result<T, Refusal>, Error>;

async fn complete_sign_in(
    app: &App,
    origin: &Origin,
    trail: &Trail,
    token: &SecretString,
    code: &Presented,
) -> Result<Verified, Error> {
    let now = Utc::now();
    let mut conn = app.conn().await?;
    let kept = conn.transaction(async |conn| -> Kept<Verified> {
        let Some(challenge) = challenge::hold(conn, token, now).await? else { return Ok(Err(Refusal::Token)) };
        let user = User::find(conn, challenge.user_id).await?.filter(|user| user.is_active);
        user.as_ref().map(|user| deed::is_of(trail, user, None)).transpose()?;
        let enrolls = challenge.purpose == Purpose::Enrol;
        let enrolment = Enrolment::hold(conn, challenge.user_id).await?;
        // a token of before somebody else made, or took away, the second factor is good for nothing
        let fitting = enrolment.filter(|enrolment| enrolment.is_in_force() != enrolls);
        let (Some(user), Some(enrolment)) = (user, fitting) else { return Ok(Err(Refusal::Token)) };
        match enrolment.check(conn, &app.mfa.keys, code, now).await? {
            Check::Right => {}
            Check::Paused(seconds) => return Ok(Err(Refusal::Paused(seconds))),
            Check::Wrong => {
                challenge.wear(conn).await?;
                return Ok(Err(Refusal::CodeAtSignIn));
            }
        }
        challenge.spend(conn, now).await?;
        let recovery_codes = if enrolls { Some(enrolment.put_in_force(conn, now).await?) } else { None };
        let pair = sign_in::begin(conn, app, origin, trail, &user, Proof::SecondFactor).await?;
        Ok(Ok(Verified { recovery_codes, access: Some(pair.access), refresh: Some(pair.refresh) }))
    });
    Ok(kept.await??)
}

async fn turn_on(app: &App, trail: &Trail, actor: Option<&Actor>, code: &Presented) -> Result<Verified, Error> {
    let now = Utc::now();
    let actor = actor.ok_or(Refusal::Nobody)?;
    let mut conn = app.conn().await?;
    let kept = conn.transaction(async |conn| -> Kept<Verified> {
        let user = signed_in(conn, actor).await?;
        let Some(enrolment) = Enrolment::hold(conn, user.id).await? else { return Ok(Err(Refusal::None)) };
        if enrolment.is_in_force() {
            return Ok(Err(Refusal::InForce));
        }
        match enrolment.check(conn, &app.mfa.keys, code, now).await? {
            Check::Right => {
                let recovery_codes = Some(enrolment.put_in_force(conn, now).await?);
                session::has_second_factor(conn, actor.session).await?;
                Deed::SecondFactorOn.write(conn, trail).await?;
                Ok(Ok(Verified { recovery_codes, ..Verified::default() }))
            }
            Check::Wrong => Ok(Err(Refusal::Code)),
            Check::Paused(seconds) => Ok(Err(Refusal::Paused(seconds))),
        }
    });
    Ok(kept.await??)
}

/// Turn MFA off.
///
/// Takes the password and a code, from the app or a recovery code. A role that must have a second factor keeps it.
#[utoipa::path(
    tag = "users",
    request_body = Disable,
    responses(
        (status = 204, description = "MFA is off"),
        (status = 400, description = "bad input, or the password or the code is wrong"),
        (status = 401, description = "no, bad or expired token"),
        (status = 403, description = "the caller's role must have a second factor"),
        (status = 409, description = "MFA is not on"),
        (status = 429, description = "too many wrong codes; see Retry-After"),
        (status = 503, description = "too many passwords wait to be checked"),
    ),
)]
#[post("/api/users/mfa/disable/")]
pub async fn disable(
    permit: Permit<OwnProfile>,
    _key: IdempotencyKey,
    body: Strict<Disable>,
    app: web::Data<App>,
) -> Result<HttpResponse, Problem> {
    let answer = turn_off(&app, &permit.actor, &body.value).await;
    sign_in::count("mfa_checks_total", if answer.is_ok() { "ok" } else { "refused" });
    answer.inspect_err(|fault| note(fault, &permit.actor.trail))?;
    Ok(HttpResponse::NoContent().finish())
}

async fn turn_off(app: &App, actor: &Actor, asked: &Disable) -> Result<(), Error> {
    let user = signed_in(&mut *app.conn().await?, actor).await?;
    if app.mfa.required.contains(user.role()?) {
        return Err(Refusal::RoleMustHaveIt.into());
    }
    // no connection is held while a password waits for its turn
    let password = app.passwords.verify(&asked.password, Some(&user.password_hash)).await?.matches;
    let now = Utc::now();
    let mut conn = app.conn().await?;
    let kept = conn.transaction(async |conn| -> Kept<()> {
        let enrolment = Enrolment::hold(conn, user.id).await?.filter(Enrolment::is_in_force);
        let Some(enrolment) = enrolment else { return Ok(Err(Refusal::None)) };
        if !password {
            // neither the pause nor the count may tell which of the two was wrong
            let pause = enrolment.pause(now);
            if pause.is_none() {
                enrolment.count(conn, false, now).await?;
            }
            return Ok(Err(pause.map_or(Refusal::PasswordOrCode, Refusal::Paused)));
        }
        match enrolment.check(conn, &app.mfa.keys, &asked.code, now).await? {
            Check::Right => {
                enrolment.remove(conn).await?;
                Ok(Ok(Deed::SecondFactorOff.write(conn, &actor.trail).await?))
            }
            Check::Wrong => Ok(Err(Refusal::PasswordOrCode)),
            Check::Paused(seconds) => Ok(Err(Refusal::Paused(seconds))),
        }
    });
    Ok(kept.await??)
}

/// What an auditor reads of a refusal.
fn note(fault: &Error, trail: &Trail) {
    let Error::SecondFactor(refusal) = fault else { return };
    match refusal {
        Refusal::CodeAtSignIn | Refusal::Code | Refusal::PasswordOrCode => Deed::SecondFactorWrong.note(trail),
        Refusal::Paused(_) => Deed::SecondFactorSlowed.note(trail),
        Refusal::Token => Deed::SecondFactorUnknownToken.note(trail),
        Refusal::Nobody | Refusal::InForce | Refusal::None | Refusal::RoleMustHaveIt => {}
    }
}

/// The caller's account. The gateway asks for no token here, since some have none yet; so whether the session was ended
/// is asked here.
async fn signed_in(conn: &mut AsyncPgConnection, actor: &Actor) -> Result<User, Error> {
    let ended = sessions::table.find(actor.session).filter(sessions::revoked_at.is_not_null());
    if diesel::select(diesel::dsl::exists(ended)).get_result(conn).await? {
        return Err(Error::Inactive);
    }
    User::find(conn, actor.user_id).await?.filter(|user| user.is_active).ok_or(Error::Inactive)
}

/// The body of a call that needs none.
async fn body_or_nothing(request: &HttpRequest, mut payload: Payload) -> Result<Enable, Problem> {
    use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
    let headers = request.headers();
    let length = headers.get(CONTENT_LENGTH).is_none_or(|length| length.as_bytes() == b"0");
    let nothing = length && !headers.contains_key(TRANSFER_ENCODING) && !headers.contains_key(CONTENT_TYPE);
    if nothing {
        return Ok(Enable::default());
    }
    Ok(Strict::<Enable>::from_request(request, &mut payload).await?.value)
}
