//! An entry: the row, its versions, and their queries. Whoever writes one (the API, a message, an import) writes it here.

use chassis::phi::Phi;
use chassis::prepared::Prepare as _;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::dsl::sql;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Deserialize;

use super::kind::{ENTERED_IN_ERROR, Kind, Source};
use crate::access::{Scope, visible_to};
use crate::schema::{history_entries, history_versions, patients};

/// A row of `history_entries`, or one of its earlier versions.
#[derive(Clone, Queryable, Selectable, Deserialize)]
#[diesel(table_name = history_entries, check_for_backend(Pg))]
pub struct Entry {
    /// Its id.
    pub id: i64,
    /// Whose.
    pub patient: i64,
    /// What it says.
    #[diesel(embed)]
    #[serde(flatten)]
    pub content: Content,
    /// Who said so.
    #[diesel(embed)]
    #[serde(flatten)]
    pub provenance: Provenance,
    /// Rises by one with every amendment.
    pub version: i64,
    /// When it was entered.
    pub created_at: DateTime<Utc>,
    /// When it was last amended.
    pub updated_at: DateTime<Utc>,
}

/// What an entry says, in canonical form: [`EntryInput::check`](super::input::EntryInput::check) makes it.
#[derive(Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset, Deserialize)]
#[diesel(table_name = history_entries, check_for_backend(Pg), treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct Content {
    /// What it is about.
    pub kind: Kind,
    /// URI of the code's system.
    pub code_system: Option<String>,
    /// The code.
    pub code: Option<Phi<String>>,
    /// The same in words.
    pub display: Option<Phi<String>>,
    /// One of the kind's, or `ENTERED_IN_ERROR`.
    pub status: String,
    /// `2019`, `2019-05` or `2019-05-17`.
    pub effective_date: Option<String>,
    /// The result, the dose, the relative.
    pub value: Option<Phi<String>>,
    /// Of the value.
    pub unit: Option<String>,
    /// One of the kind's.
    pub severity: Option<String>,
    /// HL7's flag.
    pub interpretation: Option<String>,
    /// What is normal.
    pub reference_range: Option<Phi<String>>,
    /// Free text.
    pub note: Option<Phi<String>>,
}

/// Who said so, of one version.
#[derive(Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset, Deserialize)]
#[diesel(table_name = history_entries, check_for_backend(Pg), treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct Provenance {
    /// By what way it came.
    pub source: Source,
    /// The user who wrote it, or who brought the message.
    pub author: Option<i64>,
    /// The row of `hl7_messages`.
    pub message: Option<i64>,
    /// Which of the message's fields filled which of ours: `{"value": ["OBX[3]-5"]}`.
    pub places: Option<serde_json::Value>,
}

impl Provenance {
    /// A user, over the API.
    pub fn of_user(user: i64) -> Self {
        Self { source: Source::Api, author: Some(user), message: None, places: None }
    }
}

impl Content {
    /// Where it stands among a patient's entries: at its date, or else where it was entered.
    fn sort_date(&self, entered: NaiveDate) -> String {
        self.effective_date.clone().unwrap_or_else(|| entered.to_string())
    }
}

impl Entry {
    /// A new entry, in the caller's transaction. `today` is the date in the hospital.
    ///
    /// # Errors
    /// When PostgreSQL refuses.
    pub async fn insert(
        conn: &mut AsyncPgConnection,
        patient: i64,
        content: &Content,
        provenance: &Provenance,
        today: NaiveDate,
    ) -> QueryResult<Self> {
        let sort_date = history_entries::sort_date.eq(content.sort_date(today));
        diesel::insert_into(history_entries::table)
            .values((history_entries::patient.eq(patient), content, provenance, sort_date))
            .returning(Self::as_returning())
            .prepared()
            .get_result(conn)
            .await
    }

    /// The entry's next version, over one that [`lock`](Self::lock) gave.
    ///
    /// # Errors
    /// When PostgreSQL refuses, as it does of one that was entered in error.
    pub async fn amend(
        &self,
        conn: &mut AsyncPgConnection,
        content: &Content,
        provenance: &Provenance,
        today: NaiveDate,
    ) -> QueryResult<Self> {
        let sort_date = history_entries::sort_date.eq(content.sort_date(today));
        diesel::update(history_entries::table.find(self.id))
            .set((content, provenance, sort_date, history_entries::version.eq(self.version + 1)))
            .returning(Self::as_returning())
            .prepared()
            .get_result(conn)
            .await
    }

    /// Whether it should never have been entered.
    pub fn is_in_error(&self) -> bool {
        self.content.status == ENTERED_IN_ERROR
    }

    /// A patient's entry, if the scope shows the patient.
    ///
    /// # Errors
    /// `NotFound` too when it is there and not visible.
    pub async fn find(conn: &mut AsyncPgConnection, scope: &Scope, patient: i64, id: i64) -> QueryResult<Self> {
        history_entries::table
            .filter(history_entries::id.eq(id).and(history_entries::patient.eq(patient)))
            .filter(
                history_entries::patient
                    .eq_any(visible_to(scope).filter(patients::id.eq(patient)).select(patients::id)),
            )
            .select(Self::as_select())
            .first(conn)
            .await
    }

    /// As [`find`](Self::find), with the row locked until the transaction ends.
    ///
    /// # Errors
    /// As [`find`](Self::find).
    pub async fn lock(conn: &mut AsyncPgConnection, scope: &Scope, patient: i64, id: i64) -> QueryResult<Self> {
        history_entries::table.find(id).select(history_entries::id).for_update().first::<i64>(conn).await?;
        Self::find(conn, scope, patient, id).await
    }

    /// A patient's newest entries of a kind, at most `most`: by date, then as entered. `before` is the entry after which to
    /// go on.
    ///
    /// # Errors
    /// When PostgreSQL refuses.
    pub async fn newest(
        conn: &mut AsyncPgConnection,
        patient: i64,
        kind: Kind,
        with_errors: bool,
        before: Option<i64>,
        most: i64,
    ) -> QueryResult<Vec<Self>> {
        use history_entries::dsl;
        let mut query = dsl::history_entries
            .filter(dsl::patient.eq(patient).and(dsl::kind.eq(kind)))
            .order((dsl::sort_date.desc(), dsl::id.desc()))
            .limit(most)
            .select(Self::as_select())
            .into_boxed();
        if !with_errors {
            query = query.filter(dsl::status.ne(ENTERED_IN_ERROR));
        }
        if let Some(before) = before {
            let of_patient = dsl::id.eq(before).and(dsl::patient.eq(patient));
            let at = dsl::history_entries.filter(of_patient).select(dsl::sort_date).first::<String>(conn).await?;
            let beyond =
                sql::<Bool>("(sort_date, id) < (").bind::<Text, _>(at).sql(", ").bind::<BigInt, _>(before).sql(")");
            query = query.filter(beyond);
        }
        query.load(conn).await
    }

    /// Its versions from `from` on, in that order, at most `most`.
    ///
    /// # Errors
    /// When PostgreSQL refuses, or a version cannot be read.
    pub async fn versions(
        &self,
        conn: &mut AsyncPgConnection,
        newest_first: bool,
        beyond: Option<i64>,
        skip: i64,
        most: i64,
    ) -> QueryResult<Vec<Self>> {
        use history_versions::dsl;
        let mut query = dsl::history_versions.filter(dsl::entry.eq(self.id)).offset(skip).limit(most).into_boxed();
        query = match (newest_first, beyond) {
            (true, Some(version)) => query.filter(dsl::version.lt(version)).order(dsl::version.desc()),
            (true, None) => query.order(dsl::version.desc()),
            (false, Some(version)) => query.filter(dsl::version.gt(version)).order(dsl::version.asc()),
            (false, None) => query.order(dsl::version.asc()),
        };
        let rows: Vec<serde_json::Value> = query.select(dsl::content).load(conn).await?;
        let read = |row| {
            let version: Self = serde_json::from_value(row)
                .map_err(|fault| diesel::result::Error::DeserializationError(fault.into()))?;
            // A merge may have moved the entry since.
            Ok(Self { patient: self.patient, ..version })
        };
        rows.into_iter().map(read).collect()
    }
}
