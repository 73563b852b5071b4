//! `GET, PUT, PATCH /api/appointments/{id}/`: one appointment, moved or taken from one status to the next.
//!
//! PUT and PATCH are one path: a patch is merged into what the caller may write, and the result is checked like a PUT.

pub mod input;

use actix_web::{get, patch, put, web};
use auth::permissions::{AppointmentChange, AppointmentRead};
use auth::{Action, Actor, Permit};
use chassis::etag::{Etagged, IfMatch};
use chassis::problem::Problem;
use chassis::strict_json::{MergePatch, Strict};
use chrono::Utc;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use serde_json::Value;

use crate::access::Scope;
use crate::app::App;
use crate::appointment::{Appointment, AppointmentView, Change, Entry, Viewer};
use crate::booking::clash::{self, Clash};
use crate::booking::diary::Diary;
use crate::error::Error;
use crate::slots::Span;
use crate::status::{Refusal, Status, check};
use crate::{events, history};

use self::input::{Rewrite, Wanted};

/// One appointment.
///
/// `reason`, `notes` and `cancellation_reason` are null for roles that do not see them: notes are for `ADMIN`, `DOCTOR` and
/// `NURSE`, the reasons for everyone but `ACCOUNTANT`.
#[utoipa::path(
    tag = "appointments",
    params(("id" = i64, Path, description = "id of the appointment")),
    responses(
        (status = 200, description = "with `ETag`", body = AppointmentView),
        (status = 304, description = "`If-None-Match` names this version"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not read appointments"),
        (status = 404, description = "no such appointment, or not for the caller to know of"),
    )
)]
#[get("/api/appointments/{id}/")]
pub async fn read(
    permit: Permit<AppointmentRead>,
    id: web::Path<i64>,
    app: web::Data<App>,
) -> Result<Etagged<AppointmentView>, Problem> {
    let mut conn = app.conn().await?;
    let scope = Scope::of(&mut conn, &permit.actor, permit.reach).await?;
    let entry = Entry::find(&mut conn, &scope, id.into_inner()).await?.ok_or(Error::NotFound("appointment"))?;
    permit.actor.trail.shows([entry.appointment.patient_id]);
    Ok(show(&app, &permit.actor, entry))
}

/// Changes an appointment: time, doctor, length, kind, reason, notes, status.
///
/// Without `status`, `duration_minutes`, `appointment_type`, `notes` or `cancellation_reason` these stay as they are; without
/// `reason` it is emptied. The patient stays the same. Moving is checked like a booking, and only possible while `SCHEDULED` or
/// `CONFIRMED`. Who may make which step of status is one table; `CANCELLED` needs a `cancellation_reason`. A `NURSE` changes the
/// status only, a `PATIENT` only cancels, before the start.
#[utoipa::path(
    tag = "appointments",
    params(
        ("id" = i64, Path, description = "id of the appointment"),
        ("If-Match" = Option<String>, Header, description = "the `ETag` that the change is based on"),
    ),
    request_body = Rewrite,
    responses(
        (status = 200, description = "changed; with `ETag`", body = AppointmentView),
        (status = 400, description = "bad input, every fault in `errors`"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not make this change"),
        (status = 404, description = "no such appointment, or not for the caller to know of"),
        (status = 409, description = "the time is taken, the status does not follow, or it is too late to move", body = crate::error::Taken),
        (status = 412, description = "the appointment has changed since"),
        (status = 503, description = "the users service does not answer about a doctor not known here yet"),
    )
)]
#[put("/api/appointments/{id}/")]
pub async fn replace(
    permit: Permit<AppointmentChange>,
    id: web::Path<i64>,
    if_match: IfMatch,
    body: Strict<Rewrite>,
    app: web::Data<App>,
) -> Result<Etagged<AppointmentView>, Problem> {
    app.owners.doctor(&app.db, &permit.actor, body.value.doctor.get()).await?;
    let wanted = Wanted::Replace(body.value);
    Changing { app: &app, actor: &permit.actor, if_match: &if_match, wanted: &wanted }.settle(id.into_inner()).await
}

/// Changes an appointment by a JSON merge patch (RFC 7396) of what PUT takes.
#[utoipa::path(
    tag = "appointments",
    params(
        ("id" = i64, Path, description = "id of the appointment"),
        ("If-Match" = Option<String>, Header, description = "the `ETag` that the change is based on"),
    ),
    request_body(content = Rewrite, content_type = "application/merge-patch+json", description = "any part of it"),
    responses(
        (status = 200, description = "changed; with `ETag`", body = AppointmentView),
        (status = 400, description = "bad input, every fault in `errors`"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not make this change"),
        (status = 404, description = "no such appointment, or not for the caller to know of"),
        (status = 409, description = "the time is taken, the status does not follow, or it is too late to move", body = crate::error::Taken),
        (status = 412, description = "the appointment has changed since"),
        (status = 503, description = "the users service does not answer about a doctor not known here yet"),
    )
)]
#[patch("/api/appointments/{id}/")]
pub async fn amend(
    permit: Permit<AppointmentChange>,
    id: web::Path<i64>,
    if_match: IfMatch,
    body: MergePatch,
    app: web::Data<App>,
) -> Result<Etagged<AppointmentView>, Problem> {
    if let Some(doctor) = body.value.get("doctor").and_then(Value::as_i64) {
        app.owners.doctor(&app.db, &permit.actor, doctor).await?;
    }
    let wanted = Wanted::Patch(body.value);
    Changing { app: &app, actor: &permit.actor, if_match: &if_match, wanted: &wanted }.settle(id.into_inner()).await
}

struct Changing<'a> {
    app: &'a App,
    actor: &'a Actor,
    if_match: &'a IfMatch,
    wanted: &'a Wanted,
}

impl Changing<'_> {
    async fn settle(&self, id: i64) -> Result<Etagged<AppointmentView>, Problem> {
        let mut conn = self.app.conn().await?;
        let attempt =
            async |conn: &mut AsyncPgConnection| conn.transaction(async |conn| self.attempt(conn, id).await).await;
        let entry = clash::settle(&mut conn, self.app.zone, attempt).await?;
        Ok(show(self.app, self.actor, entry))
    }

    async fn attempt(&self, conn: &mut AsyncPgConnection, id: i64) -> Result<Entry, Error> {
        let visible = Scope::for_action(conn, self.actor, Action::AppointmentRead).await?;
        let entry = Entry::lock(conn, &visible, id).await?.ok_or(Error::NotFound("appointment"))?;
        self.if_match.check(entry.appointment.version)?;
        let viewer = Viewer { role: self.actor.role, zone: self.app.zone };
        let rewrite = self.wanted.against(&entry, viewer)?;
        let asked = rewrite.asked_of(&entry, viewer)?;
        self.check_rights(conn, &entry, &rewrite, &asked).await?;
        self.check_status(&entry, &rewrite)?;
        rewrite.check_sense(&entry, &asked)?;
        if !asked.anything() {
            self.actor.trail.shows([entry.appointment.patient_id]);
            return Ok(entry);
        }
        let span = if asked.moves { self.place(conn, &entry, &rewrite).await? } else { entry.appointment.span() };
        let entry = self.write(conn, entry, rewrite, span).await?;
        audit::write(conn, &self.actor.trail, [entry.appointment.patient_id]).await?;
        Ok(entry)
    }

    async fn check_rights(
        &self,
        conn: &mut AsyncPgConnection,
        entry: &Entry,
        rewrite: &Rewrite,
        asked: &input::Asked,
    ) -> Result<(), Error> {
        if let Some(to) = asked.status {
            let action = if to == Status::Cancelled { Action::AppointmentCancel } else { Action::AppointmentStatus };
            self.check_scope(conn, entry, action).await?;
        }
        if asked.cancellation_reason {
            self.check_scope(conn, entry, Action::AppointmentCancel).await?;
        }
        if asked.moves || asked.edits {
            let scope = self.check_scope(conn, entry, Action::AppointmentReschedule).await?;
            if matches!(scope, Scope::OfDoctor(_)) && !scope.covers_doctor(rewrite.doctor.get()) {
                return Err(Error::Forbidden("A doctor hands an appointment over through the desk."));
            }
        }
        Ok(())
    }

    async fn check_scope(&self, conn: &mut AsyncPgConnection, entry: &Entry, action: Action) -> Result<Scope, Error> {
        let scope = Scope::for_action(conn, self.actor, action).await?;
        if scope.covers(conn, entry).await? {
            Ok(scope)
        } else {
            Err(Error::Forbidden("You may see this appointment, but not change this of it."))
        }
    }

    fn check_status(&self, entry: &Entry, rewrite: &Rewrite) -> Result<(), Error> {
        let (from, to) = (entry.appointment.status, rewrite.status.unwrap_or(entry.appointment.status));
        if from == to {
            return Ok(());
        }
        match check(self.actor.role, from, to) {
            Err(Refusal::Role) => {
                return Err(Error::Forbidden("Your role does not take an appointment to this status."));
            }
            Err(Refusal::DoesNotFollow) => return Err(Error::DoesNotFollow { from, to }),
            Ok(()) => {}
        }
        let begun = entry.appointment.starts_at <= Utc::now();
        if self.actor.role == auth::Role::Patient && begun { Err(Error::Begun) } else { Ok(()) }
    }

    /// The new span, checked like a booking, with the people in it locked.
    async fn place(&self, conn: &mut AsyncPgConnection, entry: &Entry, rewrite: &Rewrite) -> Result<Span, Error> {
        if !entry.appointment.status.is_movable() {
            return Err(Error::NotMovable(entry.appointment.status));
        }
        let diary = Diary::lock(conn, rewrite.doctor.get(), entry.appointment.patient_id).await?;
        let minutes = rewrite.duration_minutes.map_or_else(|| entry.appointment.span().minutes(), |minutes| minutes.0);
        let span = diary.place(self.app.zone, rewrite.date.get(), rewrite.time_slot.0, minutes, Utc::now())?;
        clash_of(entry, rewrite, span).refuse(conn).await?;
        Ok(span)
    }

    async fn write(
        &self,
        conn: &mut AsyncPgConnection,
        entry: Entry,
        rewrite: Rewrite,
        span: Span,
    ) -> Result<Entry, Error> {
        let before = &entry.appointment;
        let clash = clash_of(&entry, &rewrite, span);
        let change = changed(before, rewrite, span);
        let row = entry.update(conn, &change).await.map_err(|cause| clash.or(cause))?;
        history::record(conn, self.actor, Some(before), &row).await?;
        let after = Entry::find(conn, &Scope::All, row.id).await?.ok_or(Error::NotFound("appointment"))?;
        events::changed(&self.app.outbox, conn, self.actor, before.status, &row, &after.doctor.name).await?;
        Ok(after)
    }
}

fn clash_of(entry: &Entry, rewrite: &Rewrite, wanted: Span) -> Clash {
    let row = &entry.appointment;
    Clash { doctor: rewrite.doctor.get(), patient: row.patient_id, wanted, except: Some(row.id), found: Vec::new() }
}

fn changed(before: &Appointment, rewrite: Rewrite, span: Span) -> Change {
    let kept = |text: Option<String>, old: &chassis::phi::Phi<String>| text.map_or_else(|| old.clone(), Into::into);
    Change {
        doctor_id: rewrite.doctor.get(),
        starts_at: span.start,
        ends_at: span.end,
        status: rewrite.status.unwrap_or(before.status),
        appointment_type: rewrite.appointment_type.unwrap_or(before.appointment_type),
        reason: rewrite.reason.map(|text| text.into_inner()).unwrap_or_default().into(),
        notes: kept(rewrite.notes.map(|text| text.into_inner()), &before.notes),
        cancellation_reason: kept(
            rewrite.cancellation_reason.map(|text| text.into_inner()),
            &before.cancellation_reason,
        ),
        version: before.version + 1,
        updated_at: Utc::now(),
    }
}

fn show(app: &App, actor: &Actor, entry: Entry) -> Etagged<AppointmentView> {
    let viewer = Viewer { role: actor.role, zone: app.zone };
    Etagged { version: entry.appointment.version, body: viewer.show(entry) }
}
