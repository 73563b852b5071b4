//! `POST register/`.

pub mod input;

pub mod contact;
pub mod rules;

use actix_web::{post, web};
use auth::{Action, Actor, MaybeActor, Role};
use chassis::idempotency::{Answer, IdempotencyKey};
use chassis::phi::Phi;
use chassis::problem::Problem;
use diesel_async::{AsyncConnection, AsyncPgConnection};

use self::input::{Registration, StrictRegistration};
use crate::app::App;
use crate::deed::{self, Deed, Trailed};
use crate::error::Error;
use crate::events;
use crate::sign_in::passwords::PasswordHash;
use crate::user::{NewUser, User, UserView, taken, taken_by_another};

/// Register an account.
///
/// Anyone may register; the role is `PATIENT` then. An `ADMIN` may set another `role` and, for doctors, `doctor`, for
/// nurses, `department`.
#[utoipa::path(
    tag = "users",
    request_body = Registration,
    params(("Idempotency-Key" = Option<String>, Header, description = "the same key and body give the first answer again")),
    responses(
        (status = 201, description = "the account", body = UserView, headers(("Location"), ("ETag"))),
        (status = 400, description = "bad input: every fault of it"),
        (status = 401, description = "a bad token, or a role other than PATIENT without one"),
        (status = 403, description = "only an ADMIN registers staff"),
        (status = 409, description = "username or email is another's, or the key was used for another request"),
        (status = 503, description = "too many passwords wait to be hashed"),
    ),
    security((), ("bearer" = []))
)]
#[post("/api/users/register/")]
pub async fn register(
    MaybeActor(actor): MaybeActor,
    key: IdempotencyKey,
    Trailed(trail): Trailed,
    body: StrictRegistration,
    app: web::Data<App>,
) -> Result<Answer, Problem> {
    let StrictRegistration { registration, digest } = body;
    Deed::Registration.note(&trail);
    may_register(actor.as_ref(), registration.role)?;
    let hash = app.passwords.hash(&registration.password).await?;
    let mut conn = app.conn().await?;
    let caller = actor.as_ref().map_or(0, |actor| actor.user_id);
    let written = conn
        .transaction(async |conn| -> Result<Written, Error> {
            if let Some(stored) = key.claim(conn, caller, &digest).await? {
                return Ok(Written::Before(stored.into()));
            }
            let user = create(conn, &app, actor.as_ref(), &registration, &hash).await?;
            let answer = Answer::created(format!("/api/users/{}/", user.id), user.version, &user.view()?)?;
            key.store(conn, caller, &answer).await?;
            if actor.is_none() {
                deed::is_of(&trail, &user, None)?;
            }
            Deed::Registration.write(conn, &trail).await?;
            Ok(Written::Now(answer))
        })
        .await;
    match written {
        Ok(Written::Now(answer)) => Ok(answer),
        Ok(Written::Before(answer)) => {
            require_same_password(&mut conn, &app, &registration).await?;
            Ok(answer)
        }
        Err(fault) if taken_by_another(&fault) => Err(name_both(&mut conn, &registration).await?.into()),
        Err(fault) => Err(fault.into()),
    }
}

enum Written {
    Now(Answer),
    Before(Answer),
}

fn may_register(actor: Option<&Actor>, role: Role) -> Result<(), Error> {
    match actor {
        _ if role == Role::Patient => Ok(()),
        Some(actor) if actor.reach(Action::UserAdmin).is_some() => Ok(()),
        Some(_) => Err(Error::StaffNeedsAdmin),
        None => Err(Error::StaffNeedsSignIn),
    }
}

async fn create(
    conn: &mut AsyncPgConnection,
    app: &App,
    actor: Option<&Actor>,
    registration: &Registration,
    hash: &PasswordHash,
) -> Result<User, Error> {
    let user = User::insert(conn, &new_user(registration, hash)).await?;
    events::registered(conn, &app.outbox, actor, &user).await?;
    Ok(user)
}

/// What is written of a registration.
#[must_use]
pub fn new_user(registration: &Registration, hash: &PasswordHash) -> NewUser {
    let doctor = registration.doctor.as_ref();
    NewUser {
        username: registration.username.clone(),
        email: registration.email.clone(),
        password_hash: hash.as_phi(),
        role: registration.role.as_str(),
        first_name: Phi::new(registration.first_name.clone()),
        last_name: Phi::new(registration.last_name.clone()),
        phone: registration.phone.clone(),
        department: doctor.map(|doctor| doctor.department.clone()).or_else(|| registration.department.clone()),
        specialization: doctor.map(|doctor| doctor.specialization.clone()),
        registration_number: doctor.map(|doctor| doctor.registration_number.clone()),
    }
}

/// The stored digest leaves the password out: a fast hash of a password must not lie in the database. So a request that
/// is sent again is compared with the account's own slow one.
async fn require_same_password(
    conn: &mut AsyncPgConnection,
    app: &App,
    registration: &Registration,
) -> Result<(), Error> {
    let user = User::find_by_login(conn, &registration.username).await?.ok_or(Error::KeyReused)?;
    let same = app.passwords.verify(&registration.password, Some(&user.password_hash)).await?;
    if same.matches { Ok(()) } else { Err(Error::KeyReused) }
}

async fn name_both(conn: &mut AsyncPgConnection, registration: &Registration) -> Result<Error, Error> {
    let taken = taken(conn, Some(&registration.username), registration.email.expose(), 0).await?;
    Ok(Error::Taken(taken))
}
