//! `POST password/change/`, `password/reset/`, `password/reset/confirm/`.

pub mod reset;

use actix_web::{HttpResponse, post, web};
use auth::permissions::OwnProfile;
use auth::{Actor, Permit};
use chassis::idempotency::IdempotencyKey;
use chassis::phi::Phi;
use chassis::problem::Problem;
use chassis::strict_json::{Fault, Faults, Strict};
use chrono::{DateTime, Utc};
use deserr::Deserr;
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::App;
use crate::deed::{self, Deed, Trailed};
use crate::error::Error;
use crate::mail::queue;
use crate::registration::{contact, rules};
use crate::schema::users;
use crate::sign_in::defence::Attempt;
use crate::sign_in::ended::{self, Why};
use crate::sign_in::input::presented_password;
use crate::sign_in::origin::Origin;
use crate::sign_in::passwords::PasswordHash;
use crate::user::User;

/// Another password, from somebody who knows the one that is.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Change {
    /// The one that is.
    #[deserr(try_from(String) = presented_password -> Fault)]
    #[schema(value_type = String, format = Password, max_length = 1024)]
    old_password: SecretString,
    /// 12 to 128 characters, any; not a well-known one, and not the username or the email.
    #[deserr(try_from(String) = rules::password -> Fault)]
    #[schema(value_type = String, format = Password, min_length = 12, max_length = 128)]
    new_password: SecretString,
}

/// Who forgot theirs.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Forgotten {
    /// The account's address.
    #[deserr(try_from(String) = contact::email -> Fault)]
    #[schema(value_type = String, format = Email, max_length = 254)]
    email: Phi<String>,
}

/// Another password, from somebody who has the mail.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Confirm {
    /// Out of the link in the mail.
    #[deserr(try_from(String) = secret -> Fault)]
    #[schema(value_type = String)]
    token: SecretString,
    /// 12 to 128 characters, any; not a well-known one, and not the username or the email.
    #[deserr(try_from(String) = rules::password -> Fault)]
    #[schema(value_type = String, format = Password, min_length = 12, max_length = 128)]
    new_password: SecretString,
}

/// The one answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct MailComes {
    detail: &'static str,
}

/// Change one's own password.
///
/// The other sessions end; the one that asks goes on.
#[utoipa::path(
    tag = "users",
    request_body = Change,
    responses(
        (status = 204, description = "changed"),
        (status = 400, description = "bad input, or the old password is wrong"),
        (status = 401, description = "no, bad or expired token"),
        (status = 409, description = "the password was changed meanwhile"),
        (status = 429, description = "too many wrong passwords; see Retry-After"),
        (status = 503, description = "too many passwords wait to be checked"),
    ),
)]
#[post("/api/users/password/change/")]
pub async fn change(
    permit: Permit<OwnProfile>,
    _key: IdempotencyKey,
    origin: Origin,
    body: Strict<Change>,
    app: web::Data<App>,
) -> Result<HttpResponse, Problem> {
    let Change { old_password, new_password } = &body.value;
    let user = signed_in(&mut *app.conn().await?, &permit.actor).await?;
    require_anonymous("new_password", new_password, &user)?;
    let attempt = Attempt::new(&origin, &user.username);
    app.defence.admit(&attempt).await?;
    // no connection is held while a password waits for its turn
    if !app.passwords.verify(old_password, Some(&user.password_hash)).await?.matches {
        Deed::PasswordChangeRefused.note(&permit.actor.trail);
        return Err(Problem::invalid("old_password", "wrong", "is not the password"));
    }
    app.defence.right(&attempt).await;
    let hash = app.passwords.hash(new_password).await?;
    let keep = Some(permit.actor.session);
    let mut conn = app.conn().await?;
    let ended = conn
        .transaction(async |conn| -> Result<Vec<Uuid>, Error> {
            let ended = replace(conn, &user, &hash, keep, Utc::now()).await?;
            // signed out while the password was hashed
            if ended::is_over(conn, permit.actor.session).await? {
                return Err(Error::Inactive);
            }
            Deed::PasswordChange.write(conn, &permit.actor.trail).await?;
            Ok(ended)
        })
        .await?;
    ended::tell(&app.revocations, &ended).await;
    Ok(HttpResponse::NoContent().finish())
}

/// Ask for a mail that sets a new password.
///
/// The answer is the same whether or not the address is anybody's.
#[utoipa::path(
    tag = "users",
    request_body = Forgotten,
    responses(
        (status = 202, description = "if there is such an account, a mail is on its way", body = MailComes),
        (status = 400, description = "bad input: every fault of it"),
        (status = 429, description = "too many mails asked for from this address; see Retry-After"),
    ),
    security(())
)]
#[post("/api/users/password/reset/")]
pub async fn forgotten(
    _key: IdempotencyKey,
    origin: Origin,
    Trailed(trail): Trailed,
    body: Strict<Forgotten>,
    app: web::Data<App>,
) -> Result<HttpResponse, Problem> {
    Deed::PasswordResetAsked.note(&trail);
    app.defence.admit_reset(&Attempt::to_reset(&origin, body.value.email.expose())).await?;
    queue::ask_for_reset(&mut *app.conn().await?, body.value.email.expose(), Utc::now()).await?;
    Ok(HttpResponse::Accepted()
        .json(MailComes { detail: "If there is an account with this address, a mail with a link is on its way." }))
}

/// Set a new password with the token of the mail.
///
/// It works once, within 30 minutes. Every session of the account ends; a second factor stays.
#[utoipa::path(
    tag = "users",
    request_body = Confirm,
    responses(
        (status = 204, description = "changed; sign in with it"),
        (status = 400, description = "bad input, or the token is unknown, expired or spent"),
        (status = 503, description = "too many passwords wait to be checked"),
    ),
    security(())
)]
#[post("/api/users/password/reset/confirm/")]
pub async fn confirm(
    _key: IdempotencyKey,
    origin: Origin,
    Trailed(trail): Trailed,
    body: Strict<Confirm>,
    app: web::Data<App>,
) -> Result<HttpResponse, Problem> {
    Deed::PasswordReset.note(&trail);
    let Confirm { token, new_password } = &body.value;
    let user = token_owner(&mut *app.conn().await?, token).await?;
    deed::is_of(&trail, &user, None)?;
    require_anonymous("new_password", new_password, &user)?;
    let hash = app.passwords.hash(new_password).await?;
    let mut conn = app.conn().await?;
    let ended = conn
        .transaction(async |conn| -> Result<Vec<Uuid>, Error> {
            if !reset::spend(conn, token).await? {
                return Err(unknown_token().into());
            }
            let ended = replace(conn, &user, &hash, None, Utc::now()).await?;
            Deed::PasswordReset.write(conn, &trail).await?;
            Ok(ended)
        })
        .await?;
    // whoever reads the account's mail is no stranger to it
    app.defence.right(&Attempt::new(&origin, &user.username)).await;
    ended::tell(&app.revocations, &ended).await;
    Ok(HttpResponse::NoContent().finish())
}

async fn token_owner(conn: &mut AsyncPgConnection, token: &SecretString) -> Result<User, Error> {
    let owner = reset::owner(conn, token, Utc::now()).await?.ok_or_else(unknown_token)?;
    let user = User::find(conn, owner).await?.filter(|user| user.is_active);
    Ok(user.ok_or_else(unknown_token)?)
}

/// Writes the new hash over the one that was looked at, and ends what the old password opened. Returns the sessions.
async fn replace(
    conn: &mut AsyncPgConnection,
    user: &User,
    hash: &PasswordHash,
    keep: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<Vec<Uuid>, Error> {
    let same = users::table
        .find(user.id)
        .filter(users::is_active.eq(true))
        .filter(users::password_hash.eq(&user.password_hash));
    let written = diesel::update(same).set(users::password_hash.eq(hash.as_phi())).execute(conn).await?;
    if written == 0 {
        return Err(Problem::conflict("The password was changed meanwhile.").into());
    }
    reset::take_back(conn, user.id).await?;
    Ok(ended::end_all(conn, user.id, keep, Why::PasswordChanged, now).await?)
}

async fn signed_in(conn: &mut AsyncPgConnection, actor: &Actor) -> Result<User, Error> {
    if ended::is_over(conn, actor.session).await? {
        return Err(Error::Inactive);
    }
    User::find(conn, actor.user_id).await?.filter(|user| user.is_active).ok_or(Error::Inactive)
}

fn require_anonymous(field: &str, password: &SecretString, user: &User) -> Result<(), Problem> {
    let password = password.expose_secret().to_lowercase();
    let named = [user.username.to_lowercase(), user.email.expose().to_lowercase()];
    if named.contains(&password) {
        return Err(Problem::invalid(field, "too_common", "must not be the username or the email"));
    }
    Ok(())
}

fn unknown_token() -> Problem {
    Problem::invalid("token", "invalid", "is unknown, expired or spent; ask for another mail")
}

fn secret(text: String) -> Result<SecretString, Fault> {
    Ok(SecretString::from(text))
}
