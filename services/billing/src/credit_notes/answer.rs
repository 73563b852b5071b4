//! What is shown of a credit note: all that the law wants on one (CGST Rules, rule 53(1A)).

use chassis::problem::Problem;
use chrono::NaiveDate;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use utoipa::ToSchema;

use super::CreditNote;
use crate::error::Error;
use crate::invoices::answer::{Particulars, RecipientAnswer, SupplierAnswer};
use crate::invoices::taxes::TaxAtRate;
use crate::invoices::{Invoice, Item, RegisteredRecipient};
use crate::money::Paise;
use crate::schema::invoices;
use crate::tax::{StateCode, StateTax};

chassis::words! {
    /// What kind of document it is.
    pub enum Nature {
        /// A credit note (CGST Act, section 34(1)).
        CreditNote = "CREDIT_NOTE",
    }
}

/// A credit note with its particulars. Supplier and recipient are the invoice's, as they were when it was issued.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CreditNoteAnswer {
    /// The nature of the document.
    pub document_type: Nature,
    /// Number, date and amounts.
    #[serde(flatten)]
    pub note: CreditNote,
    /// The number of the invoice or bill of supply that it undoes.
    #[schema(example = "EHS/2627/000001")]
    pub invoice_number: String,
    /// The date of that one.
    pub invoice_date: NaiveDate,
    /// The hospital.
    pub supplier: SupplierAnswer,
    /// The business that the invoice was made out to; null where that was the patient.
    pub registered_recipient: Option<RegisteredRecipient>,
    /// The patient.
    pub recipient: RecipientAnswer,
    /// `subtotal` less `discount`.
    pub taxable_value: Paise,
    /// What the tax in `sgst` is called where the hospital stands.
    pub state_tax: StateTax,
    /// Value and tax by the rates of the invoice.
    pub taxes: Vec<TaxAtRate>,
}

impl CreditNoteAnswer {
    /// What is shown of the credit note that undid this invoice, which has these lines.
    ///
    /// # Errors
    /// 500 where the invoice was not issued; never seen.
    pub fn new<'a>(
        note: CreditNote,
        invoice: &Invoice,
        items: impl IntoIterator<Item = &'a Item>,
    ) -> Result<Self, Problem> {
        let particulars = invoice.particulars.clone().ok_or(Error::NotIssued)?;
        let Particulars { supplier, recipient, .. } = serde_json::from_value(particulars).map_err(Problem::internal)?;
        let state: StateCode = supplier.state_code.parse().map_err(Problem::internal)?;
        Ok(Self {
            document_type: Nature::CreditNote,
            invoice_number: invoice.invoice_number.clone().ok_or(Error::NotIssued)?,
            invoice_date: invoice.dated,
            supplier,
            registered_recipient: invoice.registered_recipient(),
            recipient,
            taxable_value: note.subtotal - note.discount,
            state_tax: StateTax::of(state),
            taxes: TaxAtRate::of(items),
            note,
        })
    }

    /// What is shown of these credit notes, their invoices fetched in two queries.
    ///
    /// # Errors
    /// From the database.
    pub async fn of_all(conn: &mut AsyncPgConnection, notes: Vec<CreditNote>) -> Result<Vec<Self>, Problem> {
        let ids: Vec<_> = notes.iter().map(|note| note.invoice_id).collect();
        let undone: Vec<Invoice> =
            invoices::table.filter(invoices::id.eq_any(&ids)).select(Invoice::as_select()).load(conn).await?;
        let items = Item::of(conn, &ids).await?;
        let shown = |note: CreditNote| {
            let invoice = undone.iter().find(|invoice| invoice.id == note.invoice_id).ok_or(Error::NoInvoice)?;
            let lines = items.iter().filter(|item| item.invoice_id == invoice.id);
            Self::new(note, invoice, lines)
        };
        notes.into_iter().map(shown).collect()
    }

    /// What is shown of one.
    ///
    /// # Errors
    /// From the database.
    pub async fn of(conn: &mut AsyncPgConnection, note: CreditNote) -> Result<Self, Problem> {
        let one = Self::of_all(conn, vec![note]).await?.pop();
        one.ok_or_else(|| Error::NoCreditNote.into())
    }
}
