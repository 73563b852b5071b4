//! `GET /api/appointments/`: pages of appointments.

use actix_web::{HttpRequest, get, web};
use auth::permissions::AppointmentRead;
use auth::{BreakGlass, Permit};
use chassis::fields::{Day, Id, number, parameter};
use chassis::page::{self, Count, Page, Position};
use chassis::problem::Problem;
use chassis::strict_json::{Fault, Faults, StrictQuery};
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use deserr::Deserr;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::access::{Care, Scope};
use crate::app::App;
use crate::appointment::{AppointmentView, Entry, Viewer, Visible, few_visible_to, halves_of, visible_to};
use crate::break_glass;
use crate::error::Error;
use crate::input::Flag;
use crate::merged;
use crate::schema::appointments;
use crate::slots;
use crate::status::Status;
use chassis::words;

words! {
    /// Order of a list.
    pub enum Ordering {
        /// The earliest first.
        Date = "date",
        /// The latest first; so unless asked otherwise.
        DateDescending = "-date",
        /// The first booked first.
        Created = "created_at",
        /// The last booked first.
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
    status: Option<Status>,
    #[deserr(default)]
    date: Option<Day>,
    #[deserr(default, try_from(Option<String>) = parameter::<Id> -> Fault)]
    series: Option<Id>,
    #[deserr(default, try_from(Option<String>) = parameter::<Flag> -> Fault)]
    needs_rescheduling: Option<Flag>,
    #[deserr(default)]
    ordering: Option<Ordering>,
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
    status: Option<Status>,
    date: Option<NaiveDate>,
    ordering: Option<Ordering>,
    needs_rescheduling: Option<bool>,
    series: Option<i64>,
}

/// Appointments that the caller may know of, a page at a time.
#[utoipa::path(
    tag = "appointments",
    params(
        ("patient" = Option<i64>, Query, description = "id of the patient"),
        ("doctor" = Option<i64>, Query, description = "account id of the doctor"),
        ("status" = Option<Status>, Query, description = "only this status"),
        ("date" = Option<String>, Query, description = "only this day, in the hospital's time zone"),
        ("series" = Option<i64>, Query, description = "only those of this series"),
        ("needs_rescheduling" = Option<bool>, Query, description = "only those that cannot stay where they are, or only the others"),
        ("ordering" = inline(Option<Ordering>), Query, description = "`-date` unless given"),
        ("page" = Option<u64>, Query, description = "from 1; follow `next` for the deep ones"),
        ("page_size" = Option<u64>, Query, description = "20 unless given, at most 100"),
        ("cursor" = Option<String>, Query, description = "as in `next` and `previous`"),
        ("X-Break-Glass" = Option<String>, Header, description = "why a doctor or nurse goes beyond their care, at least 10 characters: opens this patient's appointments and record for an hour, and is reviewed; needs `patient`"),
    ),
    responses(
        (status = 200, body = Page<AppointmentView>),
        (status = 400, description = "bad parameters, every fault in `errors`"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not read appointments"),
        (status = 503, description = "the patients service does not answer about an `X-Break-Glass`; `Retry-After`"),
    )
)]
#[get("/api/appointments/")]
pub async fn list(
    permit: Permit<AppointmentRead>,
    StrictQuery(parameters): StrictQuery<Parameters>,
    break_glass: BreakGlass,
    http: HttpRequest,
    app: web::Data<App>,
) -> Result<web::Json<Page<AppointmentView>>, Problem> {
    let request = page::request(
        &app.cursor_key,
        filters(&parameters),
        parameters.page,
        parameters.page_size,
        parameters.cursor.clone(),
    )?;
    let scope = Scope::of(&mut *app.conn().await?, &permit.actor, permit.reach).await?;
    let scope = match request.filters.patient {
        Some(patient) => break_glass::open(&app, &permit.actor, scope, &break_glass, patient).await?,
        None if break_glass.reason().is_some() && scope.ends_at_care() => {
            return Err(Problem::invalid("patient", "required", "is required with X-Break-Glass"));
        }
        None => scope,
    };
    let mut conn = app.conn().await?;
    let walk = Walk { scope, filters: &request.filters, zone: app.zone() };
    let count = walk.count(&mut conn).await?;
    let rows = walk.rows(&mut conn, count, &request.position, request.size + 1).await?;
    let page = page::answer(&http, &app.cursor_key, &request, rows, count, |entry| walk.position_of(entry))?;
    permit.actor.trail.shows(page.results.iter().map(|entry| entry.appointment.patient_id));
    let viewer = Viewer { role: permit.actor.role, zone: app.zone() };
    let results = page.results.into_iter().map(|entry| viewer.show(entry)).collect();
    let Page { count, count_is_estimate, next, previous, .. } = page;
    Ok(web::Json(Page { count, count_is_estimate, next, previous, results }))
}

fn filters(parameters: &Parameters) -> Filters {
    Filters {
        patient: parameters.patient.map(Id::get),
        doctor: parameters.doctor.map(Id::get),
        status: parameters.status,
        date: parameters.date.map(Day::get),
        ordering: parameters.ordering,
        series: parameters.series.map(Id::get),
        needs_rescheduling: parameters.needs_rescheduling.map(|flag| flag.0),
    }
}

struct Walk<'a> {
    scope: Scope,
    filters: &'a Filters,
    zone: Tz,
}

impl Walk<'_> {
    /// Everything that is asked for.
    fn all(&self) -> Visible<'static> {
        let is_of_few = self.filters.patient.is_some();
        self.narrowed(if is_of_few { few_visible_to(&self.scope) } else { visible_to(&self.scope) })
    }

    /// Whose care all of it is, if it is no patient's or doctor's alone, of whom there is never much.
    fn care(&self) -> Option<Care> {
        let is_of_one = self.filters.patient.is_some() || self.filters.doctor.is_some();
        self.scope.care().filter(|_| !is_of_one)
    }

    fn halves(&self, care: &Care) -> [Visible<'static>; 2] {
        halves_of(care).map(|half| self.narrowed(half))
    }

    fn narrowed(&self, mut rows: Visible<'static>) -> Visible<'static> {
        let Filters { patient, doctor, status, date, needs_rescheduling, series, .. } = self.filters;
        if let Some(patient) = patient {
            rows = rows.filter(sql::<Bool>(merged::IS_OF).bind::<BigInt, _>(*patient).sql("))"));
        }
        if let Some(doctor) = doctor {
            rows = rows.filter(appointments::doctor_id.eq(*doctor));
        }
        if let Some(status) = status {
            // Planned for this status: whoever counts one that is rare must not read the table, as for any status seems cheap.
            rows = rows.filter(sql::<Bool>("appointments.status = ").bind::<Text, _>(*status));
        }
        if let Some(series) = series {
            rows = rows.filter(appointments::series_id.eq(*series));
        }
        match needs_rescheduling {
            Some(true) => rows = rows.filter(appointments::rescheduling_cause.is_not_null()),
            Some(false) => rows = rows.filter(appointments::rescheduling_cause.is_null()),
            None => {}
        }
        if let Some(day) = date.and_then(|date| slots::days(self.zone, date, date)) {
            rows = rows.filter(appointments::starts_at.ge(day.start).and(appointments::starts_at.lt(day.end)));
        }
        rows
    }

    async fn count(&self, conn: &mut AsyncPgConnection) -> QueryResult<Count> {
        let Some(care) = self.care() else {
            return page::count_of(conn, || self.all().select(appointments::id)).await;
        };
        let both = || {
            let [theirs, own] = self.halves(&care);
            theirs.select(appointments::id).union_all(own.select(appointments::id))
        };
        page::count_of(conn, both).await
    }

    fn ordering(&self) -> Ordering {
        self.filters.ordering.unwrap_or(Ordering::DateDescending)
    }

    /// Whether an index has all of it in the order asked for. Where none does, PostgreSQL would walk everybody's appointments in that
    /// order, in the hope to meet some of these soon.
    fn has_index(&self) -> bool {
        let is_everything = self.scope == Scope::All
            && *self.filters == Filters { ordering: self.filters.ordering, ..Filters::default() };
        match self.ordering() {
            Ordering::Date | Ordering::DateDescending => self.care().is_none(),
            Ordering::Created | Ordering::CreatedDescending => is_everything,
        }
    }

    /// A page. Of what no index has in its order all is gathered first, unless there is so much that any order meets it soon.
    async fn rows(
        &self,
        conn: &mut AsyncPgConnection,
        count: Count,
        position: &Position,
        limit: i64,
    ) -> Result<Vec<Entry>, Error> {
        if count.estimated || self.has_index() {
            self.walked(conn, position, limit).await
        } else {
            self.gathered(conn, position, limit).await
        }
    }

    /// When each was, or was booked, and its id: what the order is by.
    async fn keys(&self, conn: &mut AsyncPgConnection) -> QueryResult<Vec<(DateTime<Utc>, i64)>> {
        let keys = |rows: Visible<'static>| match self.ordering() {
            Ordering::Date | Ordering::DateDescending => rows.select((appointments::starts_at, appointments::id)),
            Ordering::Created | Ordering::CreatedDescending => {
                rows.select((appointments::created_at, appointments::id))
            }
        };
        let Some(care) = self.care() else { return keys(self.all()).load(conn).await };
        let [theirs, own] = self.halves(&care);
        keys(theirs).union_all(keys(own)).load(conn).await
    }

    async fn gathered(
        &self,
        conn: &mut AsyncPgConnection,
        position: &Position,
        limit: i64,
    ) -> Result<Vec<Entry>, Error> {
        let mut keys = self.keys(conn).await?;
        let is_backward = matches!(position, Position::Before(_));
        let is_descending = self.ordering().is_descending() != is_backward;
        keys.sort_unstable();
        if is_descending {
            keys.reverse();
        }
        let skipped = match position {
            Position::First => 0,
            Position::Offset(offset) => usize::try_from(*offset).unwrap_or(usize::MAX),
            Position::After(at) | Position::Before(at) => {
                let at = after(at)?;
                keys.partition_point(|key| if is_descending { *key >= at } else { *key <= at })
            }
        };
        let limit = usize::try_from(limit).unwrap_or_default();
        let ids: Vec<i64> = keys.into_iter().skip(skipped).take(limit).map(|(_, id)| id).collect();
        let page = few_visible_to(&self.scope).filter(appointments::id.eq_any(ids));
        let mut rows: Vec<Entry> = page.select(Entry::as_select()).load(conn).await?;
        rows.sort_unstable_by_key(|entry| self.key_of(entry));
        if is_descending {
            rows.reverse();
        }
        Ok(rows)
    }

    async fn walked(&self, conn: &mut AsyncPgConnection, position: &Position, limit: i64) -> Result<Vec<Entry>, Error> {
        let mut rows = self.all().limit(limit).select(Entry::as_select());
        let mut ordering = self.ordering();
        match position {
            Position::First => {}
            Position::Offset(offset) => rows = rows.offset(*offset),
            Position::Before(_) => ordering = ordering.reversed(),
            Position::After(_) => {}
        }
        if let Position::After(at) | Position::Before(at) = position {
            let (time, id) = after(at)?;
            rows = match ordering {
                Ordering::Date => rows.filter(
                    appointments::starts_at.ge(time).and(appointments::starts_at.gt(time).or(appointments::id.gt(id))),
                ),
                Ordering::DateDescending => rows.filter(
                    appointments::starts_at.le(time).and(appointments::starts_at.lt(time).or(appointments::id.lt(id))),
                ),
                Ordering::Created => rows.filter(
                    appointments::created_at
                        .ge(time)
                        .and(appointments::created_at.gt(time).or(appointments::id.gt(id))),
                ),
                Ordering::CreatedDescending => rows.filter(
                    appointments::created_at
                        .le(time)
                        .and(appointments::created_at.lt(time).or(appointments::id.lt(id))),
                ),
            };
        }
        let rows = match ordering {
            Ordering::Date => rows.order((appointments::starts_at.asc(), appointments::id.asc())),
            Ordering::DateDescending => rows.order((appointments::starts_at.desc(), appointments::id.desc())),
            Ordering::Created => rows.order((appointments::created_at.asc(), appointments::id.asc())),
            Ordering::CreatedDescending => rows.order((appointments::created_at.desc(), appointments::id.desc())),
        };
        Ok(rows.load(conn).await?)
    }

    fn key_of(&self, entry: &Entry) -> (DateTime<Utc>, i64) {
        let row = &entry.appointment;
        match self.ordering() {
            Ordering::Date | Ordering::DateDescending => (row.starts_at, row.id),
            Ordering::Created | Ordering::CreatedDescending => (row.created_at, row.id),
        }
    }

    fn position_of(&self, entry: &Entry) -> Value {
        let (time, id) = self.key_of(entry);
        json!([time.timestamp_micros(), id])
    }
}

impl Ordering {
    const fn is_descending(self) -> bool {
        matches!(self, Self::DateDescending | Self::CreatedDescending)
    }

    const fn reversed(self) -> Self {
        match self {
            Self::Date => Self::DateDescending,
            Self::DateDescending => Self::Date,
            Self::Created => Self::CreatedDescending,
            Self::CreatedDescending => Self::Created,
        }
    }
}

fn after(position: &Value) -> Result<(DateTime<Utc>, i64), Error> {
    let read: Option<(i64, i64)> = serde_json::from_value(position.clone()).ok();
    let read = read.and_then(|(time, id)| Some((DateTime::from_timestamp_micros(time)?, id)));
    read.ok_or_else(|| Error::invalid("cursor", "invalid", "is not a cursor of ours"))
}
