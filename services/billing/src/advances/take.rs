//! `POST advances/`: money that the hospital has received before there is an invoice.

use actix_web::{post, web};
use auth::Permit;
use auth::permissions::AdvanceTake;
use chassis::db;
use chassis::fields::Id;
use chassis::idempotency::{Answer, IdempotencyKey};
use chassis::problem::Problem;
use chassis::strict_json::{Fault, Faults, Strict};
use chassis::text::Line;
use chrono::Utc;
use deserr::Deserr;
use diesel_async::AsyncConnection;
use utoipa::ToSchema;

use super::tax::untaxed;
use super::{Advance, AdvanceAnswer};
use crate::app::App;
use crate::fields::{filled_if_given, issued_number_if_given};
use crate::money::Paise;
use crate::numbering::day_in_india;
use crate::payments::Method;
use crate::payments::take::something;
use crate::pdf::kept::{self, PaperKind};
use crate::tax::{Circumstance, Kind};

/// An advance as it is taken.
#[derive(Clone, Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct AdvanceInput {
    /// Whose it is.
    pub patient: Id,
    /// In rupees: more than nothing.
    #[deserr(try_from(Paise) = something -> Fault)]
    pub amount: Paise,
    /// How it came: CASH, CARD, UPI, NET_BANKING or CHEQUE. Insurers (INSURANCE) and the payment provider (ONLINE) pay invoices.
    #[deserr(try_from(Method) = held -> Fault)]
    pub method: Method,
    /// What kind of supply it is for; a deposit at admission is OTHER, health care of any kind. An advance for a service that is
    /// taxed, or may be (ROOM, COSMETIC), is 400 with code `taxable_advance`.
    pub kind: Kind,
    /// What decides the tax besides.
    #[deserr(default)]
    pub circumstance: Option<Circumstance>,
    /// What it is for, in words that stand on the voucher.
    #[deserr(default, try_from(Option<String>) = filled_if_given::<200> -> Fault)]
    pub description: Option<Line<200>>,
    /// The transaction's or cheque's number.
    #[deserr(default, try_from(Option<String>) = issued_number_if_given::<100> -> Fault)]
    pub reference: Option<Line<100>>,
}

/// Only what the hospital's own desk takes can be held.
fn held(method: Method) -> Result<Method, Fault> {
    match method {
        Method::Cash | Method::Card | Method::Upi | Method::NetBanking | Method::Cheque => Ok(method),
        Method::Insurance | Method::Online | Method::Advance => {
            Err(Fault::new("not_for_advances", "must be one of CASH CARD UPI NET_BANKING CHEQUE"))
        }
    }
}

impl AdvanceInput {
    /// What stands on the voucher.
    pub(super) fn described(&self) -> &str {
        let usual = if self.kind.is_goods() { "Advance for medicines" } else { "Advance for health care services" };
        self.description.as_deref().unwrap_or(usual)
    }
}

/// Takes an advance from a patient: a receipt voucher with a number of its own series is issued (CGST Rules, rule 50).
///
/// `Idempotency-Key` is required. Health care is exempt, and an advance for goods bears no tax before the invoice, so that no
/// voucher bears tax; an advance for a service that is or may be taxed is refused.
#[utoipa::path(
    tag = "billing",
    request_body = AdvanceInput,
    params(("Idempotency-Key" = String, Header, description = "required; the same key and body give the first answer again")),
    responses(
        (status = 201, body = AdvanceAnswer, description = "taken; Location and ETag say where and which version"),
        (status = 400, description = "faults, all at once; no Idempotency-Key; no such patient; an advance that would be taxed"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not"),
        (status = 409, description = "a closed day, or the key used for another request"),
        (status = 503, description = "the owner of a patient not yet known here does not answer"),
    )
)]
#[post("/api/billing/advances/")]
pub async fn take(
    permit: Permit<AdvanceTake>,
    key: IdempotencyKey,
    body: Strict<AdvanceInput>,
    app: web::Data<App>,
) -> Result<Answer, Problem> {
    key.require()?;
    let (actor, input, now) = (&permit.actor, &body.value, Utc::now());
    let tax = untaxed(&app.rates, day_in_india(now), input.kind, input.circumstance)
        .map_err(|fault| Problem::bad_request(Faults(vec![fault])))?;
    let mut conn = db::get(&app.db).await?;
    let patient = app.owners.patient(&mut conn, actor, input.patient.get()).await?;
    conn.transaction(async |conn| {
        if let Some(stored) = key.claim(conn, actor.user_id, &body.digest).await? {
            actor.trail.repeats();
            return Ok(stored.into());
        }
        let advance = Advance::insert(conn, &app.supplier, &patient, (input, &tax), (actor.user_id, now)).await?;
        kept::ask_for(conn, PaperKind::ReceiptVoucher, advance.id).await?;
        audit::write(conn, &actor.trail, [advance.patient_id]).await?;
        let (location, version) = (format!("/api/billing/advances/{}/", advance.id), advance.version);
        let answer = Answer::created(location, version, &AdvanceAnswer::try_from(advance)?)?;
        key.store(conn, actor.user_id, &answer).await?;
        metrics::counter!("billing_advances_total", "what" => "taken").increment(1);
        Ok(answer)
    })
    .await
}
