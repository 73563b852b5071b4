//! `GET /api/appointments/waitlist/`: pages of those who wait.

use actix_web::{HttpRequest, get, web};
use auth::Permit;
use auth::permissions::WaitlistRead;
use chassis::fields::{Day, Id, number, parameter};
use chassis::page::{self, Page, Position};
use chassis::problem::Problem;
use chassis::strict_json::{Fault, Faults, StrictQuery};
use chassis::words;
use chrono::NaiveDate;
use deserr::Deserr;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::entry::{Entry, EntryStatus, Urgency, Visible, Waiting, visible_to};
use super::view::{self, WaitlistEntry};
use crate::access::Scope;
use crate::app::App;
use crate::appointment::{DoctorFacts, PatientFacts};
use crate::error::Error;
use crate::schema::waitlist_entries;

words! {
    /// Order of the list.
    pub enum WaitlistOrdering {
        /// Who is asked first; so unless asked otherwise.
        Turn = "turn",
        /// Who is asked last.
        TurnDescending = "-turn",
        /// Who came first.
        Created = "created_at",
        /// Who came last.
        CreatedDescending = "-created_at",
    }
}

#[derive(Debug, Deserr)]
#[deserr(error = Faults, deny_unknown_fields)]
struct Parameters {
    #[deserr(default, try_from(Option<String>) = parameter::<Id> -> Fault)]
    patient: Option<Id>,
    #[deserr(default, try_from(Option<String>) = parameter::<Id> -> Fault)]
    doctor: Option<Id>,
    #[deserr(default)]
    specialization: Option<String>,
    #[deserr(default)]
    status: Option<EntryStatus>,
    #[deserr(default)]
    urgency: Option<Urgency>,
    #[deserr(default)]
    date: Option<Day>,
    #[deserr(default)]
    ordering: Option<WaitlistOrdering>,
    #[deserr(default, try_from(Option<String>) = number -> Fault)]
    page: Option<u64>,
    #[deserr(default, try_from(Option<String>) = number -> Fault)]
    page_size: Option<u64>,
    #[deserr(default)]
    cursor: Option<String>,
}

/// What the list is narrowed to, and its order; travels in cursors.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Filters {
    patient: Option<i64>,
    doctor: Option<i64>,
    specialization: Option<String>,
    status: Option<EntryStatus>,
    urgency: Option<Urgency>,
    date: Option<NaiveDate>,
    ordering: Option<WaitlistOrdering>,
}

/// Those who wait, or waited, whom the caller may know of, a page at a time.
///
/// `ADMIN` and `RECEPTIONIST` everyone, a `DOCTOR` those who wait for them or are offered their time, a `PATIENT` themselves.
#[utoipa::path(
    tag = "waitlist",
    params(
        ("patient" = Option<i64>, Query, description = "id of the patient"),
        ("doctor" = Option<i64>, Query, description = "account id of the doctor"),
        ("specialization" = Option<String>, Query, description = "only those who wait for anybody of this field, in any case of letters"),
        ("status" = Option<EntryStatus>, Query, description = "only this status"),
        ("urgency" = Option<Urgency>, Query, description = "only this urgency"),
        ("date" = Option<String>, Query, description = "only those whose window has this day"),
        ("ordering" = inline(Option<WaitlistOrdering>), Query, description = "`turn` unless given"),
        ("page" = Option<u64>, Query, description = "from 1; follow `next` for the deep ones"),
        ("page_size" = Option<u64>, Query, description = "20 unless given, at most 100"),
        ("cursor" = Option<String>, Query, description = "as in `next` and `previous`"),
    ),
    responses(
        (status = 200, body = Page<WaitlistEntry>),
        (status = 400, description = "bad parameters, every fault in `errors`"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not read the waitlist"),
    )
)]
#[get("/api/appointments/waitlist/")]
pub async fn list(
    permit: Permit<WaitlistRead>,
    StrictQuery(parameters): StrictQuery<Parameters>,
    http: HttpRequest,
    app: web::Data<App>,
) -> Result<web::Json<Page<WaitlistEntry>>, Problem> {
    let Parameters { page, page_size, .. } = parameters;
    let cursor = parameters.cursor.clone();
    let request = page::request(&app.cursor_key, parameters.filters(), page, page_size, cursor)?;
    let mut conn = app.conn().await?;
    let walk = Walk { scope: Scope::of(&mut conn, &permit.actor, permit.reach).await?, filters: &request.filters };
    let rows = walk.rows(&mut conn, &request.position, request.size + 1).await?;
    let count = page::count_of(&mut conn, || walk.all().select(waitlist_entries::id)).await?;
    let at = |entry: &Entry| json!([entry.waiting.urgency, entry.waiting.id]);
    let page = page::answer(&http, &app.cursor_key, &request, rows, count, at)?;
    permit.actor.trail.shows(page.results.iter().map(|entry| entry.waiting.patient_id));
    let results = view::all(&mut conn, &app.calendar, page.results).await?;
    let Page { count, count_is_estimate, next, previous, .. } = page;
    Ok(web::Json(Page { count, count_is_estimate, next, previous, results }))
}

impl Parameters {
    fn filters(self) -> Filters {
        Filters {
            patient: self.patient.map(Id::get),
            doctor: self.doctor.map(Id::get),
            specialization: self.specialization.map(|field| field.trim().to_owned()),
            status: self.status,
            urgency: self.urgency,
            date: self.date.map(Day::get),
            ordering: self.ordering,
        }
    }
}

struct Walk<'a> {
    scope: Scope,
    filters: &'a Filters,
}

impl Walk<'_> {
    fn all(&self) -> Visible {
        let Filters { patient, doctor, specialization, status, urgency, date, .. } = self.filters;
        let mut rows = visible_to(&self.scope);
        if let Some(patient) = patient {
            let is_theirs = sql::<Bool>("waitlist_entries.patient_id = ANY (one_patient(");
            rows = rows.filter(is_theirs.bind::<BigInt, _>(*patient).sql("))"));
        }
        if let Some(doctor) = doctor {
            rows = rows.filter(waitlist_entries::doctor_id.eq(*doctor));
        }
        if let Some(field) = specialization {
            let of_field = sql::<Bool>("lower(waitlist_entries.specialization) = lower(");
            rows = rows.filter(of_field.bind::<Text, _>(field.clone()).sql(")"));
        }
        if let Some(status) = status {
            rows = rows.filter(waitlist_entries::status.eq(*status));
        }
        if let Some(urgency) = urgency {
            rows = rows.filter(waitlist_entries::urgency.eq(*urgency));
        }
        if let Some(date) = date {
            rows = rows.filter(waitlist_entries::start_date.le(*date).and(waitlist_entries::end_date.ge(*date)));
        }
        rows
    }

    async fn rows(&self, conn: &mut AsyncPgConnection, position: &Position, limit: i64) -> Result<Vec<Entry>, Error> {
        use waitlist_entries::{id, urgency};
        let columns = (Waiting::as_select(), PatientFacts::as_select(), Option::<DoctorFacts>::as_select());
        let mut rows = self.all().limit(limit).select(columns);
        let mut ordering = self.filters.ordering.unwrap_or(WaitlistOrdering::Turn);
        match position {
            Position::First | Position::After(_) => {}
            Position::Offset(offset) => rows = rows.offset(*offset),
            Position::Before(_) => ordering = ordering.reversed(),
        }
        if let Position::After(at) | Position::Before(at) = position {
            let (level, entry) = after(at)?;
            rows = match ordering {
                WaitlistOrdering::Turn => rows.filter(urgency.lt(level).or(urgency.eq(level).and(id.gt(entry)))),
                WaitlistOrdering::TurnDescending => {
                    rows.filter(urgency.gt(level).or(urgency.eq(level).and(id.lt(entry))))
                }
                WaitlistOrdering::Created => rows.filter(id.gt(entry)),
                WaitlistOrdering::CreatedDescending => rows.filter(id.lt(entry)),
            };
        }
        let rows = match ordering {
            WaitlistOrdering::Turn => rows.order((urgency.desc(), id.asc())),
            WaitlistOrdering::TurnDescending => rows.order((urgency.asc(), id.desc())),
            WaitlistOrdering::Created => rows.order(id.asc()),
            WaitlistOrdering::CreatedDescending => rows.order(id.desc()),
        };
        let rows: Vec<(Waiting, PatientFacts, Option<DoctorFacts>)> = rows.load(conn).await?;
        Ok(rows.into_iter().map(Entry::from).collect())
    }
}

impl WaitlistOrdering {
    const fn reversed(self) -> Self {
        match self {
            Self::Turn => Self::TurnDescending,
            Self::TurnDescending => Self::Turn,
            Self::Created => Self::CreatedDescending,
            Self::CreatedDescending => Self::Created,
        }
    }
}

fn after(position: &Value) -> Result<(Urgency, i64), Error> {
    let read: Option<(Urgency, i64)> = serde_json::from_value(position.clone()).ok();
    read.ok_or_else(|| Error::invalid("cursor", "invalid", "is not a cursor of ours"))
}
