//! `POST …/{id}/accept/` and `POST …/{id}/decline/`: what the patient says to an offer.

use actix_web::{post, web};
use auth::permissions::WaitlistWrite;
use auth::{Actor, Permit};
use chassis::etag::IfMatch;
use chassis::idempotency::{Answer, IdempotencyKey};
use chassis::problem::Problem;
use chassis::strict_json::digest;
use chrono::Utc;
use diesel::OptionalExtension;
use diesel_async::{AsyncConnection, AsyncPgConnection};

use super::entry::{Entry, EntryStatus, Step, Waiting};
use super::offer::{Offer, OfferStatus, give_back};
use super::refusal::Refusal;
use super::view::{self, WaitlistEntry};
use crate::access::Scope;
use crate::app::App;
use crate::appointment::{AppointmentView, Entry as Booked, Viewer};
use crate::booking::order::Order;
use crate::booking::{clash, created};
use crate::error::Error;
use crate::people::StaffMember;
use crate::{events, merged};

/// Takes what is offered: the appointment is booked with it.
///
/// The patient, `ADMIN` and `RECEPTIONIST`, and a `DOCTOR` of their own time. With `If-Match` only the offer that was seen is taken.
/// Accepted again it gives the appointment again.
#[utoipa::path(
    tag = "waitlist",
    params(
        ("id" = i64, Path, description = "id of the entry"),
        ("If-Match" = Option<String>, Header, description = "the `ETag` of the entry that showed the offer"),
        ("Idempotency-Key" = Option<String>, Header, description = "the same key gives the first answer again"),
    ),
    responses(
        (status = 201, description = "booked; `Location` and `ETag` are the appointment's", body = AppointmentView),
        (status = 200, description = "it was accepted before", body = AppointmentView),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not answer offers"),
        (status = 404, description = "no such entry, or not for the caller to know of"),
        (status = 409, description = "no offer is open (`no-offer`), it lapsed (`offer-lapsed`), it cannot be had any more (`offer-void`), or the patient is elsewhere then (`double-booking`)"),
        (status = 412, description = "the entry has changed since"),
    )
)]
#[post("/api/appointments/waitlist/{id}/accept/")]
pub async fn accept(
    permit: Permit<WaitlistWrite>,
    id: web::Path<i64>,
    key: IdempotencyKey,
    if_match: IfMatch,
    app: web::Data<App>,
) -> Result<Answer, Problem> {
    let mut conn = app.conn().await?;
    let scope = Scope::of(&mut conn, &permit.actor, permit.reach).await?;
    let answering = Answering { app: &app, actor: &permit.actor, scope, key, if_match, id: id.into_inner() };
    let attempt =
        async |conn: &mut AsyncPgConnection| conn.transaction(async |conn| answering.accept(conn).await).await;
    Ok(clash::settle(&mut conn, &app.calendar, attempt).await?)
}

/// Does not want what is offered: the next is asked, and the patient waits on.
///
/// What was declined is not offered to the same entry again. Who does not want to wait any more sets `LEFT`.
#[utoipa::path(
    tag = "waitlist",
    params(
        ("id" = i64, Path, description = "id of the entry"),
        ("If-Match" = Option<String>, Header, description = "the `ETag` of the entry that showed the offer"),
        ("Idempotency-Key" = Option<String>, Header, description = "the same key gives the first answer again"),
    ),
    responses(
        (status = 200, description = "declined; with `ETag`", body = WaitlistEntry),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not answer offers"),
        (status = 404, description = "no such entry, or not for the caller to know of"),
        (status = 409, description = "no offer is open"),
        (status = 412, description = "the entry has changed since"),
    )
)]
#[post("/api/appointments/waitlist/{id}/decline/")]
pub async fn decline(
    permit: Permit<WaitlistWrite>,
    id: web::Path<i64>,
    key: IdempotencyKey,
    if_match: IfMatch,
    app: web::Data<App>,
) -> Result<Answer, Problem> {
    let mut conn = app.conn().await?;
    let scope = Scope::of(&mut conn, &permit.actor, permit.reach).await?;
    let answering = Answering { app: &app, actor: &permit.actor, scope, key, if_match, id: id.into_inner() };
    let attempt =
        async |conn: &mut AsyncPgConnection| conn.transaction(async |conn| answering.decline(conn).await).await;
    Ok(clash::settle(&mut conn, &app.calendar, attempt).await?)
}

struct Answering<'a> {
    app: &'a App,
    actor: &'a Actor,
    scope: Scope,
    key: IdempotencyKey,
    if_match: IfMatch,
    id: i64,
}

impl Answering<'_> {
    /// The first answer, if the key was used before.
    async fn before(&self, conn: &mut AsyncPgConnection) -> Result<Option<Answer>, Error> {
        let stored = self.key.claim(conn, self.actor.user_id, &digest(b"")).await?;
        if stored.is_some() {
            self.actor.trail.repeats();
        }
        Ok(stored.map(Answer::from))
    }

    async fn find(&self, conn: &mut AsyncPgConnection) -> Result<Entry, Error> {
        Entry::find(conn, &self.scope, self.id).await?.ok_or(Error::NotFound("waitlist entry"))
    }

    async fn accept(&self, conn: &mut AsyncPgConnection) -> Result<Answer, Error> {
        if let Some(answer) = self.before(conn).await? {
            return Ok(answer);
        }
        let seen = self.find(conn).await?.waiting;
        let offer = Offer::open_of(conn, seen.id).await?.map(|(offer, _doctor)| offer);
        let patient = merged::survivor(conn, seen.patient_id).await?;
        if let Some(offer) = &offer {
            // In the order in which everybody locks: a booking would lock the two people later, and the entry is between.
            StaffMember::lock(conn, offer.doctor_id).await?;
            merged::lock(conn, patient).await.optional()?;
        }
        let waiting = Waiting::lock(conn, self.id).await?;
        let answer = match (waiting.appointment_id, offer) {
            (Some(appointment), _) => self.again(conn, appointment).await?,
            (None, offer) => self.book(conn, &waiting, patient, offer).await?,
        };
        self.key.store(conn, self.actor.user_id, &answer).await?;
        Ok(answer)
    }

    async fn book(
        &self,
        conn: &mut AsyncPgConnection,
        waiting: &Waiting,
        patient: i64,
        offer: Option<Offer>,
    ) -> Result<Answer, Error> {
        self.if_match.check(waiting.version)?;
        let offer = match offer {
            Some(offer) if waiting.status == EntryStatus::Offered => offer,
            _ => return Err(self.nothing_to_take(conn).await?.into()),
        };
        if offer.expires_at <= Utc::now() {
            return Err(Refusal::Lapsed.into());
        }
        // Not held any more from here on, and the doctor's row is locked: nobody else gets in before the appointment does.
        let closed = offer.close(conn, OfferStatus::Accepted).await?.ok_or(Refusal::Lapsed)?;
        let start = closed.starts_at.with_timezone(&self.app.zone());
        let order = Order {
            doctor: closed.doctor_id,
            patient,
            date: start.date_naive(),
            time: start.time(),
            minutes: Some(closed.span().minutes()),
            appointment_type: waiting.appointment_type,
            reason: waiting.reason.expose(),
            room: None,
            overbooking_reason: None,
            series: None,
            promised: true,
        };
        let by = self.actor.into();
        let booked = order.carry_out(conn, &self.app.calendar, &self.app.outbox, by).await.map_err(void)?;
        let step = Step { appointment: Some(booked.appointment.id), ..Step::of_offer(EntryStatus::Booked, closed.id) };
        let waiting = waiting.step(conn, by, step).await?.ok_or(Refusal::NoOffer)?;
        events::waitlist_offer(&self.app.outbox, conn, by, &waiting, &closed).await?;
        audit::write(conn, &self.actor.trail, [booked.appointment.patient_id]).await?;
        Ok(created(self.app, self.actor, booked)?)
    }

    /// Why there is nothing: the last offer lapsed, or there was none.
    async fn nothing_to_take(&self, conn: &mut AsyncPgConnection) -> Result<Refusal, Error> {
        let last = Offer::last_of(conn, self.id).await?;
        let lapsed = last.is_some_and(|offer| offer.status == OfferStatus::Lapsed);
        Ok(if lapsed { Refusal::Lapsed } else { Refusal::NoOffer })
    }

    /// The appointment that was booked before.
    async fn again(&self, conn: &mut AsyncPgConnection, appointment: i64) -> Result<Answer, Error> {
        let entry = Booked::find(conn, &Scope::All, appointment).await?.ok_or(Error::NotFound("appointment"))?;
        self.actor.trail.shows([entry.appointment.patient_id]);
        let viewer = Viewer { role: self.actor.role, zone: self.app.zone() };
        Ok(Answer::ok(entry.appointment.version, &viewer.show(entry))?)
    }

    async fn decline(&self, conn: &mut AsyncPgConnection) -> Result<Answer, Error> {
        if let Some(answer) = self.before(conn).await? {
            return Ok(answer);
        }
        self.find(conn).await?;
        let waiting = Waiting::lock(conn, self.id).await?;
        self.if_match.check(waiting.version)?;
        let Some((offer, _doctor)) = Offer::open_of(conn, waiting.id).await? else {
            return Err(self.nothing_to_take(conn).await?.into());
        };
        let step = Step { why: "the offer was declined", ..Step::of_offer(EntryStatus::Waiting, offer.id) };
        let (outbox, by) = (&self.app.outbox, self.actor.into());
        give_back(conn, outbox, by, (&waiting, &offer), OfferStatus::Declined, step).await?.ok_or(Refusal::NoOffer)?;
        audit::write(conn, &self.actor.trail, [waiting.patient_id]).await?;
        let entry = self.find_again(conn).await?;
        let answer = Answer::ok(entry.waiting.version, &view::whole(conn, &self.app.calendar, entry).await?)?;
        self.key.store(conn, self.actor.user_id, &answer).await?;
        Ok(answer)
    }

    /// As it is now, though a doctor may not see it any more who was offered as one of the field.
    async fn find_again(&self, conn: &mut AsyncPgConnection) -> Result<Entry, Error> {
        Entry::find(conn, &Scope::All, self.id).await?.ok_or(Error::NotFound("waitlist entry"))
    }
}

/// The caller sent none of it, so that what is wrong with it is no bad input.
fn void(error: Error) -> Error {
    match error {
        Error::Faults(faults) => Refusal::Void(faults).into(),
        other => other,
    }
}
