//! `POST invoices/{id}/issue/`: number, date and particulars fixed, in one transaction.

use actix_web::{post, web};
use auth::permissions::InvoiceIssue;
use auth::{Actor, Permit};
use chassis::db;
use chassis::etag::IfMatch;
use chassis::idempotency::{Answer, IdempotencyKey};
use chassis::prepared::Prepare as _;
use chassis::problem::Problem;
use chassis::strict_json::digest;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};

use super::answer::Particulars;
use super::bill::Bill;
use super::discounts::Percent;
use super::invoice::{Draft, Item};
use super::pricing::{Overrides, Priced, Terms, price};
use super::recipient::missing;
use super::{Invoice, InvoiceAnswer, Status};
use crate::access::Scope;
use crate::app::App;
use crate::error::Error;
use crate::insurance::Insurance;
use crate::known::Patient;
use crate::numbering::{Number, day_in_india};
use crate::pdf::kept::{self, PaperKind};
use crate::publish;
use crate::schema::invoices;

/// Issues a draft: it gets its number and date, and never changes again.
///
/// The taxes are those of the day of issue: where the law has changed since the draft was made, the draft is priced anew.
///
/// What is said of an insurance by then stands on the document. A bill of ₹50,000 or more in taxable supplies, to somebody
/// without a registration, has to name the recipient's address and state, and where goods go that are not delivered there: where
/// one of them is not known it is 409 with type `recipient-incomplete`, and `missing` names it.
#[utoipa::path(
    tag = "billing",
    params(
        ("id" = i64, Path, description = "the invoice"),
        ("If-Match" = Option<String>, Header, description = "the version that is issued"),
        ("Idempotency-Key" = Option<String>, Header, description = "the same key gives the first answer again"),
    ),
    responses(
        (status = 200, body = InvoiceAnswer, description = "issued"),
        (status = 400, description = "what the draft says cannot be billed any more: the law of the day of issue does not know it"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not"),
        (status = 404, description = "no such invoice"),
        (status = 409, description = "it was issued before, or changed at the same moment; the recipient's particulars are incomplete (`missing`)"),
        (status = 412, description = "If-Match names another version"),
        (status = 503, description = "the patient is not known here yet and their owner does not answer"),
    )
)]
#[post("/api/billing/invoices/{id}/issue/")]
pub async fn issue(
    permit: Permit<InvoiceIssue>,
    id: web::Path<i64>,
    key: IdempotencyKey,
    if_match: IfMatch,
    app: web::Data<App>,
) -> Result<Answer, Problem> {
    let (actor, scope, now) = (&permit.actor, Scope::of(&permit), Utc::now());
    let mut conn = db::get(&app.db).await?;
    let (seen, _) = Invoice::find(&mut conn, scope, *id).await?;
    let patient = app.owners.patient(&mut conn, actor, seen.patient_id).await?;
    conn.transaction(async |conn| {
        if let Some(stored) = key.claim(conn, actor.user_id, &digest(b"")).await? {
            actor.trail.repeats();
            return Ok(stored.into());
        }
        let draft = Invoice::lock(conn, scope, *id).await?;
        if draft.status != Status::Draft {
            return Err(Error::Issued.into());
        }
        if_match.check(draft.version)?;
        if draft.version != seen.version {
            return Err(Error::ChangedMeanwhile.into());
        }
        let (draft, priced) = priced_for(conn, &app, draft, day_in_india(now)).await?;
        let insurance = Insurance::find(conn, draft.id).await?;
        audit::write(conn, &actor.trail, [patient.id]).await?;
        let issued = Issued { draft: &draft, priced: &priced, patient: &patient, insurance };
        let invoice = number(conn, &app, actor, &issued, now).await?;
        let shown = InvoiceAnswer::of_priced(&app.supplier, &invoice, None, &priced, issued.insurance)?;
        let answer = Answer::ok(invoice.version, &shown)?;
        key.store(conn, actor.user_id, &answer).await?;
        Ok(answer)
    })
    .await
}

/// The draft as the law of this day has it: written anew where anything of it, amounts or reasons, is not what it was.
async fn priced_for(
    conn: &mut AsyncPgConnection,
    app: &App,
    draft: Invoice,
    day: NaiveDate,
) -> Result<(Invoice, Priced), Problem> {
    let items = Item::of(conn, &[draft.id]).await?;
    let bill = draft.as_bill(&items);
    // a due date that has passed is no reason not to issue
    let undated = Bill { due_date: None, ..bill.clone() };
    let terms = Terms {
        rates: &app.rates,
        hospital: app.supplier.state,
        on: day,
        overrides: Overrides::Standing(&undated.lines),
        // whoever drafted it has said why, if it had to be said
        courtesy: Percent::new(100),
    };
    let priced = price(&undated, &terms).map_err(Problem::bad_request)?;
    if items == Item::rows(draft.id, &priced) && draft.totals == priced.totals {
        return Ok((draft, priced));
    }
    let anew = Draft::new(&bill, draft.patient_id, &priced, day);
    Ok((anew.replace(conn, draft.id, &priced).await?, priced))
}

/// What is issued, with what its document says besides.
#[derive(Debug)]
pub struct Issued<'a> {
    /// The draft, locked.
    pub draft: &'a Invoice,
    /// How it is priced.
    pub priced: &'a Priced,
    /// Who is billed.
    pub patient: &'a Patient,
    /// Who else pays.
    pub insurance: Option<Insurance>,
}

/// Gives a locked draft its number, date and particulars, and says so to whoever listens. In the caller's transaction; the
/// number's counter stays locked until it ends, so what does not depend on the number comes before.
///
/// # Errors
/// The recipient's particulars are incomplete, no number is left, or from the database.
pub async fn number(
    conn: &mut AsyncPgConnection,
    app: &App,
    actor: &Actor,
    Issued { draft, priced, patient, insurance }: &Issued<'_>,
    now: DateTime<Utc>,
) -> Result<Invoice, Error> {
    let missing = missing(draft, priced, patient);
    if !missing.is_empty() {
        return Err(Error::RecipientIncomplete(missing));
    }
    let supplier = &app.supplier;
    let payer = insurance.as_ref().map(|insurance| insurance.kept(draft.totals.total));
    let particulars = serde_json::to_value(Particulars { payer, ..Particulars::of(supplier, patient) })
        .map_err(|fault| diesel::result::Error::SerializationError(fault.into()))?;
    kept::ask_for(conn, PaperKind::Invoice, draft.id).await?;
    // from here on nobody else gets a number
    let number = Number::take(conn, &supplier.gstin, &supplier.series, day_in_india(now)).await?;
    let issued: Invoice = diesel::update(invoices::table.find(draft.id))
        .set((
            invoices::status.eq(Status::when_issued(draft.totals.total)),
            invoices::patient_id.eq(patient.id),
            invoices::dated.eq(day_in_india(now)),
            invoices::invoice_number.eq(&number.text),
            invoices::supplier_gstin.eq(supplier.gstin.as_str()),
            invoices::series.eq(supplier.series.as_str()),
            invoices::financial_year.eq(number.year.begins()),
            invoices::serial.eq(number.serial),
            invoices::particulars.eq(particulars),
            invoices::issued_at.eq(now),
            invoices::issued_by.eq(actor.user_id),
            invoices::version.eq(invoices::version + 1),
            invoices::updated_at.eq(now),
        ))
        .returning(Invoice::as_returning())
        .prepared()
        .get_result(conn)
        .await?;
    publish::issued(conn, &app.outbox, actor, &issued).await?;
    Ok(issued)
}
