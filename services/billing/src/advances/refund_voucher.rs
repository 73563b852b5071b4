//! The row of a refund voucher, and what is shown of it: the same.

use chassis::phi::Phi;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::Advance;
use crate::access::Scope;
use crate::error::Error;
use crate::invoices::answer::Particulars;
use crate::known::merged::any_id_of_user;
use crate::money::Paise;
use crate::numbering::{Number, day_in_india};
use crate::payments::Method;
use crate::payments::give_back::RefundInput;
use crate::schema::refund_vouchers;
use crate::supplier::Supplier;

/// A refund voucher: what was given back of an advance. It never changes.
#[derive(Clone, Debug, Queryable, Selectable, Serialize, ToSchema)]
#[diesel(table_name = refund_vouchers, check_for_backend(Pg))]
pub struct RefundVoucher {
    /// Id.
    pub id: i64,
    /// Consecutive within a financial year, in a series of its own.
    #[schema(example = "RF/2627/000001")]
    pub voucher_number: String,
    /// The advance that it takes from.
    #[serde(rename = "advance")]
    #[diesel(column_name = advance_id)]
    pub advance_id: i64,
    /// Whose advance.
    #[serde(rename = "patient")]
    #[diesel(column_name = patient_id)]
    pub patient_id: i64,
    /// The date of the document, in India.
    #[serde(rename = "date")]
    pub dated: NaiveDate,
    /// In rupees.
    pub amount: Paise,
    /// How it goes back, which is how it came.
    pub method: Method,
    /// Why.
    #[schema(value_type = String)]
    pub reason: Phi<String>,
    /// Supplier and recipient as they were on the day.
    #[serde(skip)]
    pub particulars: Value,
    /// Who granted it.
    pub refunded_by: i64,
    /// When.
    pub refunded_at: DateTime<Utc>,
}

/// The refund vouchers within a scope: the only way to a visible one.
pub(super) fn visible_to(scope: Scope) -> refund_vouchers::BoxedQuery<'static, Pg> {
    let all = refund_vouchers::table.into_boxed();
    match scope {
        Scope::All => all,
        Scope::Own(user) => all.filter(refund_vouchers::patient_id.eq(any_id_of_user(user))),
    }
}

impl RefundVoucher {
    /// Gives back a part of a locked advance, or all that is left, under the next number of the refund vouchers. The number's
    /// counter stays locked until the transaction ends.
    ///
    /// # Errors
    /// No number left, or from the database.
    pub(super) async fn write(
        conn: &mut AsyncPgConnection,
        supplier: &Supplier,
        advance: &Advance,
        input: &RefundInput,
        (user, now): (i64, DateTime<Utc>),
    ) -> Result<Self, Error> {
        let day = day_in_india(now);
        let particulars = particulars(supplier, advance).map_err(diesel::result::Error::SerializationError)?;
        advance.give_back(conn, input.amount).await?;
        let number = Number::take(conn, &supplier.gstin, &supplier.refund_voucher_series, day).await?;
        let written = diesel::insert_into(refund_vouchers::table)
            .values((
                refund_vouchers::advance_id.eq(advance.id),
                refund_vouchers::patient_id.eq(advance.patient_id),
                refund_vouchers::voucher_number.eq(&number.text),
                refund_vouchers::supplier_gstin.eq(supplier.gstin.as_str()),
                refund_vouchers::series.eq(supplier.refund_voucher_series.as_str()),
                refund_vouchers::financial_year.eq(number.year.begins()),
                refund_vouchers::serial.eq(number.serial),
                refund_vouchers::dated.eq(day),
                refund_vouchers::amount.eq(input.amount),
                refund_vouchers::method.eq(advance.method),
                refund_vouchers::reason.eq(&*input.reason),
                refund_vouchers::particulars.eq(particulars),
                refund_vouchers::refunded_by.eq(user),
                refund_vouchers::refunded_at.eq(now),
            ))
            .returning(Self::as_returning())
            .get_result(conn)
            .await?;
        Ok(written)
    }

    /// A refund voucher within the scope.
    ///
    /// # Errors
    /// [`Error::NoRefundVoucher`].
    pub async fn find(conn: &mut AsyncPgConnection, scope: Scope, id: i64) -> Result<Self, Error> {
        let found = visible_to(scope).filter(refund_vouchers::id.eq(id)).select(Self::as_select());
        found.first(conn).await.optional()?.ok_or(Error::NoRefundVoucher)
    }
}

/// The hospital as it is now, and the recipient as the receipt voucher names them.
fn particulars(
    supplier: &Supplier,
    advance: &Advance,
) -> Result<Value, Box<dyn std::error::Error + Send + Sync + 'static>> {
    let then: Particulars = serde_json::from_value(advance.particulars.clone())?;
    Ok(serde_json::to_value(Particulars { supplier: supplier.into(), ..then })?)
}
