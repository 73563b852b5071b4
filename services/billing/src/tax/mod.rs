//! GST as it applies to a hospital: pure functions from values to values.
//!
//! - [`rates`]: which rate a supply has on a day and why, as a table of data;
//! - [`rate`]: a rate;
//! - [`states`]: the state codes, and what the place of delivery changes;
//! - [`discount`]: a discount of the whole bill, laid on its lines;
//! - [`amounts`]: a line's and a document's amounts.

pub mod amounts;
pub mod discount;
pub mod rate;
pub mod rates;
pub mod states;

pub use amounts::{Charge, LineAmounts, Totals};
pub use rate::Rate;
pub use rates::{RateTable, Ruling, Supply, TaxReason};
pub use states::{Levy, StateCode, StateTax};

/// The most lines that one document may have.
pub const MOST_LINES: usize = 200;

chassis::words! {
    /// What kind of supply a line is: it decides the rate.
    pub enum Kind {
        /// A doctor's consultation: health care, exempt.
        Consultation = "CONSULTATION",
        /// A procedure or an operation: health care, exempt.
        Procedure = "PROCEDURE",
        /// A bed outside intensive care, priced by the day.
        Room = "ROOM",
        /// A bed in ICU, CCU, ICCU or NICU: exempt at any price.
        Icu = "ICU",
        /// A laboratory test: exempt.
        Lab = "LAB",
        /// Imaging: exempt.
        Imaging = "IMAGING",
        /// A medicine, implant or food for an inpatient: part of the exempt composite supply.
        InpatientMedicine = "INPATIENT_MEDICINE",
        /// A medicine sold to an outpatient: goods, taxable.
        Pharmacy = "PHARMACY",
        /// Cosmetic surgery or a hair transplant that restores nothing: taxable.
        Cosmetic = "COSMETIC",
        /// Any other health care, such as an ambulance: exempt.
        Other = "OTHER",
    }
}

impl Kind {
    /// Whether the line is a supply of goods of its own, which alone can be delivered into another state.
    pub const fn is_goods(self) -> bool {
        matches!(self, Self::Pharmacy)
    }
}

chassis::words! {
    /// What a line says of itself where its kind alone does not decide the tax.
    pub enum Circumstance {
        /// Of PHARMACY: the medicine is on the list of life-saving drugs, which are nil-rated.
        LifeSavingMedicine = "LIFE_SAVING_MEDICINE",
        /// Of COSMETIC: it restores anatomy or function after a congenital defect, injury or trauma, which is health care.
        Reconstructive = "RECONSTRUCTIVE",
    }
}

chassis::words! {
    /// How the law treats a supply.
    pub enum Treatment {
        /// Exempt by notification (CGST Act, section 11).
        Exempt = "EXEMPT",
        /// Taxed at nothing.
        Nil = "NIL",
        /// Taxed.
        Taxable = "TAXABLE",
    }
}

chassis::words! {
    /// Which document the law asks for.
    pub enum DocumentType {
        /// Only taxable lines: CGST Rules, rule 46.
        TaxInvoice = "TAX_INVOICE",
        /// Only exempt lines: rule 49.
        BillOfSupply = "BILL_OF_SUPPLY",
        /// Both: rule 46A, the usual hospital bill.
        InvoiceCumBillOfSupply = "INVOICE_CUM_BILL_OF_SUPPLY",
    }
}

impl DocumentType {
    /// The document for lines of these rates. A nil rate makes an exempt supply too (CGST Act, section 2(47)).
    pub fn for_rates(rates: impl IntoIterator<Item = Rate>) -> Self {
        let (mut taxable, mut exempt) = (false, false);
        for rate in rates {
            if rate == Rate::EXEMPT { exempt = true } else { taxable = true }
        }
        match (taxable, exempt) {
            (true, true) => Self::InvoiceCumBillOfSupply,
            (true, false) => Self::TaxInvoice,
            (false, _) => Self::BillOfSupply,
        }
    }
}
