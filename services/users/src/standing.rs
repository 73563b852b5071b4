//! `PATCH {id}/`: what an administrator changes of an account: role, department, and whether it may sign in.

use actix_web::{patch, web};
use auth::permissions::UserAdmin;
use auth::{Permit, Role};
use chassis::etag::{Etagged, IfMatch};
use chassis::merge_patch;
use chassis::problem::Problem;
use chassis::strict_json::{self, Fault, Faults, MergePatch};
use chrono::{DateTime, Utc};
use deserr::Deserr;
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::App;
use crate::deed::Deed;
use crate::error::Error;
use crate::events;
use crate::registration::input::DoctorInput;
use crate::registration::rules;
use crate::schema::users;
use crate::sign_in::ended::{self, Why};
use crate::user::{User, UserView};

/// What an administrator may change of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Standing {
    /// What the account may do. Another one ends its sessions.
    #[deserr(try_from(String) = rules::role -> Fault)]
    role: Role,
    /// False ends its sessions, and it signs in no more.
    is_active: bool,
    /// Required for a `DOCTOR`, refused for others; goes by itself when the role does.
    #[deserr(default)]
    doctor: Option<DoctorInput>,
    /// Of a `NURSE`.
    #[deserr(default, try_from(Option<String>) = rules::department -> Fault)]
    #[schema(value_type = Option<String>, max_length = 100)]
    department: Option<String>,
}

/// Change an account, by JSON merge patch.
///
/// Another role, or `is_active: false`, ends its sessions: they are refused within a second, and whoever was signed in
/// signs in again. Nobody changes their own role or deactivates themselves, so that an administrator is always left.
#[utoipa::path(
    tag = "users",
    request_body(content = Standing, content_type = "application/merge-patch+json", description = "any of these members"),
    params(("If-Match" = Option<String>, Header, description = "the ETag that the change is based on")),
    responses(
        (status = 200, description = "the changed account", body = UserView, headers(("ETag"))),
        (status = 400, description = "bad input: every fault of it"),
        (status = 401, description = "no, bad or expired token"),
        (status = 403, description = "not an ADMIN"),
        (status = 404, description = "no such account"),
        (status = 409, description = "it is the caller's own account"),
        (status = 412, description = "changed since If-Match"),
    ),
)]
#[patch("/api/users/{id:-?[0-9]+}/")]
pub async fn amend(
    permit: Permit<UserAdmin>,
    id: web::Path<i64>,
    if_match: IfMatch,
    patch: MergePatch,
    app: web::Data<App>,
) -> Result<Etagged<UserView>, Problem> {
    let (id, now) = (id.into_inner(), Utc::now());
    let mut conn = app.conn().await?;
    let (user, ended) = conn
        .transaction(async |conn| -> Result<(User, Vec<Uuid>), Error> {
            let user = User::hold(conn, id).await?.ok_or(Error::NotFound("account"))?;
            if_match.check(user.version)?;
            let before = Standing::of(&user)?;
            let after = Standing::read(&before, &patch.value)?;
            if after == before {
                return Ok((user, Vec::new()));
            }
            let why = before.ends_sessions(&after);
            if id == permit.actor.user_id && why.is_some() {
                return Err(Error::OwnStanding);
            }
            let user = update(conn, id, &after, now).await?;
            let ended = match why {
                Some(why) => ended::end_all(conn, id, None, why, now).await?,
                None => Vec::new(),
            };
            events::updated(conn, &app.outbox, &permit.actor, &user).await?;
            before.deed(&after).write(conn, &permit.actor.trail).await?;
            Ok((user, ended))
        })
        .await?;
    ended::tell(&app.revocations, &ended).await;
    Ok(Etagged { version: user.version, body: user.view()? })
}

async fn update(conn: &mut AsyncPgConnection, id: i64, then: &Standing, now: DateTime<Utc>) -> QueryResult<User> {
    let doctor = then.doctor.as_ref();
    let department = doctor.map(|doctor| doctor.department.clone()).or_else(|| then.department.clone());
    diesel::update(users::table.find(id))
        .set((
            users::role.eq(then.role.as_str()),
            users::is_active.eq(then.is_active),
            users::department.eq(department),
            users::specialization.eq(doctor.map(|doctor| doctor.specialization.clone())),
            users::registration_number.eq(doctor.map(|doctor| doctor.registration_number.clone())),
            users::version.eq(users::version + 1),
            users::updated_at.eq(now),
        ))
        .returning(User::as_returning())
        .get_result(conn)
        .await
}

impl Standing {
    fn of(user: &User) -> Result<Self, Error> {
        let role = user.role()?;
        let described = user.specialization.clone().zip(user.registration_number.clone());
        let doctor = described.map(|(specialization, registration_number)| DoctorInput {
            specialization,
            registration_number,
            department: user.department.clone().unwrap_or_default(),
        });
        let department = if doctor.is_some() { None } else { user.department.clone() };
        Ok(Self { role, is_active: user.is_active, doctor, department })
    }

    /// What the account becomes. What belongs to the old role only goes with it, unless the patch itself speaks of it.
    fn read(before: &Self, patch: &Value) -> Result<Self, Problem> {
        let mut merged = merge_patch::apply(before, patch)?;
        let role = merged.get("role").and_then(Value::as_str).unwrap_or_default().to_owned();
        for (member, of) in [("doctor", Role::Doctor), ("department", Role::Nurse)] {
            if role != of.as_str()
                && patch.get(member).is_none()
                && let Some(members) = merged.as_object_mut()
            {
                members.remove(member);
            }
        }
        let after: Self = strict_json::parse(merged)?;
        after.faults().check()?;
        Ok(after)
    }

    fn faults(&self) -> Faults {
        let mut faults = Faults::new();
        match (self.role == Role::Doctor, self.doctor.is_some()) {
            (true, false) => faults.push("doctor", "required", "is required for a DOCTOR"),
            (false, true) => faults.push("doctor", "not_allowed", "is for a DOCTOR only"),
            _fits => {}
        }
        if self.department.is_some() && self.role != Role::Nurse {
            faults.push("department", "not_allowed", "is for a NURSE only; a DOCTOR's is in doctor");
        }
        faults
    }

    fn deed(&self, after: &Self) -> Deed {
        match (self.is_active, after.is_active) {
            (true, false) => Deed::Deactivation,
            (false, true) => Deed::Activation,
            _same if self.role != after.role => Deed::RoleChange,
            _same => Deed::AccountChange,
        }
    }

    fn ends_sessions(&self, after: &Self) -> Option<Why> {
        if self.is_active && !after.is_active {
            Some(Why::Deactivated)
        } else if self.role != after.role {
            Some(Why::RoleChanged)
        } else {
            None
        }
    }
}
