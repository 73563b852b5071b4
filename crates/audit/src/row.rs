//! What is recorded.

use actix_web::http::StatusCode;
use chassis::trail::Trail;
use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::AstPass;
use diesel::sql_types::{self, Array, BigInt, Nullable, Text, Timestamptz};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::schema::audit_log;

/// A row of `audit_log`: who did what to whose record, when, from where, with which outcome.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Serialize, ToSchema)]
#[diesel(table_name = audit_log, check_for_backend(Pg))]
pub struct Row {
    /// Its id.
    pub id: i64,
    /// The transaction that wrote it; rows are chained in the order of transaction and id.
    pub tx: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// The user; null when nobody was signed in.
    pub actor: Option<i64>,
    /// In what role.
    pub role: Option<String>,
    /// The session.
    #[schema(value_type = Option<String>)]
    pub session: Option<Uuid>,
    /// What was asked for: a row of the permission table, or the operation where none is needed.
    pub action: String,
    /// On what: method and path, with ids only.
    pub object: String,
    /// Whose records were shown or changed.
    pub patients: Vec<i64>,
    /// `SUCCESS`, `UNAUTHENTICATED`, `DENIED`, `NOT_FOUND` (also what the caller may not know of), `REFUSED` or `FAILED`.
    pub outcome: String,
    /// The client's address.
    pub address: Option<String>,
    /// The client's program.
    pub user_agent: Option<String>,
    /// The request's trace.
    pub trace_id: Option<String>,
    /// The reason given to go beyond one's care.
    pub reason: Option<String>,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was answered.
    Success,
    /// 401.
    Unauthenticated,
    /// 403.
    Denied,
    /// 404: not there, or not for the caller to know of.
    NotFound,
    /// Any other 4xx.
    Refused,
    /// 5xx.
    Failed,
}

impl Outcome {
    /// As the answer's status tells it.
    pub fn of(status: StatusCode) -> Self {
        match status.as_u16() {
            401 => Self::Unauthenticated,
            403 => Self::Denied,
            404 => Self::NotFound,
            400..=499 => Self::Refused,
            500..=599 => Self::Failed,
            _ => Self::Success,
        }
    }

    /// As a row says it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Success => "SUCCESS",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Denied => "DENIED",
            Self::NotFound => "NOT_FOUND",
            Self::Refused => "REFUSED",
            Self::Failed => "FAILED",
        }
    }
}

/// A row to be written.
#[derive(Clone, Debug)]
pub struct NewRow {
    at: DateTime<Utc>,
    actor: Option<i64>,
    role: Option<&'static str>,
    session: Option<Uuid>,
    action: String,
    object: String,
    patients: Vec<i64>,
    outcome: &'static str,
    address: Option<String>,
    user_agent: Option<String>,
    trace_id: Option<String>,
    reason: Option<String>,
}

impl NewRow {
    /// What the trail says, and how it ended.
    pub fn of(trail: &Trail, outcome: Outcome) -> Self {
        let (facts, noted) = (trail.facts(), trail.noted());
        let action = noted.action.map_or_else(|| facts.operation.clone(), str::to_owned);
        Self {
            at: Utc::now(),
            actor: noted.who.as_ref().map(|who| who.user),
            role: noted.who.as_ref().map(|who| who.role),
            session: noted.who.and_then(|who| who.session),
            action,
            object: facts.object.clone(),
            patients: noted.patients.unwrap_or_default(),
            outcome: outcome.name(),
            address: facts.address.map(|address| address.to_string()),
            user_agent: facts.user_agent.clone(),
            trace_id: facts.trace_id.clone(),
            reason: noted.reason,
        }
    }

    /// Its values, in the order of the columns from `at` on.
    pub(crate) fn bind<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_bind_param::<Timestamptz, _>(&self.at)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<BigInt>, _>(&self.actor)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Text>, _>(&self.role)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<sql_types::Uuid>, _>(&self.session)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&self.action)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&self.object)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.patients)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&self.outcome)?;
        for text in [&self.address, &self.user_agent, &self.trace_id, &self.reason] {
            out.push_sql(", ");
            out.push_bind_param::<Nullable<Text>, _>(text)?;
        }
        Ok(())
    }
}
