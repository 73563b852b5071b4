//! Issuing and paying bills, a year's GST report, and a bill's PDF, among the invoices of a year.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::cpu::{Meters, forget_peak, peak_kib, resident_kib};
use super::load::{Load, Target, Writes};
use super::report::{head, hundredths, machine, percentile};
use super::seed::Seeded;
use super::users::{self, Bar, Measured, in_hundredths};
use super::{Bench, Manner};
use crate::seed::invoices::{self as seeded, Year};
use crate::system::{DATABASE, SERVICES};

/// How often the report is asked for.
const REPORTS: usize = 3;
/// Bills that are drawn.
const BILLS: usize = 200;
/// Payments and invoices that are prepared.
const WRITES: u32 = 60_000;

/// The tables that bills are made and paid in, and their indexes.
const WORKED_WITH: [&str; 16] = [
    "invoices",
    "invoices_pkey",
    "invoices_dated",
    "invoices_patient",
    "invoices_status",
    "invoices_serial_once",
    "invoices_number_once",
    "invoices_owing",
    "payments",
    "payments_pkey",
    "payments_invoice",
    "journal_entries",
    "journal_entries_pkey",
    "journal_entries_invoice",
    "postings",
    "postings_pkey",
];

/// What was measured.
pub struct Billing {
    invoices: u64,
    reports: Vec<Report>,
    bills: Bills,
    measured: Vec<Measured>,
    meters: Meters,
    manner: Manner,
}

/// A year's GST report.
struct Report {
    took: Duration,
    cpu: Vec<(&'static str, u64)>,
    /// What the service held before, and at most, in KiB.
    memory: (u64, u64),
}

/// PDFs of bills that nobody had asked for.
struct Bills {
    /// Microseconds each, sorted.
    took: Vec<u64>,
    bytes: u64,
    cpu: Vec<(&'static str, u64)>,
}

/// Seeds, and measures: what leaves work for the worker comes last.
pub async fn measure(bench: &Bench<'_>) -> Result<Billing> {
    let invoices = bench.sizes.invoices;
    say!("seeding {invoices} invoices");
    seeded::fill(bench.home, &bench.system.cluster, invoices).await.context(bench.other_sizes())?;
    let (load, meters) = (bench.load_by("ACCOUNTANT").await?, bench.meters("billing")?);
    let reports = reports(bench, &load, &meters).await?;
    bench.warm("billing", &WORKED_WITH).await?;
    let bills = bills(bench, &load, &meters).await?;
    let targets = [
        (Target::Each("take a payment", payments(bench).await?), Bar::P99(20)),
        (Target::Each("issue a bill of three lines", new_invoices(bench).await?), Bar::P99(30)),
    ];
    let mut measured = Vec::new();
    for (target, bar) in targets {
        measured.push(users::measure(&load, &meters, &target, bar).await?);
    }
    Ok(Billing { invoices, reports, bills, measured, meters, manner: bench.manner })
}

/// The report of the seeded year, asked of the service itself.
async fn reports(bench: &Bench<'_>, load: &Load, meters: &Meters) -> Result<Vec<Report>> {
    let service = SERVICES.iter().find(|service| service.name == "billing").context("there is a billing service")?;
    let direct = Load { address: bench.home.port(service.listen), token: load.token.clone(), manner: load.manner };
    let process = bench.process("billing")?;
    let year = Year::seeded();
    let path = format!("/api/billing/reports/gst/?start_date={}&end_date={}", year.first(), year.last());
    let mut reports = Vec::new();
    for number in 1..=REPORTS {
        say!("measuring: a year's GST report, {number} of {REPORTS}");
        forget_peak(&process);
        let (held, before) = (resident_kib(&process), meters.read());
        let fetched = direct.fetch(&path).await?;
        reports.push(Report { took: fetched.took, cpu: meters.since(&before), memory: (held, peak_kib(&process)) });
    }
    Ok(reports)
}

/// Bills that nobody asked for yet, one after the other.
async fn bills(bench: &Bench<'_>, load: &Load, meters: &Meters) -> Result<Bills> {
    say!("measuring: PDFs of {BILLS} bills");
    let unseen = format!(
        "select id from billing.invoices i where financial_year = {} and series = 'EHS' \
         and not exists (select from billing.papers p where p.kind = 'INVOICE' and p.source_id = i.id) \
         order by hashint8extended(serial, 11) limit {BILLS}",
        Year::seeded().0
    );
    let ids = bench.system.cluster.psql(DATABASE, &["-c", &unseen]).await?;
    let (mut took, mut bytes) = (Vec::new(), 0);
    let before = meters.read();
    for id in ids.split_whitespace() {
        let fetched = load.fetch(&format!("/api/billing/invoices/{id}/pdf/")).await?;
        took.push(u64::try_from(fetched.took.as_micros())?);
        bytes += fetched.bytes;
    }
    let cpu = meters.since(&before);
    ensure!(!took.is_empty(), "there is no bill that nobody asked for");
    took.sort_unstable();
    Ok(Bills { took, bytes, cpu })
}

/// What is left to pay of invoices, each in whole: of seeded ones, and of those that an earlier run issued.
async fn payments(bench: &Bench<'_>) -> Result<Arc<Writes>> {
    let open = format!(
        "select id, total - amount_paid from billing.invoices where status in ('ISSUED', 'PARTIALLY_PAID', 'OVERDUE') \
         order by hashint8extended(id, 12) limit {WRITES}"
    );
    let open = bench.system.cluster.psql(DATABASE, &["-c", &open]).await?;
    let body = |line: &str| {
        let (invoice, paise) = line.split_once('|').context("two columns were asked for")?;
        let invoice: u64 = invoice.parse()?;
        Ok(json!({"invoice": invoice, "amount": hundredths(paise.parse()?), "method": "UPI"}).to_string())
    };
    Writes::new("/api/billing/payments/", open.lines().map(body).collect::<Result<_>>()?)
}

/// Invoices to be issued at once: a visit, a test and a medicine.
async fn new_invoices(bench: &Bench<'_>) -> Result<Arc<Writes>> {
    let patients = "select id from billing.patients where is_active order by hashint8extended(id, 13) limit 10000";
    let patients = bench.system.cluster.psql(DATABASE, &["-c", patients]).await?;
    let patients: Vec<u64> = patients.split_whitespace().filter_map(|id| id.parse().ok()).collect();
    let mut dice = Seeded::new(20_261_127);
    let mut bodies = Vec::new();
    for _ in 0..WRITES {
        let patient = dice.one_of(&patients).context("billing knows patients")?;
        let item = |kind: &str, description: &str, code: &str, quantity: u64, price: String| {
            let quantity = quantity.to_string();
            json!({"kind": kind, "description": description, "sac_hsn": code, "quantity": quantity,
                "unit_price": price})
        };
        let items = [
            item("CONSULTATION", "Consultation", "999312", 1, format!("{}.00", 500 + 100 * dice.below(8))),
            item("LAB", "Complete blood count", "999316", 1, "300.00".to_owned()),
            item(
                "PHARMACY",
                "Paracetamol 500 mg",
                "30049099",
                1 + dice.below(15),
                format!("12.{:02}", dice.below(100)),
            ),
        ];
        bodies.push(json!({"patient": patient, "items": items}).to_string());
    }
    Writes::new("/api/billing/invoices/", bodies)
}

impl Billing {
    /// The tables.
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        let _ = writeln!(
            text,
            "{}; release build, through the gateway, by an accountant; {} invoices of a financial year with their lines, payments and \
             ledger. Load generator, PostgreSQL, Redis and all services on the same cores. Meanwhile the workers tell of what is \
             paid and issued, and draw what is issued. After the first GST report the tables are in PostgreSQL's memory, as after a day's work. {}\n",
            machine(),
            self.invoices,
            users::manner(self.manner)
        );
        text.push_str(&users::table(&self.measured, &self.meters));
        text.push_str(
            "\nThe GST report of the whole year, asked of the service itself. The bars: 10 s, and 200 MB.\n\n",
        );
        let columns = ["time", "s", "MB that the service held before", "at most"];
        text.push_str(&head(&columns, "CPU s", &self.meters.names()));
        for (number, report) in (1..).zip(&self.reports) {
            let (held, most) = report.memory;
            let _ = write!(
                text,
                "| {number} | {} | {} | {} |",
                hundredths(in_hundredths(report.took)),
                hundredths(held * 100 / 1024),
                hundredths(most * 100 / 1024)
            );
            for (_, used) in &report.cpu {
                let _ = write!(text, " {} |", hundredths(used / 10_000));
            }
            text.push('\n');
        }
        let several = u64::try_from(self.bills.took.len()).unwrap_or(u64::MAX).max(1);
        text.push_str("\nThe PDF of a bill that nobody has asked for yet: drawn, kept and answered. The bar is 150 ms of CPU.\n\n");
        text.push_str(&head(&["bills", "KB each", "p50 ms", "p99 ms"], "CPU ms each", &self.meters.names()));
        let _ = write!(
            text,
            "| {several} | {} | {} | {} |",
            self.bills.bytes / several / 1000,
            hundredths(percentile(&self.bills.took, 50) / 10),
            hundredths(percentile(&self.bills.took, 99) / 10)
        );
        for (_, used) in &self.bills.cpu {
            let _ = write!(text, " {} |", hundredths(used / several / 10));
        }
        text.push('\n');
        text
    }
}
