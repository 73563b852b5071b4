//! `GET, PUT, PATCH /api/appointments/{id}/`: one appointment, moved or taken from one status to the next.
//!
//! PUT and PATCH are one path: a patch is merged into what the caller may write, and the result is checked like a PUT.

pub mod input;

use actix_web::{get, patch, put, web};
use auth::permissions::{AppointmentChange, AppointmentRead};
use auth::{Action, Actor, BreakGlass, Permit};
use chassis::etag::{Etagged, IfMatch};
use chassis::phi::Phi;
use chassis::problem::Problem;
use chassis::strict_json::{MergePatch, Strict};
use chrono::Utc;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use events::Outbox;
use serde_json::Value;

use crate::access::Scope;
use crate::app::App;
use crate::appointment::{Appointment, AppointmentView, Buffers, Change, Entry, FREED, Viewer};
use crate::booking::check_overbooking;
use crate::booking::clash::{self, Clash};
use crate::booking::diary::Diary;
use crate::booking::order::overbooking_reason;
use crate::error::Error;
use crate::history::record::{self, By, Changed};
use crate::status::{Moment, Refusal, Status, Who, check};
use crate::waitlist::opening;
use crate::{break_glass, events as told, rescheduling};

use self::input::{Rewrite, Wanted};

/// One appointment.
///
/// `reason`, `notes` and `cancellation_reason` are null for roles that do not see them: notes are for `ADMIN`, `DOCTOR` and
/// `NURSE`, the reasons for everyone but `ACCOUNTANT`.
#[utoipa::path(
    tag = "appointments",
    params(
        ("id" = i64, Path, description = "id of the appointment"),
        ("X-Break-Glass" = Option<String>, Header, description = "why a doctor or nurse goes beyond their care, at least 10 characters: opens this patient's appointments and record for an hour, and is reviewed"),
    ),
    responses(
        (status = 200, description = "with `ETag`", body = AppointmentView),
        (status = 304, description = "`If-None-Match` names this version"),
        (status = 400, description = "an `X-Break-Glass` that is no reason"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not read appointments"),
        (status = 404, description = "no such appointment, or not for the caller to know of"),
        (status = 503, description = "the patients service does not answer about an `X-Break-Glass`; `Retry-After`"),
    )
)]
#[get("/api/appointments/{id}/")]
pub async fn read(
    permit: Permit<AppointmentRead>,
    id: web::Path<i64>,
    break_glass: BreakGlass,
    app: web::Data<App>,
) -> Result<Etagged<AppointmentView>, Problem> {
    let scope = Scope::of(&mut *app.conn().await?, &permit.actor, permit.reach).await?;
    let scope = break_glass::open_one(&app, &permit.actor, scope, &break_glass, *id).await?;
    let mut conn = app.conn().await?;
    let entry = Entry::find(&mut conn, &scope, id.into_inner()).await?.ok_or(Error::NotFound("appointment"))?;
    permit.actor.trail.shows([entry.appointment.patient_id]);
    Ok(show(&app, &permit.actor, entry))
}

/// Changes an appointment: time, doctor, length, kind, reason, notes, status.
///
/// Without `status`, `duration_minutes`, `appointment_type`, `notes` or `cancellation_reason` these stay as they are; without
/// `reason` it is emptied. The patient stays the same. Moving is checked like a booking, and only possible while `SCHEDULED` or
/// `CONFIRMED`; it keeps the appointment's identity, and those who listen are told of the time before. Who may make which step of
/// status, and when, is one table: nobody is `CHECKED_IN` before the day, nothing `COMPLETED` or `NO_SHOW` before the start.
/// `CANCELLED` needs a `cancellation_reason`. A `NURSE` changes the status only, a `PATIENT` only cancels, before the start.
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
        (status = 409, description = "the time is taken, the status does not follow or not yet, or it is too late to move", body = crate::error::Taken),
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
        (status = 409, description = "the time is taken, the status does not follow or not yet, or it is too late to move", body = crate::error::Taken),
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
        let entry = clash::settle(&mut conn, &self.app.calendar, attempt).await?;
        Ok(show(self.app, self.actor, entry))
    }

    async fn attempt(&self, conn: &mut AsyncPgConnection, id: i64) -> Result<Entry, Error> {
        let visible = Scope::for_action(conn, self.actor, Action::AppointmentRead).await?;
        let entry = Entry::lock(conn, &visible, id).await?.ok_or(Error::NotFound("appointment"))?;
        self.if_match.check(entry.appointment.version)?;
        let viewer = Viewer { role: self.actor.role, zone: self.app.zone() };
        let rewrite = self.wanted.against(&entry, viewer)?;
        let asked = rewrite.asked_of(&entry, viewer)?;
        self.check_rights(conn, &entry, &rewrite, &asked).await?;
        self.check_status(&entry, &rewrite)?;
        rewrite.check_sense(&entry, &asked)?;
        if !asked.anything() {
            self.actor.trail.shows([entry.appointment.patient_id]);
            return Ok(entry);
        }
        let place = self.place(conn, &entry, &rewrite, &asked).await?;
        let entry = self.write(conn, entry, rewrite, place).await?;
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
        if asked.moves || asked.room || asked.edits {
            check_overbooking(self.actor, rewrite.overbooking_reason.as_ref())?;
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
        let row = &entry.appointment;
        let moment = Moment { starts_at: row.starts_at, now: Utc::now(), zone: self.app.zone() };
        check(Who::Role(self.actor.role), from, to, &moment).map_err(|refusal| match refusal {
            Refusal::Role => Error::Forbidden("Your role does not take an appointment to this status."),
            Refusal::DoesNotFollow => Error::DoesNotFollow { from, to },
            Refusal::TooEarly(when) => Error::TooEarly { to, when },
            Refusal::TooLate => Error::Begun,
        })
    }

    /// Where it is to be: as it is, or checked like a booking with the people in it locked.
    async fn place(
        &self,
        conn: &mut AsyncPgConnection,
        entry: &Entry,
        rewrite: &Rewrite,
        asked: &input::Asked,
    ) -> Result<Place, Error> {
        let (row, calendar) = (&entry.appointment, &self.app.calendar);
        if asked.moves && !row.status.is_movable() {
            return Err(Error::NotMovable(row.status));
        }
        let mut place = Place::of(row, rewrite);
        if !asked.moves && (!asked.room || FREED.contains(&rewrite.status.unwrap_or(row.status))) {
            return Ok(place);
        }
        let (doctor, date) = (rewrite.doctor.get(), rewrite.date.get());
        let diary = Diary::lock(conn, calendar, doctor, row.patient_id, date).await?;
        if asked.moves {
            let minutes = rewrite.duration_minutes.map_or_else(|| row.span().minutes(), |minutes| minutes.0);
            let wanted = diary.place(calendar, rewrite.time_slot.0, minutes, Utc::now())?;
            let overbooks = rewrite.overbooking_reason.is_some();
            place.clash = Clash { wanted, held: diary.hold(wanted), overbooks, ..place.clash };
            let placed = place.clash.refuse(conn).await?;
            place.overbooking_reason = overbooking_reason(placed, rewrite.overbooking_reason.as_ref());
            place.buffers = Some(diary.buffers());
        } else {
            place.clash.refuse(conn).await?;
        }
        Ok(place)
    }

    async fn write(
        &self,
        conn: &mut AsyncPgConnection,
        entry: Entry,
        rewrite: Rewrite,
        place: Place,
    ) -> Result<Entry, Error> {
        let why = rewrite.change_reason.as_deref().unwrap_or_default().to_owned();
        let change = changed(&entry.appointment, rewrite, &place);
        let Place { clash, buffers, .. } = place;
        Written { change, buffers, why }.carry_out(conn, &self.app.outbox, self.actor.into(), entry, &clash).await
    }
}

/// A change that was found good.
pub struct Written {
    /// What becomes of it.
    pub change: Change,
    /// What the doctor keeps free around it, where it is moved.
    pub buffers: Option<Buffers>,
    /// Why; of a cancellation its reason, where nobody says more.
    pub why: String,
}

impl Written {
    /// Writes it, writes it down, and tells of it.
    ///
    /// # Errors
    /// The clash that the database sees, and when PostgreSQL refuses.
    pub async fn carry_out(
        self,
        conn: &mut AsyncPgConnection,
        outbox: &Outbox,
        by: By<'_>,
        entry: Entry,
        clash: &Clash,
    ) -> Result<Entry, Error> {
        let before = &entry.appointment;
        let row = entry.update(conn, &self.change, self.buffers).await.map_err(|cause| clash.or(cause))?;
        let called_off = row.status == Status::Cancelled && self.why.is_empty();
        let why = if called_off { row.cancellation_reason.expose() } else { &self.why };
        record::record(conn, by, &[Changed { before: Some(before), after: &row, why }]).await?;
        opening::given_up(conn, before, &row).await?;
        rescheduling::left(conn, outbox, before, &row).await?;
        let after = Entry::find(conn, &Scope::All, row.id).await?.ok_or(Error::NotFound("appointment"))?;
        told::changed(outbox, conn, by, before, &row, &after.doctor.name).await?;
        Ok(after)
    }
}

/// Where a changed appointment is to be.
struct Place {
    /// Time, doctor and room, and what stands in the way of them.
    clash: Clash,
    /// Why it lies over another one.
    overbooking_reason: Option<Phi<String>>,
    /// What the doctor keeps free around it, where it is moved.
    buffers: Option<Buffers>,
}

impl Place {
    /// Where it is, in the room that is wanted; what lies over it on purpose is in nobody's way.
    fn of(row: &Appointment, rewrite: &Rewrite) -> Self {
        let clash = Clash {
            doctor: rewrite.doctor.get(),
            patient: row.patient_id,
            room: rewrite.room.clone().map(|room| room.0),
            wanted: row.span(),
            held: row.span(),
            overbooks: true,
            promised: false,
            except: Some(row.id),
            found: Vec::new(),
        };
        Self { clash, overbooking_reason: row.overbooking_reason.clone(), buffers: None }
    }
}

fn changed(before: &Appointment, rewrite: Rewrite, place: &Place) -> Change {
    let kept = |text: Option<String>, old: &Phi<String>| text.map_or_else(|| old.clone(), Into::into);
    let status = rewrite.status.unwrap_or(before.status);
    let stays = place.buffers.is_none() && status.is_movable();
    Change {
        doctor_id: rewrite.doctor.get(),
        starts_at: place.clash.wanted.start,
        ends_at: place.clash.wanted.end,
        status,
        appointment_type: rewrite.appointment_type.unwrap_or(before.appointment_type),
        reason: rewrite.reason.map(|text| text.into_inner()).unwrap_or_default().into(),
        notes: kept(rewrite.notes.map(|text| text.into_inner()), &before.notes),
        cancellation_reason: kept(
            rewrite.cancellation_reason.map(|text| text.into_inner()),
            &before.cancellation_reason,
        ),
        version: before.version + 1,
        updated_at: Utc::now(),
        rescheduling_cause: before.rescheduling_cause.filter(|_| stays),
        room: place.clash.room.clone(),
        overbooking_reason: place.overbooking_reason.clone(),
    }
}

fn show(app: &App, actor: &Actor, entry: Entry) -> Etagged<AppointmentView> {
    let viewer = Viewer { role: actor.role, zone: app.zone() };
    Etagged { version: entry.appointment.version, body: viewer.show(entry) }
}
