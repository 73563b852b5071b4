//! `GET`, `PUT` and `PATCH invoices/{id}/insurance/`.

use actix_web::{get, patch, put, web};
use auth::Permit;
use auth::permissions::{InsuranceWrite, InvoiceRead};
use chassis::db;
use chassis::etag::{Etagged, IfMatch};
use chassis::merge_patch;
use chassis::problem::Problem;
use chassis::strict_json::{self, Faults, MergePatch, Strict};
use diesel_async::AsyncConnection;

use super::input::InsuranceInput;
use super::{ClaimStatus, Insurance, InsuranceAnswer};
use crate::access::Scope;
use crate::app::App;
use crate::error::Error;
use crate::invoices::{Invoice, Status};

/// Who else pays an invoice, how much, and where the claim stands.
#[utoipa::path(
    tag = "billing",
    params(("id" = i64, Path, description = "the invoice")),
    responses(
        (status = 200, body = InsuranceAnswer, description = "its insurance; ETag is its version"),
        (status = 304, description = "If-None-Match names this version"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not"),
        (status = 404, description = "no such invoice, or not the caller's, or nobody else pays it"),
    )
)]
#[get("/api/billing/invoices/{id}/insurance/")]
pub async fn read(
    permit: Permit<InvoiceRead>,
    id: web::Path<i64>,
    app: web::Data<App>,
) -> Result<Etagged<InsuranceAnswer>, Problem> {
    let mut conn = db::get(&app.db).await?;
    let (invoice, _) = Invoice::find(&mut conn, Scope::of(&permit), *id).await?;
    permit.actor.trail.shows([invoice.patient_id]);
    let insurance = Insurance::find(&mut conn, invoice.id).await?.ok_or(Error::NotInsured)?;
    Ok(Etagged { version: insurance.version, body: insurance.shown(invoice.totals.total) })
}

/// Says who else pays an invoice and how much, or replaces what was said. A cancelled invoice has no payer: 409.
#[utoipa::path(
    tag = "billing",
    request_body = InsuranceInput,
    params(
        ("id" = i64, Path, description = "the invoice"),
        ("If-Match" = Option<String>, Header, description = "the version that is replaced"),
    ),
    responses(
        (status = 200, body = InsuranceAnswer, description = "as it is now"),
        (status = 400, description = "faults, all at once"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not"),
        (status = 404, description = "no such invoice"),
        (status = 409, description = "the invoice is cancelled, or the claim cannot come to stand there"),
        (status = 412, description = "If-Match names another version"),
    )
)]
#[put("/api/billing/invoices/{id}/insurance/")]
pub async fn replace(
    permit: Permit<InsuranceWrite>,
    id: web::Path<i64>,
    if_match: IfMatch,
    body: Strict<InsuranceInput>,
    app: web::Data<App>,
) -> Result<Etagged<InsuranceAnswer>, Problem> {
    change(&app, &permit, *id, &if_match, Change::Whole(body.value)).await
}

/// Changes parts of it by a JSON merge patch: where the claim stands, for one.
#[utoipa::path(
    tag = "billing",
    request_body(content = serde_json::Value, content_type = "application/merge-patch+json", description = "any part of what PUT takes"),
    params(
        ("id" = i64, Path, description = "the invoice"),
        ("If-Match" = Option<String>, Header, description = "the version that is changed"),
    ),
    responses(
        (status = 200, body = InsuranceAnswer, description = "as it is now"),
        (status = 400, description = "faults, all at once"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not"),
        (status = 404, description = "no such invoice, or nobody else pays it"),
        (status = 409, description = "the invoice is cancelled, or the claim cannot come to stand there"),
        (status = 412, description = "If-Match names another version"),
    )
)]
#[patch("/api/billing/invoices/{id}/insurance/")]
pub async fn amend(
    permit: Permit<InsuranceWrite>,
    id: web::Path<i64>,
    if_match: IfMatch,
    patch: MergePatch,
    app: web::Data<App>,
) -> Result<Etagged<InsuranceAnswer>, Problem> {
    change(&app, &permit, *id, &if_match, Change::Parts(patch.value)).await
}

/// What is to become of it.
enum Change {
    /// This takes its place.
    Whole(InsuranceInput),
    /// This is merged into it.
    Parts(serde_json::Value),
}

impl Change {
    fn of(&self, standing: Option<&Insurance>) -> Result<InsuranceInput, Problem> {
        match self {
            Self::Whole(input) => Ok(input.clone()),
            Self::Parts(patch) => {
                let standing = standing.ok_or(Error::NotInsured)?;
                strict_json::parse(merge_patch::apply(&standing.as_input(), patch)?)
            }
        }
    }
}

async fn change(
    app: &App,
    permit: &Permit<InsuranceWrite>,
    id: i64,
    if_match: &IfMatch,
    change: Change,
) -> Result<Etagged<InsuranceAnswer>, Problem> {
    let actor = &permit.actor;
    let mut conn = db::get(&app.db).await?;
    conn.transaction(async |conn| {
        // the invoice's lock keeps two writers apart, also where there is no insurance yet
        let invoice = Invoice::lock(conn, Scope::of(permit), id).await?;
        let standing = Insurance::find(conn, id).await?;
        let version = standing.as_ref().map_or(0, |standing| standing.version);
        if_match.check(version)?;
        if invoice.status == Status::Cancelled {
            return Err(Error::InsuredNoMore.into());
        }
        let input = change.of(standing.as_ref())?;
        let from = standing.map_or(ClaimStatus::NotSubmitted, |standing| standing.claim_status);
        let to = input.claim_status.unwrap_or(ClaimStatus::NotSubmitted);
        if !from.may_become(to) {
            return Err(Error::ClaimStands { from, to }.into());
        }
        let share = input.share_of(invoice.totals.total).map_err(|fault| Problem::bad_request(Faults(vec![fault])))?;
        let insurance = Insurance::new(id, &input, share, version + 1, actor.user_id).put(conn).await?;
        audit::write(conn, &actor.trail, [invoice.patient_id]).await?;
        Ok(Etagged { version: insurance.version, body: insurance.shown(invoice.totals.total) })
    })
    .await
}
