//! `PATCH /api/appointments/waitlist/{id}/`: other terms, or off the list.

use actix_web::{patch, web};
use auth::permissions::WaitlistWrite;
use auth::{Actor, Permit};
use chassis::etag::{Etagged, IfMatch};
use chassis::fields::Id;
use chassis::merge_patch;
use chassis::problem::Problem;
use chassis::strict_json::{Faults, MergePatch, parse};
use chassis::text::Paragraph;
use chrono::{NaiveDate, NaiveTime, Utc};
use diesel_async::{AsyncConnection, AsyncPgConnection};
use serde::Serialize;
use serde_json::Value;

use super::entry::{Entry, EntryStatus, ON_THE_LIST, Step, Urgency, Waiting};
use super::input::{Rewrite, check_length, check_urgency};
use super::offer::{Offer, OfferStatus, give_back};
use super::refusal::Refusal;
use super::view::{self, WaitlistEntry};
use super::{check_once, waits_already};
use crate::access::Scope;
use crate::app::App;
use crate::availability::input::Weekday;
use crate::booking::clash;
use crate::error::Error;
use crate::merged;
use crate::status::AppointmentType;

/// Changes what a patient waits for, or takes them off the list.
///
/// Days, hours, length, kind, urgency and reason change while the entry is `WAITING`, and it keeps its turn. `status` `LEFT` with a
/// `leaving_reason` takes it off the list; what is offered to it goes to the next. Whoever may see an entry may change it.
#[utoipa::path(
    tag = "waitlist",
    params(
        ("id" = i64, Path, description = "id of the entry"),
        ("If-Match" = Option<String>, Header, description = "the `ETag` that the change is based on"),
    ),
    request_body(content = Rewrite, content_type = "application/merge-patch+json", description = "any part of it"),
    responses(
        (status = 200, description = "changed; with `ETag`", body = WaitlistEntry),
        (status = 400, description = "bad input, every fault in `errors`"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not write the waitlist, or not this of it"),
        (status = 404, description = "no such entry, or not for the caller to know of"),
        (status = 409, description = "it is not on the list any more, an offer is open, or the patient waits for this already"),
        (status = 412, description = "the entry has changed since"),
    )
)]
#[patch("/api/appointments/waitlist/{id}/")]
pub async fn amend(
    permit: Permit<WaitlistWrite>,
    id: web::Path<i64>,
    if_match: IfMatch,
    body: MergePatch,
    app: web::Data<App>,
) -> Result<Etagged<WaitlistEntry>, Problem> {
    let id = id.into_inner();
    let mut conn = app.conn().await?;
    let scope = Scope::of(&mut conn, &permit.actor, permit.reach).await?;
    let amending = Amending { app: &app, actor: &permit.actor, scope: &scope, if_match: &if_match, patch: &body.value };
    let attempt =
        async |conn: &mut AsyncPgConnection| conn.transaction(async |conn| amending.attempt(conn, id).await).await;
    Ok(clash::settle(&mut conn, &app.calendar, attempt).await?)
}

struct Amending<'a> {
    app: &'a App,
    actor: &'a Actor,
    scope: &'a Scope,
    if_match: &'a IfMatch,
    patch: &'a Value,
}

/// What a patch is merged into.
#[derive(Serialize)]
struct Writable<'a> {
    patient: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    doctor: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    specialization: Option<&'a str>,
    start_date: NaiveDate,
    end_date: NaiveDate,
    #[serde(skip_serializing_if = "Option::is_none")]
    earliest_time: Option<NaiveTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latest_time: Option<NaiveTime>,
    weekdays: Vec<Weekday>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_minutes: Option<i32>,
    appointment_type: AppointmentType,
    urgency: Urgency,
    status: EntryStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    leaving_reason: Option<&'a str>,
}

impl Amending<'_> {
    async fn attempt(&self, conn: &mut AsyncPgConnection, id: i64) -> Result<Etagged<WaitlistEntry>, Error> {
        let missing = || Error::NotFound("waitlist entry");
        Entry::find(conn, self.scope, id).await?.ok_or_else(missing)?;
        let waiting = Waiting::lock(conn, id).await?;
        self.if_match.check(waiting.version)?;
        let rewrite: Rewrite = parse(merge_patch::apply(&writable(&waiting), self.patch)?)?;
        // A text that is kept is not judged anew as if it were typed.
        let stays = self.patch.get("reason").is_none().then(|| Paragraph::kept(waiting.reason.expose()));
        let rewrite = Rewrite { reason: stays.or(rewrite.reason), ..rewrite };
        check_fixed(&waiting, &rewrite)?;
        let asked = rewrite.status.filter(|status| *status != waiting.status);
        match asked {
            Some(EntryStatus::Left) => self.leave(conn, &waiting, &rewrite).await?,
            Some(status) => return Err(Refusal::NotByHand(status).into()),
            None => self.change(conn, &waiting, &rewrite).await?,
        }
        let entry = Entry::find(conn, &Scope::All, id).await?.ok_or_else(missing)?;
        let version = entry.waiting.version;
        if version == waiting.version {
            self.actor.trail.shows([waiting.patient_id]);
        } else {
            audit::write(conn, &self.actor.trail, [waiting.patient_id]).await?;
        }
        Ok(Etagged { version, body: view::whole(conn, &self.app.calendar, entry).await? })
    }

    async fn leave(&self, conn: &mut AsyncPgConnection, waiting: &Waiting, rewrite: &Rewrite) -> Result<(), Error> {
        if !ON_THE_LIST.contains(&waiting.status) {
            return Err(Refusal::Over(waiting.status).into());
        }
        let why = rewrite.leaving_reason.as_deref().unwrap_or_default();
        if why.is_empty() {
            return Err(Error::invalid("leaving_reason", "required", "is required to leave the list"));
        }
        let step = Step { why, ..Step::to(EntryStatus::Left) };
        match Offer::open_of(conn, waiting.id).await? {
            Some((offer, _doctor)) => {
                let step = Step { offer: Some(offer.id), ..step };
                let (outbox, by) = (&self.app.outbox, self.actor.into());
                give_back(conn, outbox, by, (waiting, &offer), OfferStatus::Declined, step).await?;
            }
            None => drop(waiting.step(conn, self.actor.into(), step).await?),
        }
        metrics::counter!("waitlist_ended_total", "what" => EntryStatus::Left.as_str()).increment(1);
        Ok(())
    }

    async fn change(&self, conn: &mut AsyncPgConnection, waiting: &Waiting, rewrite: &Rewrite) -> Result<(), Error> {
        if rewrite.leaving_reason.as_deref().unwrap_or_default() != waiting.leaving_reason.expose() {
            return Err(Error::invalid("leaving_reason", "not_left", "is for LEFT only"));
        }
        if rewrite.entry().terms() == waiting.terms() {
            return Ok(());
        }
        match waiting.status {
            EntryStatus::Waiting => {}
            EntryStatus::Offered => return Err(Refusal::Offered.into()),
            over => return Err(Refusal::Over(over).into()),
        }
        let today = self.app.calendar.date(Utc::now());
        let terms = rewrite.entry().understood(today, Some(waiting.start_date))?;
        check_urgency(self.actor, terms.urgency, waiting.urgency)?;
        check_length(self.actor, terms.duration_minutes, waiting.duration_minutes)?;
        let same = merged::one_patient(conn, waiting.patient_id).await?;
        let what = (waiting.doctor_id, waiting.specialization.as_deref());
        check_once(conn, &same, what, &terms, Some(waiting.id)).await?;
        waiting.amend(conn, self.actor.into(), &terms).await.map_err(waits_already)?;
        Ok(())
    }
}

fn writable(waiting: &Waiting) -> Writable<'_> {
    Writable {
        patient: waiting.patient_id,
        doctor: waiting.doctor_id,
        specialization: waiting.specialization.as_deref(),
        start_date: waiting.start_date,
        end_date: waiting.end_date,
        earliest_time: waiting.earliest_time,
        latest_time: waiting.latest_time,
        weekdays: waiting.weekdays.iter().map(|day| Weekday::from_days_after_monday(*day)).collect(),
        duration_minutes: waiting.duration_minutes,
        appointment_type: waiting.appointment_type,
        urgency: waiting.urgency,
        status: waiting.status,
        leaving_reason: Some(waiting.leaving_reason.expose().as_str()).filter(|why| !why.is_empty()),
    }
}

/// Who waits for whom stays as it is: anything else is another entry.
fn check_fixed(waiting: &Waiting, rewrite: &Rewrite) -> Result<(), Error> {
    let mut faults = Faults::new();
    let fixed = "cannot change: leave the list and join it anew";
    if rewrite.patient.get() != waiting.patient_id {
        faults.push("patient", "immutable", fixed);
    }
    if rewrite.doctor.map(Id::get) != waiting.doctor_id {
        faults.push("doctor", "immutable", fixed);
    }
    if rewrite.entry().field() != waiting.specialization.as_deref() {
        faults.push("specialization", "immutable", fixed);
    }
    if faults.0.is_empty() { Ok(()) } else { Err(Error::Faults(faults)) }
}
