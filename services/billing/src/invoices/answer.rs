//! What is shown of an invoice.

use chassis::phi::Phi;
use chassis::problem::Problem;
use chrono::{DateTime, NaiveDate, Utc};
use diesel_async::AsyncPgConnection;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::pricing::Priced;
use super::{Invoice, Item, RegisteredRecipient, Status};
use crate::credit_notes::{CreditNote, CreditNoteAnswer};
use crate::insurance::{Insurance, InsuranceAnswer, Payer};
use crate::known::Patient;
use crate::money::Paise;
use crate::quantity::Quantity;
use crate::supplier::Supplier;
use crate::tax::{Circumstance, DocumentType, Kind, Rate, StateCode, StateTax, TaxReason, Treatment};

/// An invoice.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct InvoiceAnswer {
    /// Id.
    pub id: i64,
    /// At most 16 characters, consecutive within a financial year; null on a draft.
    #[schema(example = "EHS/2627/000001")]
    pub invoice_number: Option<String>,
    /// Where it stands.
    pub status: Status,
    /// Which document it is.
    pub document_type: DocumentType,
    /// Who is billed.
    pub patient: i64,
    /// The patient's name: as it was at issue, before that as it is; null while it is not known yet.
    #[schema(value_type = Option<String>)]
    pub patient_name: Option<Phi<String>>,
    /// What for.
    pub appointment: Option<i64>,
    /// The date of the document, in India; null on a draft.
    pub invoice_date: Option<NaiveDate>,
    /// When it is to be paid.
    pub due_date: Option<NaiveDate>,
    /// Where goods are delivered.
    pub delivery_state: Option<StateCode>,
    /// The address where goods are delivered, where that is not the recipient's own.
    #[schema(value_type = Option<String>)]
    pub delivery_address: Option<Phi<String>>,
    /// The lines.
    pub items: Vec<ItemAnswer>,
    /// Of the lines, before discount and tax.
    pub subtotal: Paise,
    /// Of the lines, with that of the bill.
    pub discount: Paise,
    /// Of the bill, within `discount`.
    pub bill_discount: Paise,
    /// Why something is taken off.
    pub discount_reason: Option<String>,
    /// `subtotal` less `discount`.
    pub taxable_value: Paise,
    /// Central tax.
    pub cgst: Paise,
    /// State tax, or that of the union territory: `state_tax` says which.
    pub sgst: Paise,
    /// What the tax in `sgst` is called where the hospital stands.
    pub state_tax: StateTax,
    /// Integrated tax.
    pub igst: Paise,
    /// The three taxes together.
    pub tax: Paise,
    /// What rounding to the rupee added, or took.
    #[schema(value_type = String, example = "-0.32")]
    pub round_off: Paise,
    /// What is to be paid in all.
    pub total: Paise,
    /// What was paid.
    pub amount_paid: Paise,
    /// What is left to pay: `total` less `amount_paid`, and nothing once it is cancelled. What is refunded of a payment is left to
    /// pay again.
    pub balance: Paise,
    /// What undid it; null unless it is cancelled.
    pub credit_note: Option<CreditNoteAnswer>,
    /// Who else pays, and how much; null when nobody does.
    pub insurance: Option<InsuranceAnswer>,
    /// The hospital, as it was at issue.
    pub supplier: SupplierAnswer,
    /// The business that it is made out to; null where that is the patient.
    pub registered_recipient: Option<RegisteredRecipient>,
    /// The patient, as at issue; null on a draft.
    pub recipient: Option<RecipientAnswer>,
    /// When the number was taken.
    pub issued_at: Option<DateTime<Utc>>,
    /// When it was drafted.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// A line of an invoice.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ItemAnswer {
    /// Its place, from 1.
    pub line: i16,
    /// The catalogue's id of it.
    pub service: Option<i64>,
    /// What it is.
    #[schema(value_type = String)]
    pub description: Phi<String>,
    /// SAC or HSN.
    pub sac_hsn: String,
    /// What kind of supply.
    pub kind: Kind,
    /// What decides the tax besides.
    pub circumstance: Option<Circumstance>,
    /// How much.
    pub quantity: Quantity,
    /// For one.
    pub unit_price: Paise,
    /// Off the line, with its share of the bill's discount.
    pub discount: Paise,
    /// Its share of the bill's discount, within `discount`.
    pub bill_discount: Paise,
    /// Why something is taken off the line.
    pub discount_reason: Option<String>,
    /// Exempt, nil or taxable.
    pub tax_treatment: Option<Treatment>,
    /// Why it is taxed so; null on lines of a time when that was not kept.
    pub tax_reason: Option<TaxReason>,
    /// In percent.
    pub gst_rate: Rate,
    /// Why it is not the rate of the rules.
    pub gst_rate_reason: Option<String>,
    /// Quantity times unit price, less discount.
    pub taxable_value: Paise,
    /// Central tax.
    pub cgst: Paise,
    /// State tax, or that of the union territory.
    pub sgst: Paise,
    /// Integrated tax.
    pub igst: Paise,
    /// Taxable value and taxes.
    pub total: Paise,
}

/// Who supplies.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SupplierAnswer {
    /// Legal name.
    pub name: String,
    /// Address.
    pub address: String,
    /// GSTIN.
    pub gstin: String,
    /// GST state code.
    pub state_code: String,
}

/// Who is billed.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RecipientAnswer {
    /// Name.
    #[schema(value_type = String)]
    pub name: Phi<String>,
    /// The number that people see.
    pub patient_id: String,
    /// Address.
    #[schema(value_type = String)]
    pub address: Phi<String>,
    /// GST code of the state that the address names; null where it names none.
    #[serde(default)]
    pub state_code: Option<String>,
}

/// Supplier and recipient, and who else pays: what an issued invoice keeps of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Particulars {
    /// Who supplies.
    pub supplier: SupplierAnswer,
    /// Who is billed.
    pub recipient: RecipientAnswer,
    /// Who else pays, where somebody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payer: Option<Payer>,
}

impl Particulars {
    /// Both as they are now.
    pub fn of(supplier: &Supplier, patient: &Patient) -> Self {
        let Patient { name, patient_id, address, state, .. } = patient.clone();
        let state_code = state.and_then(|state| StateCode::named(&state)).map(|code| code.to_string());
        let recipient = RecipientAnswer { name, patient_id, address, state_code };
        Self { supplier: supplier.into(), recipient, payer: None }
    }
}

impl From<&Supplier> for SupplierAnswer {
    fn from(supplier: &Supplier) -> Self {
        Self {
            name: supplier.name.clone(),
            address: supplier.address.clone(),
            gstin: supplier.gstin.to_string(),
            state_code: supplier.state.to_string(),
        }
    }
}

/// What lies in other tables.
struct Besides<'a> {
    items: Vec<&'a Item>,
    credit_note: Option<CreditNote>,
    insurance: Option<Insurance>,
}

fn cancelled<'a>(invoices: impl IntoIterator<Item = &'a Invoice>) -> Vec<i64> {
    invoices.into_iter().filter(|invoice| invoice.status == Status::Cancelled).map(|invoice| invoice.id).collect()
}

impl InvoiceAnswer {
    /// What is shown of these invoices, with their lines fetched in one query.
    ///
    /// # Errors
    /// From the database.
    pub async fn of_all(
        conn: &mut AsyncPgConnection,
        supplier: &Supplier,
        found: Vec<(Invoice, Option<Phi<String>>)>,
    ) -> Result<Vec<Self>, Problem> {
        let ids: Vec<_> = found.iter().map(|(invoice, _)| invoice.id).collect();
        let items = Item::of(conn, &ids).await?;
        let notes = CreditNote::of(conn, &cancelled(found.iter().map(|(invoice, _)| invoice))).await?;
        let insured = Insurance::of(conn, &ids).await?;
        let besides = |id: i64| Besides {
            insurance: insured.iter().find(|insurance| insurance.invoice_id == id).cloned(),
            items: items.iter().filter(move |item| item.invoice_id == id).collect(),
            credit_note: notes.iter().find(|note| note.invoice_id == id).cloned(),
        };
        found.into_iter().map(|(invoice, name)| Self::new(supplier, &invoice, name, besides(invoice.id))).collect()
    }

    /// What is shown of an invoice.
    ///
    /// # Errors
    /// From the database.
    pub async fn of(
        conn: &mut AsyncPgConnection,
        supplier: &Supplier,
        invoice: &Invoice,
        patient_name: Option<Phi<String>>,
    ) -> Result<Self, Problem> {
        let insurance = Insurance::find(conn, invoice.id).await?;
        let items = Item::of(conn, &[invoice.id]).await?;
        let credit_note = CreditNote::of(conn, &cancelled([invoice])).await?.pop();
        Self::new(supplier, invoice, patient_name, Besides { items: items.iter().collect(), credit_note, insurance })
    }

    /// What is shown of an invoice that this transaction has priced: nothing has to be read of it again.
    ///
    /// # Errors
    /// What is kept of the particulars cannot be read.
    pub fn of_priced(
        supplier: &Supplier,
        invoice: &Invoice,
        patient_name: Option<Phi<String>>,
        priced: &Priced,
        insurance: Option<Insurance>,
    ) -> Result<Self, Problem> {
        let items = Item::rows(invoice.id, priced);
        Self::new(
            supplier,
            invoice,
            patient_name,
            Besides { items: items.iter().collect(), credit_note: None, insurance },
        )
    }

    fn new(
        supplier: &Supplier,
        invoice: &Invoice,
        patient_name: Option<Phi<String>>,
        Besides { items, credit_note, insurance }: Besides<'_>,
    ) -> Result<Self, Problem> {
        let particulars: Option<Particulars> =
            invoice.particulars.clone().map(serde_json::from_value).transpose().map_err(Problem::internal)?;
        let (supplier, recipient) = match particulars {
            Some(then) => (then.supplier, Some(then.recipient)),
            None => (supplier.into(), None),
        };
        let credit_note =
            credit_note.map(|note| CreditNoteAnswer::new(note, invoice, items.iter().copied())).transpose()?;
        let items: Vec<_> = items.into_iter().map(ItemAnswer::from).collect();
        let totals = invoice.totals;
        let state: StateCode = supplier.state_code.parse().map_err(Problem::internal)?;
        Ok(Self {
            id: invoice.id,
            invoice_number: invoice.invoice_number.clone(),
            status: invoice.status,
            document_type: invoice.document_type,
            patient: invoice.patient_id,
            patient_name: recipient.as_ref().map(|then| then.name.clone()).or(patient_name),
            appointment: invoice.appointment_id,
            invoice_date: invoice.issued_at.map(|_| invoice.dated),
            due_date: invoice.due_date,
            delivery_state: invoice.delivery_state,
            delivery_address: invoice.delivery_address.clone(),
            bill_discount: items.iter().map(|item| item.bill_discount).sum(),
            items,
            subtotal: totals.subtotal,
            discount: totals.discount,
            discount_reason: invoice.discount_reason.clone(),
            taxable_value: totals.taxable_value(),
            cgst: totals.cgst,
            sgst: totals.sgst,
            state_tax: StateTax::of(state),
            igst: totals.igst,
            tax: totals.tax(),
            round_off: totals.round_off,
            total: totals.total,
            amount_paid: invoice.amount_paid,
            balance: invoice.balance(),
            credit_note,
            insurance: insurance.map(|insurance| insurance.shown(totals.total)),
            supplier,
            registered_recipient: invoice.registered_recipient(),
            recipient,
            issued_at: invoice.issued_at,
            created_at: invoice.created_at,
            updated_at: invoice.updated_at,
        })
    }
}

impl From<&Item> for ItemAnswer {
    fn from(item: &Item) -> Self {
        let taxable_value = item.gross - item.discount;
        let reason = item.tax_rule.clone().zip(item.tax_text.clone());
        Self {
            line: item.line,
            service: item.service_id,
            description: item.description.clone(),
            sac_hsn: item.sac_hsn.clone(),
            kind: item.kind,
            circumstance: item.circumstance,
            quantity: item.quantity,
            unit_price: item.unit_price,
            discount: item.discount,
            bill_discount: item.bill_discount,
            discount_reason: item.discount_reason.clone(),
            tax_treatment: item.treatment,
            tax_reason: reason.map(|(rule, text)| TaxReason { rule, text }),
            gst_rate: item.gst_rate,
            gst_rate_reason: item.gst_rate_reason.clone(),
            taxable_value,
            cgst: item.cgst,
            sgst: item.sgst,
            igst: item.igst,
            total: taxable_value + item.cgst + item.sgst + item.igst,
        }
    }
}
