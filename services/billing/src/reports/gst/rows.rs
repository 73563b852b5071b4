//! The tables of GSTR-1.

use chrono::NaiveDate;
use serde::Serialize;
use utoipa::ToSchema;

use crate::money::Paise;
use crate::reports::period::Period;
use crate::reports::table::rows;
use crate::tax::Rate;

rows! {
    /// A rate of an invoice: tables 4 (registered recipients) and 5 (large inter-state supplies).
    pub struct DocumentRow {
        /// The recipient's registration; null for one who has none.
        pub gstin: Option<String>,
        /// The invoice.
        pub invoice_number: String,
        /// Its date.
        pub date: NaiveDate,
        /// What it comes to.
        pub value: Paise,
        /// State code of the place of supply.
        pub place_of_supply: String,
        /// In percent.
        pub rate: Rate,
        /// Without tax.
        pub taxable_value: Paise,
        /// Integrated tax.
        pub igst: Paise,
        /// Central tax.
        pub cgst: Paise,
        /// State tax, or that of the union territory.
        pub sgst: Paise,
    }

    /// A rate of a credit note: table 9B, which wants its number and date beside those of the invoice that it is for.
    pub struct NoteRow {
        /// The recipient's registration; null for one who has none.
        pub gstin: Option<String>,
        /// The credit note.
        pub credit_note_number: String,
        /// Its date.
        pub credit_note_date: NaiveDate,
        /// The invoice that it is for.
        pub invoice_number: String,
        /// The date of that one.
        pub invoice_date: NaiveDate,
        /// What the credit note comes to.
        pub value: Paise,
        /// State code of the place of supply.
        pub place_of_supply: String,
        /// In percent.
        pub rate: Rate,
        /// Without tax.
        pub taxable_value: Paise,
        /// Integrated tax.
        pub igst: Paise,
        /// Central tax.
        pub cgst: Paise,
        /// State tax, or that of the union territory.
        pub sgst: Paise,
    }

    /// Table 7: other taxable supplies to recipients without a registration, less credit notes, by place and rate.
    pub struct OthersRow {
        /// `INTER` or `INTRA`.
        pub supply_type: String,
        /// State code of the place of supply.
        pub place_of_supply: String,
        /// In percent.
        pub rate: Rate,
        /// Without tax.
        pub taxable_value: Paise,
        /// Integrated tax.
        pub igst: Paise,
        /// Central tax.
        pub cgst: Paise,
        /// State tax, or that of the union territory.
        pub sgst: Paise,
    }

    /// Table 8: supplies that bear no tax, less credit notes, each without tax.
    pub struct ExemptRow {
        /// `INTER` or `INTRA`.
        pub supply_type: String,
        /// Whether to registered recipients: `REGISTERED` or `UNREGISTERED`.
        pub recipient: String,
        /// Taxed at 0 %.
        pub nil_rated: Paise,
        /// Exempt by notification.
        pub exempted: Paise,
        /// Outside GST: a hospital sells nothing of the kind, so this is always nothing.
        pub non_gst: Paise,
    }

    /// Table 12: by HSN or SAC, less credit notes.
    pub struct HsnRow {
        /// The code.
        pub sac_hsn: String,
        /// `NA` for services, `OTH` for goods, of which the unit is not kept.
        pub unit: String,
        /// In percent.
        pub rate: Rate,
        /// How much, in thousandths of a unit.
        pub quantity_thousandths: i64,
        /// Without tax.
        pub taxable_value: Paise,
        /// Integrated tax.
        pub igst: Paise,
        /// Central tax.
        pub cgst: Paise,
        /// State tax, or that of the union territory.
        pub sgst: Paise,
        /// With tax.
        pub total_value: Paise,
    }

    /// Table 13: the documents issued.
    pub struct SeriesRow {
        /// What they are: `INVOICE` (bills of supply too), `CREDIT_NOTE`, `RECEIPT_VOUCHER` or `REFUND_VOUCHER`.
        pub document: String,
        /// The series.
        pub series: String,
        /// The first number.
        pub from: String,
        /// The last number.
        pub to: String,
        /// How many.
        pub total: i64,
        /// Of them, cancelled: always none. A number that was given is never void; an invoice that is undone was issued all the
        /// same, and has a credit note.
        pub cancelled: i64,
        /// The others: all of them.
        pub net: i64,
    }

    /// What it all comes to, credit notes taken off: what the books have on the accounts of the taxes and of revenue.
    #[derive(Default)]
    pub struct GstTotal {
        /// Without tax, exempt supplies included.
        pub taxable_value: Paise,
        /// Integrated tax.
        pub igst: Paise,
        /// Central tax.
        pub cgst: Paise,
        /// State tax, or that of the union territory.
        pub sgst: Paise,
    }
}

/// A month's return.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct GstReport {
    /// The days.
    #[serde(flatten)]
    pub period: Period,
    /// Supplies to registered recipients.
    pub b2b: Vec<DocumentRow>,
    /// Large inter-state supplies to others.
    pub b2cl: Vec<DocumentRow>,
    /// The other taxable supplies to others.
    pub b2cs: Vec<OthersRow>,
    /// Credit notes to registered recipients.
    pub cdnr: Vec<NoteRow>,
    /// Credit notes for large inter-state supplies to others.
    pub cdnur: Vec<NoteRow>,
    /// Supplies that bear no tax.
    pub exempt: Vec<ExemptRow>,
    /// By HSN or SAC, to registered recipients.
    pub hsn_b2b: Vec<HsnRow>,
    /// By HSN or SAC, to others.
    pub hsn_b2c: Vec<HsnRow>,
    /// The documents' series.
    pub documents: Vec<SeriesRow>,
    /// What it comes to.
    pub total: GstTotal,
}
