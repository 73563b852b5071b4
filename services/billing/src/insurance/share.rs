//! The row of an invoice's insurance, and what is shown of it.

use chassis::phi::Phi;
use chassis::text::{Line, Paragraph};
use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::upsert::excluded;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use utoipa::ToSchema;

use super::ClaimStatus;
use super::input::InsuranceInput;
use crate::money::Paise;
use crate::schema::insurance;

/// A row of `insurance`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = insurance, check_for_backend(Pg), treat_none_as_default_value = false)]
pub struct Insurance {
    /// Of which invoice.
    pub invoice_id: i64,
    /// Grows with every change.
    pub version: i64,
    /// Who else pays.
    pub payer: String,
    /// Under which policy.
    pub policy_number: Phi<String>,
    /// Under which agreement.
    pub preauthorisation_number: Option<Phi<String>>,
    /// Up to how much.
    pub preauthorised_amount: Option<Paise>,
    /// How much of the bill.
    pub payer_amount: Paise,
    /// Where the claim stands.
    pub claim_status: ClaimStatus,
    /// Its number.
    pub claim_number: Option<Phi<String>>,
    /// What else is to be known of it.
    pub note: Option<Phi<String>>,
    /// Who last changed it.
    pub updated_by: i64,
    /// When.
    pub updated_at: DateTime<Utc>,
}

/// Who else pays an invoice, and how much.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct InsuranceAnswer {
    /// The insurer, scheme or employer.
    pub payer: String,
    /// The policy's or card's number.
    #[schema(value_type = String)]
    pub policy_number: Phi<String>,
    /// The number under which the payer has agreed beforehand.
    #[schema(value_type = Option<String>)]
    pub preauthorisation_number: Option<Phi<String>>,
    /// Up to how much the payer has agreed.
    pub preauthorised_amount: Option<Paise>,
    /// What the payer is to pay of the bill.
    pub payer_amount: Paise,
    /// What is left to the patient.
    pub patient_amount: Paise,
    /// Where the claim stands.
    pub claim_status: ClaimStatus,
    /// The payer's number of the claim.
    #[schema(value_type = Option<String>)]
    pub claim_number: Option<Phi<String>>,
    /// What else is to be known of the claim.
    #[schema(value_type = Option<String>)]
    pub note: Option<Phi<String>>,
    /// Who last changed it.
    pub updated_by: i64,
    /// When.
    pub updated_at: DateTime<Utc>,
}

impl Insurance {
    /// What was sent, as a row.
    pub fn new(invoice_id: i64, input: &InsuranceInput, payer_amount: Paise, version: i64, user: i64) -> Self {
        let line = |text: &Option<Line<100>>| text.as_deref().filter(|text| !text.is_empty()).map(phi);
        let note: Option<&Paragraph<1000>> = input.note.as_ref();
        Self {
            invoice_id,
            version,
            payer: input.payer.to_string(),
            policy_number: phi(&input.policy_number),
            preauthorisation_number: line(&input.preauthorisation_number),
            preauthorised_amount: input.preauthorised_amount,
            payer_amount,
            claim_status: input.claim_status.unwrap_or(ClaimStatus::NotSubmitted),
            claim_number: line(&input.claim_number),
            note: note.filter(|note| !note.is_empty()).map(|note| phi(note)),
            updated_by: user,
            updated_at: Utc::now(),
        }
    }

    /// Of one invoice.
    ///
    /// # Errors
    /// From the database.
    pub async fn find(conn: &mut AsyncPgConnection, invoice: i64) -> QueryResult<Option<Self>> {
        insurance::table.find(invoice).select(Self::as_select()).first(conn).await.optional()
    }

    /// Of these invoices, as far as they have one.
    ///
    /// # Errors
    /// From the database.
    pub async fn of(conn: &mut AsyncPgConnection, invoices: &[i64]) -> QueryResult<Vec<Self>> {
        insurance::table.filter(insurance::invoice_id.eq_any(invoices)).select(Self::as_select()).load(conn).await
    }

    /// Puts it in the place of what was there, in a transaction that has locked the invoice; gives what is kept.
    ///
    /// # Errors
    /// From the database.
    pub async fn put(&self, conn: &mut AsyncPgConnection) -> QueryResult<Self> {
        use insurance::dsl;
        diesel::insert_into(insurance::table)
            .values(self)
            .on_conflict(dsl::invoice_id)
            .do_update()
            .set((
                dsl::version.eq(excluded(dsl::version)),
                dsl::payer.eq(excluded(dsl::payer)),
                dsl::policy_number.eq(excluded(dsl::policy_number)),
                dsl::preauthorisation_number.eq(excluded(dsl::preauthorisation_number)),
                dsl::preauthorised_amount.eq(excluded(dsl::preauthorised_amount)),
                dsl::payer_amount.eq(excluded(dsl::payer_amount)),
                dsl::claim_status.eq(excluded(dsl::claim_status)),
                dsl::claim_number.eq(excluded(dsl::claim_number)),
                dsl::note.eq(excluded(dsl::note)),
                dsl::updated_by.eq(excluded(dsl::updated_by)),
                dsl::updated_at.eq(excluded(dsl::updated_at)),
            ))
            .returning(Self::as_returning())
            .get_result(conn)
            .await
    }

    /// What is shown of it on a bill of this total. A draft may have become smaller than what the payer was to pay.
    pub fn shown(&self, total: Paise) -> InsuranceAnswer {
        let payer_amount = self.payer_amount.min(total);
        InsuranceAnswer {
            payer: self.payer.clone(),
            policy_number: self.policy_number.clone(),
            preauthorisation_number: self.preauthorisation_number.clone(),
            preauthorised_amount: self.preauthorised_amount,
            payer_amount,
            patient_amount: total - payer_amount,
            claim_status: self.claim_status,
            claim_number: self.claim_number.clone(),
            note: self.note.clone(),
            updated_by: self.updated_by,
            updated_at: self.updated_at,
        }
    }

    /// The row as somebody would send it, so that a merge patch applies to it.
    pub fn as_input(&self) -> InsuranceInput {
        let line = |text: &Phi<String>| Line::new(text.expose()).unwrap_or_default();
        InsuranceInput {
            payer: Line::new(&self.payer).unwrap_or_default(),
            policy_number: line(&self.policy_number),
            preauthorisation_number: self.preauthorisation_number.as_ref().map(line),
            preauthorised_amount: self.preauthorised_amount,
            payer_amount: Some(self.payer_amount),
            claim_status: Some(self.claim_status),
            claim_number: self.claim_number.as_ref().map(line),
            note: self.note.as_ref().map(|note| Paragraph::new(note.expose()).unwrap_or_default()),
        }
    }
}

fn phi(text: &str) -> Phi<String> {
    Phi::new(text.to_owned())
}
