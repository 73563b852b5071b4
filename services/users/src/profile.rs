//! `GET, PATCH me/`: one's own account.

use actix_web::{get, patch, web};
use auth::Permit;
use auth::permissions::OwnProfile;
use chassis::etag::{Etagged, IfMatch};
use chassis::merge_patch;
use chassis::phi::Phi;
use chassis::problem::Problem;
use chassis::strict_json::{self, Fault, Faults, MergePatch};
use chrono::Utc;
use deserr::Deserr;
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::deed::Deed;
use crate::error::Error;
use crate::events;
use crate::registration::{contact, rules};
use crate::schema::users;
use crate::user::{User, UserView, taken, taken_by_another};

/// What one may change of one's own account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserr, ToSchema, AsChangeset)]
#[deserr(error = Faults, deny_unknown_fields)]
#[diesel(table_name = users, treat_none_as_null = true)]
pub struct Profile {
    /// Given name.
    #[deserr(try_from(String) = given_name -> Fault)]
    #[schema(value_type = String, min_length = 1, max_length = 100)]
    first_name: Phi<String>,
    /// Family name; empty for people who use one name.
    #[deserr(try_from(String) = family_name -> Fault)]
    #[schema(value_type = String, max_length = 100)]
    last_name: Phi<String>,
    /// As people type it; stored as E.164. Null removes it.
    #[deserr(default, try_from(Option<String>) = contact::phone -> Fault)]
    #[schema(value_type = Option<String>)]
    phone: Option<Phi<String>>,
    /// Signs in too. Unique without regard to case.
    #[deserr(try_from(String) = contact::email -> Fault)]
    #[schema(value_type = String, format = Email, max_length = 254)]
    email: Phi<String>,
}

/// Read one's own account.
#[utoipa::path(
    tag = "users",
    responses(
        (status = 200, description = "the caller's account", body = UserView, headers(("ETag"))),
        (status = 304, description = "unchanged since If-None-Match"),
        (status = 401, description = "no, bad or expired token"),
    ),
)]
#[get("/api/users/me/")]
pub async fn read(permit: Permit<OwnProfile>, app: web::Data<App>) -> Result<Etagged<UserView>, Problem> {
    let found = User::find(&mut *app.conn().await?, permit.actor.user_id).await?;
    let user = found.filter(|user| user.is_active).ok_or(Error::Inactive)?;
    Ok(Etagged { version: user.version, body: user.view()? })
}

/// Change one's own account, by JSON merge patch.
#[utoipa::path(
    tag = "users",
    request_body(content = Profile, content_type = "application/merge-patch+json", description = "any of these members"),
    params(("If-Match" = Option<String>, Header, description = "the ETag that the change is based on")),
    responses(
        (status = 200, description = "the changed account", body = UserView, headers(("ETag"))),
        (status = 400, description = "bad input: every fault of it"),
        (status = 401, description = "no, bad or expired token"),
        (status = 409, description = "the email is another's"),
        (status = 412, description = "changed since If-Match"),
    ),
)]
#[patch("/api/users/me/")]
pub async fn amend(
    permit: Permit<OwnProfile>,
    if_match: IfMatch,
    patch: MergePatch,
    app: web::Data<App>,
) -> Result<Etagged<UserView>, Problem> {
    let mut conn = app.conn().await?;
    let id = permit.actor.user_id;
    let written = conn
        .transaction(async |conn| -> Result<User, Error> {
            let user = User::hold(conn, id).await?.filter(|user| user.is_active).ok_or(Error::Inactive)?;
            if_match.check(user.version)?;
            let now = Profile::of(&user);
            let then: Profile = strict_json::parse(merge_patch::apply(&now, &patch.value)?)?;
            if then == now {
                return Ok(user);
            }
            let user = update(conn, id, &then).await?;
            events::updated(conn, &app.outbox, &permit.actor, &user).await?;
            Deed::ProfileChange.write(conn, &permit.actor.trail).await?;
            Ok(user)
        })
        .await;
    match written {
        Ok(user) => Ok(Etagged { version: user.version, body: user.view()? }),
        Err(fault) if taken_by_another(&fault) => {
            let wanted = patch.value.get("email").and_then(|email| email.as_str()).unwrap_or_default();
            Err(Error::Taken(taken(&mut conn, None, wanted.trim(), id).await?).into())
        }
        Err(fault) => Err(fault.into()),
    }
}

async fn update(conn: &mut AsyncPgConnection, id: i64, profile: &Profile) -> QueryResult<User> {
    diesel::update(users::table.find(id))
        .set((profile, users::version.eq(users::version + 1), users::updated_at.eq(Utc::now())))
        .returning(User::as_returning())
        .get_result(conn)
        .await
}

impl Profile {
    fn of(user: &User) -> Self {
        Self {
            first_name: user.first_name.clone(),
            last_name: user.last_name.clone(),
            phone: user.phone.clone(),
            email: user.email.clone(),
        }
    }
}

fn given_name(text: String) -> Result<Phi<String>, Fault> {
    rules::name(text).map(Phi::new)
}

fn family_name(text: String) -> Result<Phi<String>, Fault> {
    rules::last_name(text).map(Phi::new)
}
