//! What a document says: the particulars of CGST Rules 46 (tax invoice), 49 (bill of supply), 46A (both in one) and 53 (credit
//! note), as texts; of vouchers [`crate::advances::paper`] says it. Pure.

use chrono::NaiveDate;

use super::words::{in_figures, in_words};
use crate::credit_notes::CreditNote;
use crate::invoices::answer::{Particulars, RecipientAnswer, SupplierAnswer};
use crate::invoices::recipient::NAMED_FROM;
use crate::invoices::taxes::TaxAtRate;
use crate::invoices::{Invoice, Item};
use crate::money::Paise;
use crate::tax::{DocumentType, Rate, StateCode, StateTax, Totals, Treatment};
use crate::upi::Payee;
use crate::upi::link::link;

/// A document, ready to be laid out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paper {
    /// `TAX INVOICE`.
    pub title: &'static str,
    /// What the recipient is to it: `BILLED TO`.
    pub party: &'static str,
    /// Which columns its lines have.
    pub columns: Columns,
    /// Who supplies, line by line; the first is the name.
    pub supplier: Vec<String>,
    /// Who is billed, line by line; the first is the name.
    pub recipient: Vec<String>,
    /// What it is, label and value: number, date and so on. The first is the number.
    pub facts: Vec<(&'static str, String)>,
    /// What the tax in the state's column is called.
    pub state_tax: StateTax,
    /// Whether any line bears IGST.
    pub integrated: bool,
    /// The lines, cell by cell.
    pub lines: Vec<Row>,
    /// The tax by rate.
    pub summary: Vec<Row>,
    /// The sums, label and value; the last is the total.
    pub sums: Vec<(String, String)>,
    /// The total in words.
    pub words: String,
    /// Why the lines are taxed as they are, each reason once.
    pub reasons: Vec<String>,
    /// What a UPI code says, and how much it is for.
    pub pay: Option<(String, String)>,
    /// For whom somebody signs.
    pub signed_for: String,
}

/// Which columns the lines of a document have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Columns {
    /// What an invoice charges.
    Charges,
    /// What a voucher is for.
    Voucher,
}

/// The cells of a row, in the order of the columns.
pub type Row = Vec<String>;

/// What a document is made from.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The invoice, once issued.
    pub invoice: &'a Invoice,
    /// Its lines.
    pub items: &'a [Item],
    /// Supplier and recipient, as at issue.
    pub particulars: &'a Particulars,
    /// Where the hospital stands.
    pub state: StateCode,
}

impl Paper {
    /// The invoice itself, with a UPI code for all of it where somebody is paid so; where somebody else pays a part, for the
    /// patient's.
    pub fn of_invoice(source: &Source<'_>, payee: Option<&Payee>) -> Self {
        let invoice = source.invoice;
        let number = invoice.invoice_number.clone().unwrap_or_default();
        let mut facts = vec![("Invoice no.", number.clone()), ("Date", day(invoice.dated))];
        if let Some(due) = invoice.due_date {
            facts.push(("Due date", day(due)));
        }
        let total = invoice.totals.total;
        let mut asked = total;
        if let Some(payer) = &source.particulars.payer {
            asked = total - payer.part();
            facts.push(("Also paid by", payer.payer.clone()));
            facts.push(("Policy no.", payer.policy_number.expose().clone()));
            facts.push(("Payer's part", format!("₹ {}", in_figures(payer.part()))));
            facts.push(("Patient's part", format!("₹ {}", in_figures(asked))));
        }
        let pay = payee.filter(|_| asked > Paise::ZERO);
        let pay = pay.map(|payee| (link(payee, &number, asked), format!("₹ {}", in_figures(asked))));
        let patient = recipient_lines(&source.particulars.recipient, invoice.totals.taxable_value());
        Self { facts: with_place(facts, source), pay, ..Self::of(source, title(invoice.document_type), patient) }
    }

    /// The credit note that undoes an invoice (rule 53(1A)). It names the recipient's state whatever its value is.
    pub fn of_credit_note(source: &Source<'_>, note: &CreditNote) -> Self {
        let invoice = source.invoice;
        let facts = vec![
            ("Credit note no.", note.credit_note_number.clone()),
            ("Date", day(note.dated)),
            ("Against invoice", invoice.invoice_number.clone().unwrap_or_default()),
            ("Dated", day(invoice.dated)),
            ("Reason", note.reason.expose().clone()),
        ];
        let patient = lines_with_state(&source.particulars.recipient);
        Self { facts: with_place(facts, source), ..Self::of(source, "CREDIT NOTE", patient) }
    }

    /// The document's number.
    pub fn number(&self) -> &str {
        self.facts.first().map_or("", |(_, number)| number)
    }

    fn of(source: &Source<'_>, title: &'static str, patient: Vec<String>) -> Self {
        let Source { invoice, items, particulars, state } = *source;
        let supplier = &particulars.supplier;
        let integrated = items.iter().any(|item| item.igst > Paise::ZERO);
        let mut reasons: Vec<String> = Vec::new();
        for text in items.iter().filter_map(|item| item.tax_text.clone()) {
            if !reasons.contains(&text) {
                reasons.push(text);
            }
        }
        Self {
            title,
            party: "BILLED TO",
            columns: Columns::Charges,
            supplier: supplier_lines(supplier, state),
            recipient: recipient(source.invoice, patient),
            facts: Vec::new(),
            state_tax: StateTax::of(state),
            integrated,
            lines: items.iter().map(|item| line(item, integrated)).collect(),
            summary: summary(items, integrated),
            sums: sums(&invoice.totals, StateTax::of(state), integrated),
            words: in_words(invoice.totals.total),
            reasons,
            pay: None,
            signed_for: supplier.name.clone(),
        }
    }
}

const fn title(document_type: DocumentType) -> &'static str {
    match document_type {
        DocumentType::TaxInvoice => "TAX INVOICE",
        DocumentType::BillOfSupply => "BILL OF SUPPLY",
        DocumentType::InvoiceCumBillOfSupply => "INVOICE-CUM-BILL OF SUPPLY",
    }
}

/// Rule 46(n). Health services are supplied where they are performed (IGST Act, section 12(4)), goods where they are delivered
/// (section 10(1)(a)).
fn with_place(mut facts: Vec<(&'static str, String)>, source: &Source<'_>) -> Vec<(&'static str, String)> {
    let goods = source.items.iter().filter(|item| item.kind.is_goods()).count();
    let delivery = source.invoice.delivery_state.filter(|delivery| *delivery != source.state && goods > 0);
    let places = match delivery {
        Some(delivery) if goods == source.items.len() => place(delivery),
        Some(delivery) => format!("{}; of the goods {}", place(source.state), place(delivery)),
        None => place(source.state),
    };
    facts.push(("Place of supply", places));
    if let Some(address) = &source.invoice.delivery_address {
        facts.push(("Delivered to", address.expose().clone()));
    }
    facts.push(("Reverse charge", "No".to_owned()));
    facts
}

/// A state's name and code.
pub(crate) fn place(state: StateCode) -> String {
    format!("{} ({state})", state.name())
}

/// Who supplies.
pub(crate) fn supplier_lines(supplier: &SupplierAnswer, state: StateCode) -> Vec<String> {
    let registration = format!("GSTIN {}   State {}", supplier.gstin, place(state));
    vec![supplier.name.clone(), supplier.address.clone(), registration]
}

/// The patient, on a document of this value.
pub(crate) fn recipient_lines(recipient: &RecipientAnswer, value: Paise) -> Vec<String> {
    if value >= NAMED_FROM { lines_with_state(recipient) } else { patient_lines(recipient) }
}

fn patient_lines(recipient: &RecipientAnswer) -> Vec<String> {
    let mut lines = vec![recipient.name.expose().clone(), format!("Patient {}", recipient.patient_id)];
    if !recipient.address.expose().is_empty() {
        lines.push(recipient.address.expose().clone());
    }
    lines
}

/// With the state and its code, where they are known.
fn lines_with_state(recipient: &RecipientAnswer) -> Vec<String> {
    let mut lines = patient_lines(recipient);
    let state = recipient.state_code.as_deref().and_then(|code| code.parse::<StateCode>().ok());
    lines.extend(state.map(|state| format!("State {}", place(state))));
    lines
}

/// Who is billed: somebody registered (rule 46(d)) for the patient, or the patient.
fn recipient(invoice: &Invoice, patient: Vec<String>) -> Vec<String> {
    let Some(registered) = invoice.registered_recipient() else { return patient };
    let mut lines = vec![
        registered.legal_name.to_string(),
        registered.address.to_string(),
        format!("GSTIN {}   State {}", registered.gstin, place(registered.state)),
    ];
    lines.push(format!("For {}", patient.join(", ")));
    lines
}

fn line(item: &Item, integrated: bool) -> Row {
    let taxable = item.gross - item.discount;
    let mut row = vec![
        item.line.to_string(),
        item.description.expose().clone(),
        item.sac_hsn.clone(),
        item.quantity.to_string(),
        in_figures(item.unit_price),
        in_figures(item.discount),
        in_figures(taxable),
        rate(item.treated(), item.gst_rate),
        in_figures(item.cgst),
        in_figures(item.sgst),
    ];
    if integrated {
        row.push(in_figures(item.igst));
    }
    row.push(in_figures(item.amounts().total));
    row
}

fn rate(treatment: Treatment, rate: Rate) -> String {
    match treatment {
        Treatment::Exempt => "Exempt".to_owned(),
        Treatment::Nil => "Nil".to_owned(),
        Treatment::Taxable => format!("{} %", rate.short()),
    }
}

/// The tax by treatment, rate and kind of tax.
fn summary(items: &[Item], integrated: bool) -> Vec<Row> {
    let row = |at: TaxAtRate| {
        let mut row = vec![
            rate(at.tax_treatment, at.gst_rate),
            in_figures(at.taxable_value),
            in_figures(at.cgst),
            in_figures(at.sgst),
        ];
        if integrated {
            row.push(in_figures(at.igst));
        }
        row.push(in_figures(at.tax()));
        row
    };
    TaxAtRate::of(items).into_iter().map(row).collect()
}

fn sums(totals: &Totals, state_tax: StateTax, integrated: bool) -> Vec<(String, String)> {
    let mut sums = vec![("Sub-total".to_owned(), in_figures(totals.subtotal))];
    if totals.discount > Paise::ZERO {
        sums.push(("Discount".to_owned(), in_figures(-totals.discount)));
        sums.push(("Value of supply".to_owned(), in_figures(totals.taxable_value())));
    }
    sums.push(("CGST".to_owned(), in_figures(totals.cgst)));
    sums.push((state_tax.as_str().to_owned(), in_figures(totals.sgst)));
    if integrated {
        sums.push(("IGST".to_owned(), in_figures(totals.igst)));
    }
    if totals.round_off != Paise::ZERO {
        sums.push(("Round-off".to_owned(), in_figures(totals.round_off)));
    }
    sums.push(("Total".to_owned(), format!("₹ {}", in_figures(totals.total))));
    sums
}

/// A day as it stands on documents.
pub(crate) fn day(date: NaiveDate) -> String {
    date.format("%d-%m-%Y").to_string()
}
