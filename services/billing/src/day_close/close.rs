//! `POST day-close/`: a cashier's drawer is counted, and the day takes nothing more.

use actix_web::{post, web};
use auth::Permit;
use chassis::db;
use chassis::fields::{Day, Id};
use chassis::idempotency::{Answer, IdempotencyKey};
use chassis::problem::Problem;
use chassis::strict_json::{Fault, Faults, Strict};
use chassis::text::Line;
use chrono::{NaiveDate, Utc};
use deserr::Deserr;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use utoipa::ToSchema;

use super::DayClose;
use super::count::{Denominations, amount};
use super::row::DayCloseAnswer;
use crate::app::App;
use crate::error::Error;
use crate::fields::filled;
use crate::ledger::{Entry, balance, post as post_entry};
use crate::money::Paise;
use crate::numbering::day_in_india;
use crate::schema::day_closes;

/// A day as it is closed.
#[derive(Clone, Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct DayCloseInput {
    /// The user whose day it is.
    pub cashier: Id,
    /// The day in India: today or before.
    pub date: Day,
    /// The cash that there was, in rupees; or left to `denominations`.
    #[deserr(default)]
    pub counted: Option<Paise>,
    /// How many notes and coins of each denomination: `{"500": 3, "10": 7}`. With `counted`, they must agree.
    #[deserr(default)]
    #[schema(value_type = Option<std::collections::BTreeMap<String, i64>>)]
    pub denominations: Option<Denominations>,
    /// Why there is more or less than the books say; required then.
    #[deserr(default, try_from(Option<String>) = perhaps_filled -> Fault)]
    pub reason: Option<Line<200>>,
}

fn perhaps_filled(text: Option<String>) -> Result<Option<Line<200>>, Fault> {
    text.map(filled::<200>).transpose()
}

/// Closes a cashier's day.
///
/// `expected` is what the books say: the cash that the cashier took on that day, less the cash that they refunded. Where it
/// differs from what was counted, a reason is required; without one the answer is 409 and says both. What was counted goes to
/// the safe. From then on the cashier's day takes no payment and no refund.
#[utoipa::path(
    tag = "billing",
    request_body = DayCloseInput,
    params(("Idempotency-Key" = Option<String>, Header, description = "the same key and body give the first answer again")),
    responses(
        (status = 201, body = DayCloseAnswer, description = "closed; Location says where"),
        (status = 400, description = "faults, all at once; a day that has not come"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not"),
        (status = 409, description = "closed before; a difference without a reason (`expected`, `difference`); the key used for another request"),
    )
)]
#[post("/api/billing/day-close/")]
pub async fn close(
    permit: Permit<auth::permissions::DayClose>,
    key: IdempotencyKey,
    body: Strict<DayCloseInput>,
    app: web::Data<App>,
) -> Result<Answer, Problem> {
    let actor = &permit.actor;
    let counted = counted(&body.value, day_in_india(Utc::now())).map_err(Problem::bad_request)?;
    let mut conn = db::get(&app.db).await?;
    conn.transaction(async |conn| {
        if let Some(stored) = key.claim(conn, actor.user_id, &body.digest).await? {
            return Ok(stored.into());
        }
        let closed = close_day(conn, &body.value, counted, actor.user_id).await?;
        audit::write(conn, &actor.trail, []).await?;
        let location = format!("/api/billing/day-close/{}/", closed.id);
        let answer = Answer::created(location, 1, &DayCloseAnswer::from(closed))?;
        key.store(conn, actor.user_id, &answer).await?;
        Ok(answer)
    })
    .await
}

/// The cash that was counted.
fn counted(input: &DayCloseInput, today: NaiveDate) -> Result<Paise, Faults> {
    let mut faults = Faults::new();
    if input.date.get() > today {
        faults.push("date", "in_the_future", "must not be after today");
    }
    let by_denomination = match input.denominations.as_ref().map(amount) {
        Some(Err(fault)) => {
            faults.0.push(fault.at("denominations"));
            None
        }
        Some(Ok(amount)) => Some(amount),
        None => None,
    };
    match (input.counted, by_denomination) {
        (Some(total), Some(amount)) if total != amount => {
            faults.push("counted", "not_the_sum", format!("the denominations come to {amount}"));
        }
        (None, None) if input.denominations.is_none() => {
            faults.push("counted", "required", "is required, or denominations");
        }
        _ => {}
    }
    match input.counted.or(by_denomination) {
        Some(counted) if faults.0.is_empty() => Ok(counted),
        _ => Err(faults),
    }
}

async fn close_day(
    conn: &mut AsyncPgConnection,
    input: &DayCloseInput,
    counted: Paise,
    user: i64,
) -> Result<DayClose, Error> {
    let (cashier, day) = (input.cashier.get(), input.date.get());
    // nobody takes money in this cashier's name between the sum and the close
    diesel::sql_query("SELECT pg_advisory_xact_lock(lock_of_drawer($1))")
        .bind::<BigInt, _>(cashier)
        .execute(conn)
        .await?;
    let expected = balance::cash_of(conn, cashier, day).await?;
    let reason = input.reason.as_deref().filter(|reason| !reason.is_empty());
    if counted != expected && reason.is_none() {
        return Err(Error::DifferenceNeedsReason { expected, difference: counted - expected });
    }
    let denominations = input.denominations.as_ref().map(|counted| Value::from_iter(counted.0.clone()));
    let closed: DayClose = diesel::insert_into(day_closes::table)
        .values((
            day_closes::cashier.eq(cashier),
            day_closes::day.eq(day),
            day_closes::expected.eq(expected),
            day_closes::counted.eq(counted),
            day_closes::denominations.eq(denominations),
            day_closes::reason.eq(reason),
            day_closes::closed_by.eq(user),
        ))
        .returning(DayClose::as_returning())
        .get_result(conn)
        .await?;
    post_entry(conn, &Entry::day_close(closed.id, day, cashier, expected, counted)).await?;
    Ok(closed)
}
