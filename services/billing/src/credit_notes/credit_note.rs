//! The row of a credit note, and what is shown of it.

use chassis::phi::Phi;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::Error;
use crate::invoices::{Invoice, Item};
use crate::money::Paise;
use crate::numbering::{Number, day_in_india};
use crate::schema::credit_notes;
use crate::supplier::Supplier;
use crate::tax::Totals;

/// A credit note's own row. The amounts are what it takes back; its lines are the invoice's.
#[derive(Clone, Debug, Queryable, Selectable, Serialize, ToSchema)]
#[diesel(table_name = credit_notes, check_for_backend(Pg))]
pub struct CreditNote {
    /// Id.
    pub id: i64,
    /// Consecutive within a financial year, in a series of its own.
    #[schema(example = "CN/2627/000001")]
    pub credit_note_number: String,
    /// The invoice that it undoes.
    #[serde(rename = "invoice")]
    #[diesel(column_name = invoice_id)]
    pub invoice_id: i64,
    /// Who was billed.
    #[serde(rename = "patient")]
    #[diesel(column_name = patient_id)]
    pub patient_id: i64,
    /// The date of the document, in India.
    #[serde(rename = "date")]
    pub dated: NaiveDate,
    /// Why the invoice was cancelled.
    #[schema(value_type = String)]
    pub reason: Phi<String>,
    /// Of the lines, before discount and tax.
    pub subtotal: Paise,
    /// Of the lines.
    pub discount: Paise,
    /// Central tax.
    pub cgst: Paise,
    /// State tax, or that of the union territory.
    pub sgst: Paise,
    /// Integrated tax.
    pub igst: Paise,
    /// What rounding to the rupee added, or took.
    #[schema(value_type = String, example = "-0.32")]
    pub round_off: Paise,
    /// What is taken back in all.
    pub total: Paise,
    /// The user who cancelled the invoice.
    pub issued_by: i64,
    /// When.
    pub issued_at: DateTime<Utc>,
}

impl CreditNote {
    /// Writes the credit note that undoes an invoice. The amounts are worked out from the invoice's lines as they stand, at
    /// their own rates; the database compares them with the invoice. The number's counter stays locked until the
    /// transaction ends.
    ///
    /// # Errors
    /// No number left, or from the database.
    pub async fn write(
        conn: &mut AsyncPgConnection,
        supplier: &Supplier,
        invoice: &Invoice,
        reason: &str,
        (user, now): (i64, DateTime<Utc>),
    ) -> Result<Self, Error> {
        let items = Item::of(conn, &[invoice.id]).await?;
        let totals = taken_back(&items)?;
        let number = Number::take(conn, &supplier.gstin, &supplier.credit_note_series, day_in_india(now)).await?;
        let written = diesel::insert_into(credit_notes::table)
            .values((
                credit_notes::invoice_id.eq(invoice.id),
                credit_notes::patient_id.eq(invoice.patient_id),
                credit_notes::credit_note_number.eq(&number.text),
                credit_notes::supplier_gstin.eq(supplier.gstin.as_str()),
                credit_notes::series.eq(supplier.credit_note_series.as_str()),
                credit_notes::financial_year.eq(number.year.begins()),
                credit_notes::serial.eq(number.serial),
                credit_notes::dated.eq(day_in_india(now)),
                credit_notes::reason.eq(reason),
                (
                    credit_notes::subtotal.eq(totals.subtotal),
                    credit_notes::discount.eq(totals.discount),
                    credit_notes::cgst.eq(totals.cgst),
                    credit_notes::sgst.eq(totals.sgst),
                    credit_notes::igst.eq(totals.igst),
                    credit_notes::round_off.eq(totals.round_off),
                    credit_notes::total.eq(totals.total),
                ),
                credit_notes::issued_by.eq(user),
                credit_notes::issued_at.eq(now),
            ))
            .returning(Self::as_returning())
            .get_result(conn)
            .await?;
        Ok(written)
    }

    /// Those of these invoices.
    ///
    /// # Errors
    /// From the database.
    pub async fn of(conn: &mut AsyncPgConnection, invoices: &[i64]) -> QueryResult<Vec<Self>> {
        if invoices.is_empty() {
            return Ok(Vec::new());
        }
        credit_notes::table.filter(credit_notes::invoice_id.eq_any(invoices)).select(Self::as_select()).load(conn).await
    }
}

/// What these lines came to. That they were summed once before, when the invoice was priced, makes no difference to it.
pub(crate) fn taken_back(items: &[Item]) -> Result<Totals, Error> {
    let amounts: Vec<_> = items.iter().map(Item::amounts).collect();
    Totals::of(&amounts)
        .map_err(|fault| Error::Database(diesel::result::Error::DeserializationError(fault.to_string().into())))
}
