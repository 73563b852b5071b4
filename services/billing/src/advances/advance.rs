//! The row of an advance, and what is shown of it.

use chassis::phi::Phi;
use chassis::problem::Problem;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::take::AdvanceInput;
use crate::access::Scope;
use crate::error::Error;
use crate::invoices::answer::Particulars;
use crate::known::Patient;
use crate::known::merged::any_id_of_user;
use crate::money::Paise;
use crate::numbering::{Number, day_in_india};
use crate::payments::Method;
use crate::schema::advances;
use crate::supplier::Supplier;
use crate::tax::{Circumstance, Kind, TaxReason};

chassis::words! {
    /// Whether something is left of an advance.
    pub enum AdvanceStatus {
        /// Something is left.
        Open = "OPEN",
        /// All of it was used or given back. What an invoice gives back opens it again.
        Spent = "SPENT",
    }
}

/// A row of `advances`.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = advances, check_for_backend(Pg))]
pub struct Advance {
    /// Id.
    pub id: i64,
    /// Grows with every change.
    pub version: i64,
    /// Whose it is.
    pub patient_id: i64,
    /// The receipt voucher's number.
    pub voucher_number: String,
    /// The voucher's date, in India.
    pub dated: NaiveDate,
    /// What it is for.
    pub kind: Kind,
    /// What decides the tax besides.
    pub circumstance: Option<Circumstance>,
    /// What it is for, in words.
    pub description: Phi<String>,
    /// The rule by which it bears no tax.
    pub tax_rule: String,
    /// The rule in words.
    pub tax_text: String,
    /// What was taken.
    pub amount: Paise,
    /// How it came.
    pub method: Method,
    /// The transaction's or cheque's number.
    pub reference: Option<Phi<String>>,
    /// What invoices were paid with it, less what came back of that.
    pub used: Paise,
    /// What was given back to the patient.
    pub refunded: Paise,
    /// Supplier and recipient as they were on the day.
    pub particulars: Value,
    /// Who took it.
    pub received_by: i64,
    /// When.
    pub received_at: DateTime<Utc>,
}

/// An advance: a receipt voucher, and what became of the money.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AdvanceAnswer {
    /// Id.
    pub id: i64,
    /// The receipt voucher's number: consecutive within a financial year, in a series of its own.
    #[schema(example = "RV/2627/000001")]
    pub voucher_number: String,
    /// Whose it is.
    pub patient: i64,
    /// The patient's name, as it was then.
    #[schema(value_type = String)]
    pub patient_name: Phi<String>,
    /// The voucher's date, in India.
    pub date: NaiveDate,
    /// What kind of supply it is for.
    pub kind: Kind,
    /// What decides the tax besides.
    pub circumstance: Option<Circumstance>,
    /// What it is for, in words.
    #[schema(value_type = String)]
    pub description: Phi<String>,
    /// Why it bears no tax.
    pub tax_reason: TaxReason,
    /// Whether something is left.
    pub status: AdvanceStatus,
    /// What was taken, in rupees.
    pub amount: Paise,
    /// What invoices were paid with it, less what came back of that.
    pub used: Paise,
    /// What was given back to the patient.
    pub refunded: Paise,
    /// What is left of it.
    pub left: Paise,
    /// How it came.
    pub method: Method,
    /// The transaction's or cheque's number.
    #[schema(value_type = Option<String>)]
    pub reference: Option<Phi<String>>,
    /// The user who took it.
    pub received_by: i64,
    /// When.
    pub received_at: DateTime<Utc>,
}

impl TryFrom<Advance> for AdvanceAnswer {
    type Error = Problem;

    fn try_from(row: Advance) -> Result<Self, Problem> {
        let left = row.left();
        let particulars: Particulars = serde_json::from_value(row.particulars).map_err(Problem::internal)?;
        Ok(Self {
            id: row.id,
            voucher_number: row.voucher_number,
            patient: row.patient_id,
            patient_name: particulars.recipient.name,
            date: row.dated,
            kind: row.kind,
            circumstance: row.circumstance,
            description: row.description,
            tax_reason: TaxReason { rule: row.tax_rule, text: row.tax_text },
            status: if left > Paise::ZERO { AdvanceStatus::Open } else { AdvanceStatus::Spent },
            amount: row.amount,
            used: row.used,
            refunded: row.refunded,
            left,
            method: row.method,
            reference: row.reference,
            received_by: row.received_by,
            received_at: row.received_at,
        })
    }
}

/// The advances within a scope: the only way to a visible one.
pub(super) fn visible_to(scope: Scope) -> advances::BoxedQuery<'static, Pg> {
    let all = advances::table.into_boxed();
    match scope {
        Scope::All => all,
        Scope::Own(user) => all.filter(advances::patient_id.eq(any_id_of_user(user))),
    }
}

impl Advance {
    /// Writes down what was taken, under the next number of the receipt vouchers. The number's counter stays locked until the
    /// transaction ends.
    ///
    /// # Errors
    /// No number left, or from the database.
    pub(super) async fn insert(
        conn: &mut AsyncPgConnection,
        supplier: &Supplier,
        patient: &Patient,
        (input, tax): (&AdvanceInput, &TaxReason),
        (user, now): (i64, DateTime<Utc>),
    ) -> Result<Self, Error> {
        let day = day_in_india(now);
        let particulars = serde_json::to_value(Particulars::of(supplier, patient))
            .map_err(|fault| diesel::result::Error::SerializationError(fault.into()))?;
        let number = Number::take(conn, &supplier.gstin, &supplier.receipt_voucher_series, day).await?;
        let taken = diesel::insert_into(advances::table)
            .values((
                advances::patient_id.eq(patient.id),
                (
                    advances::voucher_number.eq(&number.text),
                    advances::supplier_gstin.eq(supplier.gstin.as_str()),
                    advances::series.eq(supplier.receipt_voucher_series.as_str()),
                    advances::financial_year.eq(number.year.begins()),
                    advances::serial.eq(number.serial),
                    advances::dated.eq(day),
                ),
                advances::kind.eq(input.kind),
                advances::circumstance.eq(input.circumstance),
                advances::description.eq(input.described()),
                advances::tax_rule.eq(&tax.rule),
                advances::tax_text.eq(&tax.text),
                advances::amount.eq(input.amount),
                advances::method.eq(input.method),
                advances::reference.eq(input.reference.as_deref().filter(|reference| !reference.is_empty())),
                advances::particulars.eq(particulars),
                advances::received_by.eq(user),
                advances::received_at.eq(now),
            ))
            .returning(Self::as_returning())
            .get_result(conn)
            .await?;
        Ok(taken)
    }

    /// An advance within the scope.
    ///
    /// # Errors
    /// [`Error::NoAdvance`].
    pub async fn find(conn: &mut AsyncPgConnection, scope: Scope, id: i64) -> Result<Self, Error> {
        let found = visible_to(scope).filter(advances::id.eq(id)).select(Self::as_select());
        found.first(conn).await.optional()?.ok_or(Error::NoAdvance)
    }

    /// Locks an advance until the transaction ends. Whoever locks an invoice besides locks that one first.
    ///
    /// # Errors
    /// [`Error::NoAdvance`].
    pub(super) async fn lock(conn: &mut AsyncPgConnection, id: i64) -> Result<Self, Error> {
        let locked = advances::table.find(id).for_update().select(Self::as_select());
        locked.first(conn).await.optional()?.ok_or(Error::NoAdvance)
    }

    /// What was neither used nor given back.
    pub fn left(&self) -> Paise {
        self.amount - self.used - self.refunded
    }

    /// Insists that so much is left.
    ///
    /// # Errors
    /// [`Error::AdvanceSpent`].
    pub(super) fn covers(&self, amount: Paise) -> Result<(), Error> {
        if amount > self.left() { Err(Error::AdvanceSpent { left: self.left() }) } else { Ok(()) }
    }

    /// Says that so much more of it was used. The database checks it against the payments and the books.
    pub(super) async fn spend(&self, conn: &mut AsyncPgConnection, amount: Paise) -> QueryResult<()> {
        diesel::update(advances::table.find(self.id))
            .set((advances::used.eq(self.used + amount), advances::version.eq(advances::version + 1)))
            .execute(conn)
            .await
            .map(drop)
    }

    /// Says that so much of what was used came back from an invoice.
    pub(crate) async fn put_back(conn: &mut AsyncPgConnection, id: i64, amount: Paise) -> QueryResult<()> {
        let advance: Self = advances::table.find(id).for_update().select(Self::as_select()).first(conn).await?;
        diesel::update(advances::table.find(id))
            .set((advances::used.eq(advance.used - amount), advances::version.eq(advances::version + 1)))
            .execute(conn)
            .await
            .map(drop)
    }

    /// Says that so much more of it was given back to the patient.
    pub(super) async fn give_back(&self, conn: &mut AsyncPgConnection, amount: Paise) -> QueryResult<()> {
        diesel::update(advances::table.find(self.id))
            .set((advances::refunded.eq(self.refunded + amount), advances::version.eq(advances::version + 1)))
            .execute(conn)
            .await
            .map(drop)
    }
}
