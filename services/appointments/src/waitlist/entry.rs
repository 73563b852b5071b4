//! Somebody who waits: the row, what is shown of it to whom, and how it goes from one status to the next.

use chassis::phi::Phi;
use chassis::words;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use diesel::dsl::{InnerJoin, IntoBoxed, LeftJoin};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::fit::Wish;
use super::offer::OfferStatus;
use crate::access::Scope;
use crate::appointment::{DoctorFacts, PatientFacts};
use crate::history::record::By;
use crate::schema::{patients, staff, waitlist_entries, waitlist_history, waitlist_offers};
use crate::status::AppointmentType;

words! {
    /// Where somebody who waits stands.
    pub enum EntryStatus {
        /// Waits for time to come free.
        Waiting = "WAITING",
        /// Has been offered some, which is held until they answer or the offer lapses.
        Offered = "OFFERED",
        /// Took what was offered: there is an appointment.
        Booked = "BOOKED",
        /// Does not wait any more.
        Left = "LEFT",
        /// Nothing came free in their time.
        Expired = "EXPIRED",
        /// Taken off the list, since the doctor or the patient is there no more.
        Withdrawn = "WITHDRAWN",
    }
}

words! {
    /// How urgent it is. Who is `URGENT` is asked before the others.
    pub enum Urgency {
        /// In turn.
        Routine = "ROUTINE",
        /// Before the others.
        Urgent = "URGENT",
    }
}

/// Statuses of those who are on the list; nothing follows the others.
pub const ON_THE_LIST: [EntryStatus; 2] = [EntryStatus::Waiting, EntryStatus::Offered];

/// A row of `waitlist_entries`.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = waitlist_entries, check_for_backend(Pg))]
pub struct Waiting {
    /// Id; who came first has the lower one.
    pub id: i64,
    /// Who waits.
    pub patient_id: i64,
    /// For whom, unless for anybody of a field.
    pub doctor_id: Option<i64>,
    /// For anybody of this field of medicine.
    pub specialization: Option<String>,
    /// The first day that suits.
    pub start_date: NaiveDate,
    /// The last day that suits.
    pub end_date: NaiveDate,
    /// Not to begin before this on the wall clock.
    pub earliest_time: Option<NaiveTime>,
    /// Not to end after this.
    pub latest_time: Option<NaiveTime>,
    /// Days of the week that suit, in days after Monday; none: any.
    pub weekdays: Vec<i16>,
    /// How long it takes; as long as the doctor's slots unless said.
    pub duration_minutes: Option<i32>,
    /// Where they are to meet.
    pub appointment_type: AppointmentType,
    /// How urgent it is.
    pub urgency: Urgency,
    /// Why the patient comes.
    pub reason: Phi<String>,
    /// Where it stands.
    pub status: EntryStatus,
    /// Why the patient does not wait any more.
    pub leaving_reason: Phi<String>,
    /// What was booked.
    pub appointment_id: Option<i64>,
    /// Grows with every change.
    pub version: i64,
    /// Account of who put the patient on the list.
    pub created_by: i64,
    /// When.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// What is written of somebody who begins to wait.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = waitlist_entries, check_for_backend(Pg), treat_none_as_default_value = false)]
pub struct NewWaiting {
    /// Who waits.
    pub patient_id: i64,
    /// For whom.
    pub doctor_id: Option<i64>,
    /// Or for anybody of which field.
    pub specialization: Option<String>,
    /// What can be changed later.
    #[diesel(embed)]
    pub terms: Terms,
    /// `WAITING`.
    pub status: EntryStatus,
    /// Empty at first.
    pub leaving_reason: Phi<String>,
    /// Account of who puts them on the list.
    pub created_by: i64,
}

/// What of an entry can be changed while it waits.
#[derive(Clone, Debug, PartialEq, Insertable, AsChangeset)]
#[diesel(table_name = waitlist_entries, check_for_backend(Pg), treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct Terms {
    /// The first day.
    pub start_date: NaiveDate,
    /// The last day.
    pub end_date: NaiveDate,
    /// Not to begin before.
    pub earliest_time: Option<NaiveTime>,
    /// Not to end after.
    pub latest_time: Option<NaiveTime>,
    /// Days of the week.
    pub weekdays: Vec<i16>,
    /// How long it takes.
    pub duration_minutes: Option<i32>,
    /// Where they are to meet.
    pub appointment_type: AppointmentType,
    /// How urgent it is.
    pub urgency: Urgency,
    /// Why the patient comes.
    pub reason: Phi<String>,
}

/// An entry with the people in it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The row.
    pub waiting: Waiting,
    /// Who waits.
    pub patient: PatientFacts,
    /// For whom, where a doctor is named.
    pub doctor: Option<DoctorFacts>,
}

/// Entries with their people, as a query that can be narrowed.
pub type Visible = IntoBoxed<'static, LeftJoin<InnerJoin<waitlist_entries::table, patients::table>, staff::table>, Pg>;

/// The entries that the caller may know of. There is no other way to them for a route. A doctor's are those that name them, and
/// those that have been offered their time.
pub fn visible_to(scope: &Scope) -> Visible {
    let all = waitlist_entries::table.inner_join(patients::table).left_join(staff::table).into_boxed();
    match scope {
        Scope::All => all,
        Scope::OfPatient(account) => all.filter(patients::user_id.eq(*account)),
        Scope::OfDoctor(doctor) => {
            let offered = waitlist_offers::table
                .filter(waitlist_offers::doctor_id.eq(*doctor))
                .filter(waitlist_offers::status.eq_any([OfferStatus::Open, OfferStatus::Accepted]))
                .select(waitlist_offers::entry_id);
            all.filter(waitlist_entries::doctor_id.eq(*doctor).or(waitlist_entries::id.eq_any(offered)))
        }
        Scope::CareOf(_) | Scope::CareOfNurse { .. } | Scope::Opened(_) | Scope::Nothing => {
            all.filter(false.into_sql::<Bool>())
        }
    }
}

impl From<(Waiting, PatientFacts, Option<DoctorFacts>)> for Entry {
    fn from((waiting, patient, doctor): (Waiting, PatientFacts, Option<DoctorFacts>)) -> Self {
        Self { waiting, patient, doctor }
    }
}

impl Entry {
    /// One that the caller may know of.
    pub async fn find(conn: &mut AsyncPgConnection, scope: &Scope, id: i64) -> QueryResult<Option<Self>> {
        let rows = visible_to(scope).filter(waitlist_entries::id.eq(id));
        let columns = (Waiting::as_select(), PatientFacts::as_select(), Option::<DoctorFacts>::as_select());
        let found: Option<(Waiting, PatientFacts, Option<DoctorFacts>)> =
            rows.select(columns).first(conn).await.optional()?;
        Ok(found.map(Self::from))
    }
}

impl NewWaiting {
    /// Writes it, and its first line of history.
    pub async fn insert(&self, conn: &mut AsyncPgConnection, by: By<'_>) -> QueryResult<Waiting> {
        let row: Waiting = diesel::insert_into(waitlist_entries::table)
            .values(self)
            .returning(Waiting::as_returning())
            .get_result(conn)
            .await?;
        record(conn, by, &[Line { row: &row, offer: None, why: "" }]).await?;
        Ok(row)
    }
}

/// A change of an entry's status.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// What it becomes.
    pub to: EntryStatus,
    /// The appointment that was booked.
    pub appointment: Option<i64>,
    /// The offer that it is about.
    pub offer: Option<i64>,
    /// Why, in the words of who does it, or in ours.
    pub why: &'a str,
}

impl Step<'_> {
    /// To a status.
    pub fn to(to: EntryStatus) -> Self {
        Self { to, appointment: None, offer: None, why: "" }
    }

    /// To a status, about an offer.
    pub fn of_offer(to: EntryStatus, offer: i64) -> Self {
        Self { offer: Some(offer), ..Self::to(to) }
    }
}

impl Waiting {
    /// What the patient can come to.
    pub fn wish(&self) -> Wish {
        Wish {
            first: self.start_date,
            last: self.end_date,
            earliest: self.earliest_time,
            latest: self.latest_time,
            weekdays: self.weekdays.clone(),
            minutes: self.duration_minutes.map(i64::from),
        }
    }

    /// What of it can be changed.
    pub fn terms(&self) -> Terms {
        Terms {
            start_date: self.start_date,
            end_date: self.end_date,
            earliest_time: self.earliest_time,
            latest_time: self.latest_time,
            weekdays: self.weekdays.clone(),
            duration_minutes: self.duration_minutes,
            appointment_type: self.appointment_type,
            urgency: self.urgency,
            reason: self.reason.clone(),
        }
    }

    /// The row, locked until the transaction ends. Nobody changes an entry or its offers without it. Lock the doctor and the
    /// patient before it, always.
    pub async fn lock(conn: &mut AsyncPgConnection, id: i64) -> QueryResult<Self> {
        waitlist_entries::table.find(id).select(Self::as_select()).for_no_key_update().first(conn).await
    }

    /// Takes it to another status, and writes it down. `None` where somebody else has changed it since it was read.
    pub async fn step(&self, conn: &mut AsyncPgConnection, by: By<'_>, step: Step<'_>) -> QueryResult<Option<Self>> {
        let leaving = if step.to == EntryStatus::Left { step.why } else { "" };
        let unchanged = waitlist_entries::id.eq(self.id).and(waitlist_entries::version.eq(self.version));
        let row: Option<Self> = diesel::update(waitlist_entries::table.filter(unchanged))
            .set((
                waitlist_entries::status.eq(step.to),
                waitlist_entries::appointment_id.eq(step.appointment),
                waitlist_entries::leaving_reason.eq(leaving),
                waitlist_entries::version.eq(self.version + 1),
                waitlist_entries::updated_at.eq(Utc::now()),
            ))
            .returning(Self::as_returning())
            .get_result(conn)
            .await
            .optional()?;
        if let Some(row) = &row {
            record(conn, by, &[Line { row, offer: step.offer, why: step.why }]).await?;
        }
        Ok(row)
    }

    /// Writes other terms, and writes it down.
    pub async fn amend(&self, conn: &mut AsyncPgConnection, by: By<'_>, terms: &Terms) -> QueryResult<Self> {
        let row: Self = diesel::update(waitlist_entries::table.find(self.id))
            .set((terms, waitlist_entries::version.eq(self.version + 1), waitlist_entries::updated_at.eq(Utc::now())))
            .returning(Self::as_returning())
            .get_result(conn)
            .await?;
        record(conn, by, &[Line { row: &row, offer: None, why: "amended" }]).await?;
        Ok(row)
    }
}

/// A change to be written down.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// The entry as it is.
    pub row: &'a Waiting,
    /// The offer that it is about.
    pub offer: Option<i64>,
    /// Why.
    pub why: &'a str,
}

/// Adds a line of history for each change.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn record(conn: &mut AsyncPgConnection, by: By<'_>, lines: &[Line<'_>]) -> QueryResult<()> {
    let rows: Vec<_> = lines
        .iter()
        .map(|line| {
            (
                waitlist_history::entry_id.eq(line.row.id),
                waitlist_history::version.eq(line.row.version),
                waitlist_history::changed_by.eq(by.user),
                waitlist_history::changed_as.eq(by.role),
                waitlist_history::status.eq(line.row.status),
                waitlist_history::offer_id.eq(line.offer),
                waitlist_history::why.eq(line.why),
            )
        })
        .collect();
    diesel::insert_into(waitlist_history::table).values(rows).execute(conn).await.map(drop)
}
