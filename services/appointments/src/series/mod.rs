//! `POST /api/appointments/series/`: many appointments by one rule (RFC 5545 `RRULE`): all of them or none, or without those that
//! cannot be had. Each is an appointment like any other from then on.

pub mod rule;

use actix_web::http::StatusCode;
use actix_web::{post, web};
use auth::permissions::AppointmentSeries;
use auth::{Actor, Permit};
use chassis::fields::{Day, Id};
use chassis::idempotency::{Answer, IdempotencyKey};
use chassis::problem::Problem;
use chassis::strict_json::{Faults, Strict};
use chassis::text::{Line, Paragraph};
use chassis::words;
use chrono::{NaiveDate, NaiveTime};
use deserr::Deserr;
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::Scope;
use crate::app::App;
use crate::appointment::{AppointmentView, Entry, Viewer};
use crate::booking::clash::{self, Clash};
use crate::booking::order::Order;
use crate::booking::{check_doctor_is_own, check_people, for_whom};
use crate::error::{Conflict, Error};
use crate::input::{Clock, Minutes, Room};
use crate::schema::series;
use crate::slots;
use crate::status::AppointmentType;

use self::rule::Rule;

words! {
    /// What becomes of a series when some of it cannot be had.
    pub enum OnClash {
        /// Nothing is booked.
        Refuse = "REFUSE",
        /// The rest is booked.
        Skip = "SKIP",
    }
}

/// What a caller sends to book a series.
#[derive(Clone, Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct NewSeries {
    /// Id of the patient.
    pub patient: Id,
    /// Account id of the doctor.
    pub doctor: Id,
    /// The first day, in the hospital's time zone; it has to fall under the rule.
    pub date: Day,
    /// When each begins, a whole minute on the hospital's wall clock.
    #[schema(value_type = String, example = "10:30:00")]
    pub time_slot: Clock,
    /// By which rule: `FREQ` (`DAILY`, `WEEKLY`, `MONTHLY`), `INTERVAL`, `BYDAY`, `BYMONTHDAY`, and `COUNT` or `UNTIL`; 52 at most.
    #[schema(value_type = String, example = "FREQ=WEEKLY;COUNT=10")]
    pub rrule: Line<200>,
    /// `REFUSE` unless given.
    #[deserr(default)]
    pub on_clash: Option<OnClash>,
    /// 5 to 480; the doctor's slot length unless given.
    #[deserr(default)]
    #[schema(value_type = Option<i64>, minimum = 5, maximum = 480)]
    pub duration_minutes: Option<Minutes>,
    /// `IN_PERSON` unless given.
    #[deserr(default)]
    pub appointment_type: Option<AppointmentType>,
    /// Why the patient comes.
    #[deserr(default)]
    pub reason: Option<Paragraph<1000>>,
    /// A room to be taken for each, by its name.
    #[deserr(default)]
    #[schema(value_type = Option<String>, max_length = 40, example = "OPD-3")]
    pub room: Option<Room>,
}

/// A series that was booked.
#[derive(Debug, Serialize, ToSchema)]
pub struct SeriesBooked {
    /// Id of the series; `GET /api/appointments/?series=` lists it.
    pub series: i64,
    /// What was booked, by time.
    pub appointments: Vec<AppointmentView>,
    /// What was not.
    pub skipped: Vec<Missed>,
}

/// One of a series that cannot be had.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Missed {
    /// Day.
    pub date: NaiveDate,
    /// When it would begin.
    #[schema(value_type = String, example = "10:30:00")]
    pub time_slot: NaiveTime,
    /// Why not: `double_booking`, `outside_hours`, `holiday`, `doctor_away` and so on.
    pub code: String,
    /// What is in the way, of a double booking.
    pub conflicts: Vec<Conflict>,
}

/// Books a series.
///
/// Each is checked like a booking. Where one cannot be had, nothing is booked and 409 says which and why in `occurrences`; with
/// `on_clash` `SKIP` the rest is booked and the answer says what was left out. `ADMIN` and `RECEPTIONIST` for anyone, a `DOCTOR` with
/// themselves for patients in their care. A rule without an end is 400.
#[utoipa::path(
    tag = "appointments",
    request_body = NewSeries,
    params(("Idempotency-Key" = Option<String>, Header, description = "the same key and body give the first answer again")),
    responses(
        (status = 201, description = "booked", body = SeriesBooked),
        (status = 400, description = "bad input, every fault in `errors`"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not book series, or not with this doctor"),
        (status = 409, description = "some of it cannot be had (`occurrences`), or the key was used for another body"),
        (status = 503, description = "the owner of a doctor or patient not known here yet does not answer; `Retry-After`"),
    )
)]
#[post("/api/appointments/series/")]
pub async fn book(
    permit: Permit<AppointmentSeries>,
    key: IdempotencyKey,
    body: Strict<NewSeries>,
    app: web::Data<App>,
) -> Result<Answer, Problem> {
    let Strict { value: wanted, digest } = body;
    let actor = &permit.actor;
    let days = wanted.days(&app)?;
    let wanted = NewSeries { patient: for_whom(&app, wanted.patient).await?, ..wanted };
    let scope = Scope::of(&mut *app.conn().await?, actor, permit.reach).await?;
    check_doctor_is_own(&scope, wanted.doctor.get())?;
    let patient = check_people(&app, actor, &scope, wanted.doctor, wanted.patient).await?;
    let wanted = NewSeries { patient, ..wanted };
    let mut conn = app.conn().await?;
    let attempt = async |conn: &mut AsyncPgConnection| {
        conn.transaction(async |conn| {
            if let Some(answer) = key.claim(conn, actor.user_id, &digest).await? {
                actor.trail.repeats();
                return Ok(answer.into());
            }
            let booked = wanted.carry_out(&app, conn, actor, &days).await?;
            audit::write(conn, &actor.trail, booked.appointments.iter().map(|row| row.patient)).await?;
            let answer = Answer::new(StatusCode::CREATED, None, None, &booked)?;
            key.store(conn, actor.user_id, &answer).await?;
            Ok::<Answer, Error>(answer)
        })
        .await
    };
    Ok(clash::settle(&mut conn, &app.calendar, attempt).await?)
}

impl NewSeries {
    fn days(&self, app: &App) -> Result<Vec<NaiveDate>, Problem> {
        let rule: Result<Rule, _> = self.rrule.parse();
        let start_of = |date| slots::instant(app.zone(), date, self.time_slot.0);
        let days = rule.and_then(|rule| rule.days(self.date.get(), start_of));
        days.map_err(|fault| Problem::bad_request(Faults(vec![fault.at("rrule")])))
    }

    async fn carry_out(
        &self,
        app: &App,
        conn: &mut AsyncPgConnection,
        actor: &Actor,
        days: &[NaiveDate],
    ) -> Result<SeriesBooked, Error> {
        let series: i64 = diesel::insert_into(series::table)
            .values((series::rrule.eq(&*self.rrule), series::created_by.eq(actor.user_id)))
            .returning(series::id)
            .get_result(conn)
            .await?;
        let (mut entries, mut missed): (Vec<Entry>, Vec<Missed>) = (Vec::new(), Vec::new());
        for date in days {
            match self.order(*date, series).carry_out(conn, &app.calendar, &app.outbox, actor.into()).await {
                Ok(entry) => entries.push(entry),
                Err(refusal) => missed.push(self.missed(app, *date, refusal)?),
            }
        }
        let refused = !missed.is_empty() && self.on_clash != Some(OnClash::Skip);
        if refused || entries.is_empty() {
            return Err(Error::Series(missed));
        }
        let viewer = Viewer { role: actor.role, zone: app.zone() };
        let appointments = entries.into_iter().map(|entry| viewer.show(entry)).collect();
        Ok(SeriesBooked { series, appointments, skipped: missed })
    }

    fn order(&self, date: NaiveDate, series: i64) -> Order<'_> {
        Order {
            doctor: self.doctor.get(),
            patient: self.patient.get(),
            date,
            time: self.time_slot.0,
            minutes: self.duration_minutes.map(|minutes| minutes.0),
            appointment_type: self.appointment_type.unwrap_or(AppointmentType::InPerson),
            reason: self.reason.as_deref().unwrap_or_default(),
            room: self.room.as_ref().map(|room| room.0.as_str()),
            overbooking_reason: None,
            series: Some(series),
            promised: false,
        }
    }

    /// Why one of them cannot be had. Nothing was written of it, so that the transaction goes on; what the database itself refuses
    /// ends it.
    fn missed(&self, app: &App, date: NaiveDate, refusal: Error) -> Result<Missed, Error> {
        let (code, conflicts) = match refusal {
            Error::Faults(faults) => {
                let code = faults.0.as_slice().first().map_or("invalid", |fault| fault.code);
                (code.to_owned(), Vec::new())
            }
            Error::Clash(clash) if !clash.found.is_empty() => ("double_booking".to_owned(), in_the_way(app, &clash)),
            other => return Err(other),
        };
        Ok(Missed { date, time_slot: self.time_slot.0, code, conflicts })
    }
}

fn in_the_way(app: &App, clash: &Clash) -> Vec<Conflict> {
    let conflict = |(with, span): &(&'static str, slots::Span)| {
        let (date, time_slot, end_time) = app.calendar.wall_clock(span);
        Conflict { with, date, time_slot, end_time }
    };
    clash.found.iter().map(conflict).collect()
}
