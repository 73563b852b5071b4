//! The rows of an invoice, and the queries on them.

use chassis::fields::{Day, Id};
use chassis::phi::Phi;
use chassis::prepared::Prepare as _;
use chassis::text::Line;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;

use super::bill::{Bill, BillLine};
use super::input::SacHsn;
use super::pricing::{Priced, PricedLine};
use super::{RegisteredRecipient, Status};
use crate::access::{Scope, visible_to};
use crate::error::Error;
use crate::money::Paise;
use crate::quantity::Quantity;
use crate::schema::{invoice_items, invoices, patients};
use crate::tax::{Circumstance, DocumentType, Kind, LineAmounts, Rate, StateCode, Totals, Treatment};

/// A row of `invoices`.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = invoices, check_for_backend(Pg))]
pub struct Invoice {
    /// Id.
    pub id: i64,
    /// Grows with every change.
    pub version: i64,
    /// Where it stands.
    pub status: Status,
    /// Which document it is.
    pub document_type: DocumentType,
    /// Who is billed.
    pub patient_id: i64,
    /// What for.
    pub appointment_id: Option<i64>,
    /// Of a draft the day it was made, then the day of issue.
    pub dated: NaiveDate,
    /// When it is to be paid.
    pub due_date: Option<NaiveDate>,
    /// Where goods go.
    pub delivery_state: Option<StateCode>,
    /// Where goods go, where that is not where the recipient lives.
    pub delivery_address: Option<Phi<String>>,
    /// None on a draft.
    pub invoice_number: Option<String>,
    /// Supplier and recipient as they were on the day of issue.
    pub particulars: Option<Value>,
    /// When its number was taken.
    pub issued_at: Option<DateTime<Utc>>,
    /// Why something is taken off.
    pub discount_reason: Option<String>,
    /// The business that it is made out to.
    pub registered_recipient: Option<Value>,
    /// The amounts.
    #[diesel(embed)]
    pub totals: Totals,
    /// What was paid.
    pub amount_paid: Paise,
    /// When it was drafted.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// A row of `invoice_items`.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = invoice_items, check_for_backend(Pg), treat_none_as_default_value = false)]
pub struct Item {
    /// Of which invoice.
    pub invoice_id: i64,
    /// Its place on it, from 1.
    pub line: i16,
    /// What kind of supply.
    pub kind: Kind,
    /// In words.
    pub description: Phi<String>,
    /// SAC or HSN.
    pub sac_hsn: String,
    /// How much.
    pub quantity: Quantity,
    /// For one.
    pub unit_price: Paise,
    /// The rate that applies.
    pub gst_rate: Rate,
    /// Why it is not the rate of the rules.
    pub gst_rate_reason: Option<String>,
    /// Quantity times unit price.
    pub gross: Paise,
    /// Taken off.
    pub discount: Paise,
    /// Central tax.
    pub cgst: Paise,
    /// State tax.
    pub sgst: Paise,
    /// Integrated tax.
    pub igst: Paise,
    /// The catalogue's id of what it is.
    pub service_id: Option<i64>,
    /// What decides the tax besides its kind.
    pub circumstance: Option<Circumstance>,
    /// Exempt, nil or taxable.
    pub treatment: Option<Treatment>,
    /// The rule that decided the tax.
    pub tax_rule: Option<String>,
    /// The rule in words.
    pub tax_text: Option<String>,
    /// Why something is taken off the line.
    pub discount_reason: Option<String>,
    /// Its share of the bill's discount, within `discount`.
    pub bill_discount: Paise,
}

/// What a draft says besides its lines.
#[derive(Clone, Debug, Insertable, AsChangeset)]
#[diesel(table_name = invoices, check_for_backend(Pg), treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct Draft {
    /// Who is billed.
    pub patient_id: i64,
    /// What for.
    pub appointment_id: Option<i64>,
    /// When it is to be paid.
    pub due_date: Option<NaiveDate>,
    /// Where goods go.
    pub delivery_state: Option<StateCode>,
    /// Where goods go, where that is not where the recipient lives.
    pub delivery_address: Option<Phi<String>>,
    /// Which document it will be.
    pub document_type: DocumentType,
    /// The day it is priced for.
    pub dated: NaiveDate,
    /// Why something is taken off.
    pub discount_reason: Option<String>,
    /// The business that it is made out to.
    pub registered_recipient: Option<Value>,
    /// The amounts.
    #[diesel(embed)]
    pub totals: Totals,
}

/// Who or what makes a draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maker {
    /// A user.
    User(i64),
    /// The event of a completed appointment.
    Event,
}

impl Draft {
    /// What `bill` says, priced for `dated`.
    pub fn new(bill: &Bill, patient_id: i64, priced: &Priced, dated: NaiveDate) -> Self {
        Self {
            patient_id,
            appointment_id: bill.appointment.map(Id::get),
            due_date: bill.due_date.map(Day::get),
            delivery_state: bill.delivery_state,
            delivery_address: bill.delivery_address.as_deref().map(|address| Phi::new(address.to_owned())),
            document_type: priced.document_type,
            dated,
            discount_reason: bill.discount_reason.as_deref().map(str::to_owned),
            registered_recipient: bill.registered_recipient.as_ref().map(RegisteredRecipient::keep),
            totals: priced.totals,
        }
    }

    /// Inserts the draft with its lines. None when an event has made this appointment's draft before.
    pub async fn insert(
        &self,
        conn: &mut AsyncPgConnection,
        priced: &Priced,
        maker: Maker,
    ) -> QueryResult<Option<Invoice>> {
        let user = match maker {
            Maker::User(id) => Some(id),
            Maker::Event => None,
        };
        let inserted: Option<Invoice> = diesel::insert_into(invoices::table)
            .values((self, invoices::created_by.eq(user), invoices::drafted_by_event.eq(maker == Maker::Event)))
            .on_conflict_do_nothing()
            .returning(Invoice::as_returning())
            .prepared()
            .get_result(conn)
            .await
            .optional()?;
        if let Some(invoice) = &inserted {
            Item::insert(conn, invoice.id, priced).await?;
        }
        Ok(inserted)
    }

    /// Puts this in the place of what the draft said, lines included.
    pub async fn replace(&self, conn: &mut AsyncPgConnection, id: i64, priced: &Priced) -> QueryResult<Invoice> {
        diesel::delete(invoice_items::table.filter(invoice_items::invoice_id.eq(id))).execute(conn).await?;
        Item::insert(conn, id, priced).await?;
        diesel::update(invoices::table.find(id))
            .set((self, invoices::version.eq(invoices::version + 1), invoices::updated_at.eq(diesel::dsl::now)))
            .returning(Invoice::as_returning())
            .prepared()
            .get_result(conn)
            .await
    }
}

impl Item {
    /// The rows of a priced bill's lines.
    pub(crate) fn rows(invoice_id: i64, priced: &Priced) -> Vec<Self> {
        let row = |(place, priced): (i16, &PricedLine)| Self {
            invoice_id,
            line: place,
            kind: priced.line.kind,
            description: Phi::new(priced.line.description.to_string()),
            sac_hsn: priced.line.sac_hsn.as_str().to_owned(),
            quantity: priced.line.quantity,
            unit_price: priced.line.unit_price,
            gst_rate: priced.rate,
            gst_rate_reason: priced.rate_reason.as_ref().map(|reason| reason.to_string()),
            gross: priced.amounts.gross,
            discount: priced.amounts.discount,
            cgst: priced.amounts.cgst,
            sgst: priced.amounts.sgst,
            igst: priced.amounts.igst,
            service_id: priced.line.service.map(Id::get),
            circumstance: priced.line.circumstance,
            treatment: Some(priced.treatment),
            tax_rule: Some(priced.tax_reason.rule.clone()),
            tax_text: Some(priced.tax_reason.text.clone()),
            discount_reason: priced.line.discount_reason.as_deref().map(str::to_owned),
            bill_discount: priced.bill_discount,
        };
        (1..).zip(&priced.lines).map(row).collect()
    }

    async fn insert(conn: &mut AsyncPgConnection, invoice_id: i64, priced: &Priced) -> QueryResult<()> {
        let rows = Self::rows(invoice_id, priced);
        diesel::insert_into(invoice_items::table).values(&rows).prepared_for(rows.len()).execute(conn).await?;
        Ok(())
    }

    /// The lines of these invoices, in order.
    pub async fn of(conn: &mut AsyncPgConnection, invoices: &[i64]) -> QueryResult<Vec<Self>> {
        invoice_items::table
            .filter(invoice_items::invoice_id.eq_any(invoices))
            .order((invoice_items::invoice_id, invoice_items::line))
            .select(Self::as_select())
            .load(conn)
            .await
    }

    /// The amounts of the line.
    pub fn amounts(&self) -> LineAmounts {
        LineAmounts::settled(self.gross, self.discount, self.cgst, self.igst)
    }

    /// How the law treats it. Of lines of a time when that was not kept the rate says it.
    pub fn treated(&self) -> Treatment {
        let by_rate = if self.gst_rate == Rate::EXEMPT { Treatment::Exempt } else { Treatment::Taxable };
        self.treatment.unwrap_or(by_rate)
    }

    /// The line as somebody would send it. A rate of the rules is left to the rules again.
    fn as_line(&self) -> BillLine {
        BillLine {
            service: self.service_id.map(Id::new),
            description: free_text(self.description.expose()),
            sac_hsn: SacHsn::known(&self.sac_hsn),
            kind: self.kind,
            circumstance: self.circumstance,
            quantity: self.quantity,
            unit_price: self.unit_price,
            discount: self.discount - self.bill_discount,
            discount_reason: self.discount_reason.as_deref().map(free_text),
            gst_rate: self.gst_rate_reason.is_some().then_some(self.gst_rate),
            gst_rate_reason: self.gst_rate_reason.as_deref().map(free_text),
        }
    }
}

impl Invoice {
    /// An invoice within the scope, with the patient's name where it is known.
    ///
    /// # Errors
    /// [`Error::NoInvoice`].
    pub async fn find(
        conn: &mut AsyncPgConnection,
        scope: Scope,
        id: i64,
    ) -> Result<(Self, Option<Phi<String>>), Error> {
        visible_to(scope)
            .filter(invoices::id.eq(id))
            .select((Self::as_select(), patients::name.nullable()))
            .first(conn)
            .await
            .optional()?
            .ok_or(Error::NoInvoice)
    }

    /// Locks an invoice until the transaction ends. Nobody changes invoices within a scope narrower than all.
    ///
    /// # Errors
    /// [`Error::NoInvoice`].
    pub async fn lock(conn: &mut AsyncPgConnection, scope: Scope, id: i64) -> Result<Self, Error> {
        if scope != Scope::All {
            return Err(Error::NoInvoice);
        }
        invoices::table
            .find(id)
            .for_update()
            .select(Self::as_select())
            .first(conn)
            .await
            .optional()?
            .ok_or(Error::NoInvoice)
    }

    /// What is left to pay. Of a cancelled one its credit note has taken back all, and nothing is paid on it: the books have
    /// nothing as owed.
    pub fn balance(&self) -> Paise {
        match self.status {
            Status::Cancelled => Paise::ZERO,
            _ => self.totals.total - self.amount_paid,
        }
    }

    /// The business that it is made out to, where there is one.
    pub fn registered_recipient(&self) -> Option<RegisteredRecipient> {
        self.registered_recipient.as_ref().and_then(RegisteredRecipient::kept)
    }

    /// The number and what is left to pay under it.
    ///
    /// # Errors
    /// [`Error::NothingToPay`] on a draft, and where nothing is left.
    pub fn payable(&self) -> Result<(&str, Paise), Error> {
        let takes_payment = matches!(self.status, Status::Issued | Status::PartiallyPaid | Status::Overdue);
        let number = self.invoice_number.as_deref().filter(|_| takes_payment && self.balance() > Paise::ZERO);
        number.map(|number| (number, self.balance())).ok_or(Error::NothingToPay)
    }

    /// The invoice as somebody would send it.
    pub fn as_bill(&self, items: &[Item]) -> Bill {
        Bill {
            patient: Id::new(self.patient_id),
            appointment: self.appointment_id.map(Id::new),
            due_date: self.due_date.map(Day::new),
            delivery_state: self.delivery_state,
            delivery_address: self
                .delivery_address
                .as_ref()
                .map(|address| Line::new(address.expose()).unwrap_or_default()),
            registered_recipient: self.registered_recipient(),
            discount: items.iter().map(|item| item.bill_discount).sum(),
            discount_reason: self.discount_reason.as_deref().map(free_text),
            lines: items.iter().map(Item::as_line).collect(),
        }
    }
}

fn free_text(text: &str) -> Line<200> {
    Line::new(text).unwrap_or_default()
}
