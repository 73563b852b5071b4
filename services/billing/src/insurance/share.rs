//! The row of an invoice's insurance, and what is shown of it.

use chassis::phi::Phi;
use chassis::text::{Line, Paragraph};
use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::upsert::excluded;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ClaimStatus;
use super::input::InsuranceInput;
use crate::money::Paise;
use crate::payments::{Method, PaymentStatus};
use crate::schema::{insurance, payments};

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

/// Who else pays, as an invoice that was issued keeps it for its document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payer {
    /// The insurer, scheme or employer.
    pub payer: String,
    /// The policy's or card's number.
    pub policy_number: Phi<String>,
    /// What the payer is to pay, in paise.
    payer_amount: i64,
}

impl Payer {
    /// What the payer is to pay.
    pub const fn part(&self) -> Paise {
        Paise::new(self.payer_amount)
    }
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

    /// What an invoice of this total keeps of it when it is issued.
    pub fn kept(&self, total: Paise) -> Payer {
        Payer {
            payer: self.payer.clone(),
            policy_number: self.policy_number.clone(),
            payer_amount: self.payer_amount.min(total).get(),
        }
    }

    /// What of an invoice's balance is the patient's to pay: all but what the payer has not paid of its part yet.
    pub fn patients_part(&self, total: Paise, balance: Paise, paid_by_payer: Paise) -> Paise {
        let awaited = (self.payer_amount.min(total) - paid_by_payer).max(Paise::ZERO);
        (balance - awaited).max(Paise::ZERO)
    }

    /// What the payer has paid of the invoice.
    ///
    /// # Errors
    /// From the database.
    pub async fn paid(&self, conn: &mut AsyncPgConnection) -> QueryResult<Paise> {
        let paid: Vec<(Paise, Paise)> = payments::table
            .filter(payments::invoice_id.eq(self.invoice_id))
            .filter(payments::method.eq(Method::Insurance))
            .filter(payments::status.eq(PaymentStatus::Completed))
            .select((payments::amount, payments::refunded))
            .load(conn)
            .await?;
        Ok(paid.into_iter().map(|(amount, refunded)| amount - refunded).sum())
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

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::as_conversions)]
mod tests {
    use super::*;

    #[test]
    fn the_patient_pays_what_is_not_the_payers() {
        let rupees = Paise::rupees;
        let insurance = Insurance {
            invoice_id: 1,
            version: 1,
            payer: "Suraksha".to_owned(),
            policy_number: phi("1"),
            preauthorisation_number: None,
            preauthorised_amount: None,
            payer_amount: rupees(300),
            claim_status: ClaimStatus::NotSubmitted,
            claim_number: None,
            note: None,
            updated_by: 1,
            updated_at: DateTime::UNIX_EPOCH,
        };
        for (total, paid, by_payer, part) in [
            (500, 0, 0, 200),
            (500, 200, 0, 0),
            (500, 50, 0, 150),
            (500, 300, 300, 200),
            (500, 250, 250, 200),
            // what the payer pays beyond its part is the patient's gain, and what the patient does the payer's
            (500, 400, 400, 100),
            (500, 300, 0, 0),
            (250, 0, 0, 0),
        ] {
            let found = insurance.patients_part(rupees(total), rupees(total - paid), rupees(by_payer));
            assert_eq!(found, rupees(part), "{by_payer} of {paid} of {total}");
        }
    }
}
