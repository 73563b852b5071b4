//! `POST invoices/`, `PUT` and `PATCH invoices/{id}/`: making and changing drafts.

use actix_web::{patch, post, put, web};
use auth::permissions::InvoiceDraft;
use auth::{Action, Actor, Permit};
use chassis::db;
use chassis::etag::{Etagged, IfMatch};
use chassis::fields::Id;
use chassis::idempotency::{Answer, IdempotencyKey};
use chassis::merge_patch;
use chassis::problem::Problem;
use chassis::strict_json::{self, MergePatch, Strict};
use chrono::{DateTime, Utc};
use diesel_async::{AsyncConnection, AsyncPgConnection};

use super::bill::{Bill, BillLine};
use super::input::InvoiceInput;
use super::invoice::{Draft, Item, Maker};
use super::issue::Issued;
use super::pricing::{Overrides, Terms, price};
use super::{Invoice, InvoiceAnswer, Status, issue};
use crate::access::{Scope, require};
use crate::app::App;
use crate::catalogue::Service;
use crate::error::Error;
use crate::known::{Patient, merged};
use crate::numbering::day_in_india;

/// Makes an invoice and issues it at once, or keeps it as a draft (`draft: true`).
///
/// The server works out every amount and the tax, and says of every line why it bears it (`tax_reason`); money is decimal
/// strings in rupees, never JSON numbers. `items[].service` fills a line from the catalogue. Discounts have a limit per role.
/// A RECEPTIONIST makes drafts only.
#[utoipa::path(
    tag = "billing",
    request_body = InvoiceInput,
    params(("Idempotency-Key" = Option<String>, Header, description = "the same key and body give the first answer again")),
    responses(
        (status = 201, body = InvoiceAnswer, description = "made; Location and ETag say where and which version"),
        (status = 400, description = "faults, all at once; a gst_rate that the rules do not give"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not, may only draft, or may not take so much off"),
        (status = 409, description = "the Idempotency-Key was used for another request; the recipient's particulars are incomplete (`missing`)"),
        (status = 503, description = "the owner of a patient or appointment not yet known here does not answer"),
    )
)]
#[post("/api/billing/invoices/")]
pub async fn create(
    permit: Permit<InvoiceDraft>,
    key: IdempotencyKey,
    body: Strict<InvoiceInput>,
    app: web::Data<App>,
) -> Result<Answer, Problem> {
    let (actor, now) = (&permit.actor, Utc::now());
    let issued_at_once = body.value.draft != Some(true);
    if issued_at_once {
        require(actor, Action::InvoiceIssue, "issue invoices: send draft: true")?;
    }
    let mut conn = db::get(&app.db).await?;
    let patient = subjects(&app, &mut conn, actor, &body.value).await?;
    let bill = complete(&mut conn, &body.value, &[], now).await?;
    let priced = price(&bill, &terms(&app, actor, now, &[])).map_err(Problem::bad_request)?;
    app.discounts.check(actor.role, &bill, &priced, None)?;
    let draft = Draft::new(&bill, patient.id, &priced, day_in_india(now));
    conn.transaction(async |conn| {
        if let Some(stored) = key.claim(conn, actor.user_id, &body.digest).await? {
            actor.trail.repeats();
            return Ok(stored.into());
        }
        let made = draft.insert(conn, &priced, Maker::User(actor.user_id)).await?;
        let mut invoice = made.ok_or_else(|| Problem::internal("a draft of a user's met another"))?;
        audit::write(conn, &actor.trail, [patient.id]).await?;
        if issued_at_once {
            let issued = Issued { draft: &invoice, priced: &priced, patient: &patient, insurance: None };
            invoice = issue::number(conn, &app, actor, &issued, now).await?;
        }
        let name = Some(patient.name.clone());
        let shown = InvoiceAnswer::of_priced(&app.supplier, &invoice, name, &priced, None)?;
        let answer = Answer::created(format!("/api/billing/invoices/{}/", invoice.id), invoice.version, &shown)?;
        key.store(conn, actor.user_id, &answer).await?;
        Ok(answer)
    })
    .await
}

/// Replaces what a draft says. An issued invoice never changes: 409.
#[utoipa::path(
    tag = "billing",
    request_body = InvoiceInput,
    params(
        ("id" = i64, Path, description = "the invoice"),
        ("If-Match" = Option<String>, Header, description = "the version that is replaced"),
    ),
    responses(
        (status = 200, body = InvoiceAnswer, description = "the draft as it is now"),
        (status = 400, description = "faults, all at once"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not"),
        (status = 404, description = "no such invoice"),
        (status = 409, description = "it was issued, or changed at the same moment"),
        (status = 412, description = "If-Match names another version"),
    )
)]
#[put("/api/billing/invoices/{id}/")]
pub async fn replace(
    permit: Permit<InvoiceDraft>,
    id: web::Path<i64>,
    if_match: IfMatch,
    body: Strict<InvoiceInput>,
    app: web::Data<App>,
) -> Result<Etagged<InvoiceAnswer>, Problem> {
    change(&app, &permit, *id, &if_match, |_draft| Ok(body.value)).await
}

/// Changes parts of a draft by a JSON merge patch; `items` is replaced as a whole. An issued invoice never changes: 409.
#[utoipa::path(
    tag = "billing",
    request_body(content = serde_json::Value, content_type = "application/merge-patch+json", description = "any part of what PUT takes"),
    params(
        ("id" = i64, Path, description = "the invoice"),
        ("If-Match" = Option<String>, Header, description = "the version that is changed"),
    ),
    responses(
        (status = 200, body = InvoiceAnswer, description = "the draft as it is now"),
        (status = 400, description = "faults, all at once"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not"),
        (status = 404, description = "no such invoice"),
        (status = 409, description = "it was issued, or changed at the same moment"),
        (status = 412, description = "If-Match names another version"),
    )
)]
#[patch("/api/billing/invoices/{id}/")]
pub async fn amend(
    permit: Permit<InvoiceDraft>,
    id: web::Path<i64>,
    if_match: IfMatch,
    patch: MergePatch,
    app: web::Data<App>,
) -> Result<Etagged<InvoiceAnswer>, Problem> {
    change(&app, &permit, *id, &if_match, |draft| strict_json::parse(merge_patch::apply(draft, &patch.value)?)).await
}

/// Works the change out on the draft as it is seen, then makes it if nobody was faster.
async fn change(
    app: &App,
    permit: &Permit<InvoiceDraft>,
    id: i64,
    if_match: &IfMatch,
    changed: impl FnOnce(&Bill) -> Result<InvoiceInput, Problem>,
) -> Result<Etagged<InvoiceAnswer>, Problem> {
    let (actor, scope, now) = (&permit.actor, Scope::of(permit), Utc::now());
    let mut conn = db::get(&app.db).await?;
    let (seen, _) = Invoice::find(&mut conn, scope, id).await?;
    editable(&seen, if_match)?;
    let standing = seen.as_bill(&Item::of(&mut conn, &[id]).await?);
    let input = changed(&standing)?;
    if input.draft == Some(false) {
        return Err(Problem::invalid("draft", "not_here", "a draft is issued by POST invoices/{id}/issue/"));
    }
    let patient = subjects(app, &mut conn, actor, &input).await?;
    let bill = complete(&mut conn, &input, &standing.lines, now).await?;
    let priced = price(&bill, &terms(app, actor, now, &standing.lines)).map_err(Problem::bad_request)?;
    app.discounts.check(actor.role, &bill, &priced, Some(&standing))?;
    let draft = Draft::new(&bill, patient.id, &priced, day_in_india(now));
    conn.transaction(async |conn| {
        let locked = Invoice::lock(conn, scope, id).await?;
        editable(&locked, if_match)?;
        if locked.version != seen.version {
            return Err(Error::ChangedMeanwhile.into());
        }
        let invoice = draft.replace(conn, id, &priced).await.map_err(Error::from)?;
        audit::write(conn, &actor.trail, [seen.patient_id, patient.id]).await?;
        let body = InvoiceAnswer::of(conn, &app.supplier, &invoice, Some(patient.name.clone())).await?;
        Ok(Etagged { version: invoice.version, body })
    })
    .await
}

fn editable(invoice: &Invoice, if_match: &IfMatch) -> Result<(), Problem> {
    if invoice.status != Status::Draft {
        return Err(Error::Issued.into());
    }
    if_match.check(invoice.version)
}

/// The patient that an invoice is for; its appointment is that patient's, and the hospital does not bill itself.
async fn subjects(
    app: &App,
    conn: &mut AsyncPgConnection,
    actor: &Actor,
    input: &InvoiceInput,
) -> Result<Patient, Problem> {
    if input.registered_recipient.as_ref().is_some_and(|billed| billed.gstin == app.supplier.gstin) {
        let why = "is the hospital's own";
        return Err(Problem::invalid("registered_recipient.gstin", "own_gstin", why));
    }
    let patient = app.owners.patient(conn, actor, input.patient.get()).await?;
    if let Some(id) = input.appointment {
        let appointment = app.owners.appointment(conn, actor, id.get()).await?;
        if merged::survivor(conn, appointment.patient_id).await? != patient.id {
            return Err(Problem::invalid("appointment", "another_patient", "is not an appointment of this patient"));
        }
    }
    Ok(patient)
}

/// The bill with what the catalogue says of the services that it names.
async fn complete(
    conn: &mut AsyncPgConnection,
    input: &InvoiceInput,
    standing: &[BillLine],
    now: DateTime<Utc>,
) -> Result<Bill, Problem> {
    let named: Vec<_> = input.items.iter().filter_map(|item| item.service.map(Id::get)).collect();
    let catalogue = Service::of(conn, &named).await?;
    Bill::complete(input, &catalogue, standing, day_in_india(now)).map_err(Problem::bad_request)
}

fn terms<'a>(app: &'a App, actor: &Actor, now: DateTime<Utc>, standing: &'a [BillLine]) -> Terms<'a> {
    let overrides = match actor.reach(Action::GstRateOverride) {
        Some(_) => Overrides::WithReason,
        None => Overrides::Standing(standing),
    };
    Terms { rates: &app.rates, hospital: app.supplier.state, on: day_in_india(now), overrides, courtesy: app.courtesy }
}
