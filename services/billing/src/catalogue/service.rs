//! The rows of the catalogue, and the queries on them. What is shown of a service is its row.

use chassis::fields::Day;
use chassis::text::Line;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use utoipa::ToSchema;

use super::input::{Code, ServiceInput};
use crate::error::Error;
use crate::invoices::input::SacHsn;
use crate::money::Paise;
use crate::schema::services;
use crate::tax::{Circumstance, Kind};

/// A service of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Serialize, ToSchema)]
#[diesel(table_name = services, check_for_backend(Pg))]
pub struct Service {
    /// Id, which a bill's line names.
    pub id: i64,
    /// Grows with every change.
    #[serde(skip)]
    pub version: i64,
    /// The hospital's own code.
    #[schema(example = "XRAY-CHEST")]
    pub code: String,
    /// What it is.
    pub description: String,
    /// SAC or HSN.
    pub sac_hsn: String,
    /// What kind of supply.
    pub kind: Kind,
    /// What decides the tax besides.
    pub circumstance: Option<Circumstance>,
    /// For one.
    pub price: Paise,
    /// The first day on which it can be billed.
    pub effective_from: NaiveDate,
    /// The last day; null: until further notice.
    pub effective_to: Option<NaiveDate>,
    /// When it was put there.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// What a row says besides its id and its times.
#[derive(Clone, Debug, Insertable, AsChangeset)]
#[diesel(table_name = services, check_for_backend(Pg), treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct Entry {
    code: String,
    description: String,
    sac_hsn: String,
    kind: Kind,
    circumstance: Option<Circumstance>,
    price: Paise,
    effective_from: NaiveDate,
    effective_to: Option<NaiveDate>,
}

impl Entry {
    /// What was sent; without a first day it is `today`.
    pub fn new(input: &ServiceInput, today: NaiveDate) -> Self {
        Self {
            code: input.code.as_str().to_owned(),
            description: input.description.to_string(),
            sac_hsn: input.sac_hsn.as_str().to_owned(),
            kind: input.kind,
            circumstance: input.circumstance,
            price: input.price,
            effective_from: input.effective_from.map_or(today, Day::get),
            effective_to: input.effective_to.map(Day::get),
        }
    }

    /// Puts it into the catalogue.
    ///
    /// # Errors
    /// [`Error::ServiceOverlaps`].
    pub async fn insert(&self, conn: &mut AsyncPgConnection, user: i64) -> Result<Service, Error> {
        let inserted = diesel::insert_into(services::table)
            .values((self, services::created_by.eq(user)))
            .returning(Service::as_returning())
            .get_result(conn)
            .await?;
        Ok(inserted)
    }

    /// Puts it in the place of what the row said.
    ///
    /// # Errors
    /// [`Error::ServiceOverlaps`].
    pub async fn replace(&self, conn: &mut AsyncPgConnection, id: i64) -> Result<Service, Error> {
        let replaced = diesel::update(services::table.find(id))
            .set((self, services::version.eq(services::version + 1), services::updated_at.eq(diesel::dsl::now)))
            .returning(Service::as_returning())
            .get_result(conn)
            .await?;
        Ok(replaced)
    }
}

impl Service {
    /// One of them.
    ///
    /// # Errors
    /// [`Error::NoService`].
    pub async fn find(conn: &mut AsyncPgConnection, id: i64) -> Result<Self, Error> {
        services::table.find(id).select(Self::as_select()).first(conn).await.optional()?.ok_or(Error::NoService)
    }

    /// One of them, locked until the transaction ends.
    ///
    /// # Errors
    /// [`Error::NoService`].
    pub async fn lock(conn: &mut AsyncPgConnection, id: i64) -> Result<Self, Error> {
        let row = services::table.find(id).for_update().select(Self::as_select()).first(conn).await;
        row.optional()?.ok_or(Error::NoService)
    }

    /// Those of these ids that there are.
    ///
    /// # Errors
    /// From the database.
    pub async fn of(conn: &mut AsyncPgConnection, ids: &[i64]) -> QueryResult<Vec<Self>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        services::table.filter(services::id.eq_any(ids)).select(Self::as_select()).load(conn).await
    }

    /// Whether it can be billed on this day.
    pub fn offered_on(&self, day: NaiveDate) -> bool {
        self.effective_from <= day && self.effective_to.is_none_or(|last| day <= last)
    }

    /// The service as somebody would send it, so that a merge patch applies to it.
    pub fn as_input(&self) -> ServiceInput {
        ServiceInput {
            code: Code::known(&self.code),
            description: Line::new(&self.description).unwrap_or_default(),
            sac_hsn: SacHsn::known(&self.sac_hsn),
            kind: self.kind,
            circumstance: self.circumstance,
            price: self.price,
            effective_from: Some(Day::new(self.effective_from)),
            effective_to: self.effective_to.map(Day::new),
        }
    }
}
