//! The rows that the return is made of.

use chrono::NaiveDate;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Date, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};

use super::Gst;
use super::rows::{DocumentRow, GstReport, GstTotal, NoteRow, SeriesRow};
use super::summary::{self, Sum};
use crate::money::Paise;
use crate::reports::Report;
use crate::reports::out::{Broken, Out};
use crate::reports::period::Period;
use crate::reports::table::Table;
use crate::tax::Rate;

/// Inter-state supplies to recipients without a registration are told one by one above this many rupees: ₹1,00,000 from
/// 1 August 2024 on (Notification 12/2024-Central Tax).
const LARGE: Paise = Paise::rupees(100_000);

/// The documents that have lines: invoices, and credit notes, each of which takes back all of its invoice. They are read by a statement
/// each: PostgreSQL knows how many rows either table has, and nothing of the two together.
const SUPPLIES: [Supplies; 2] = [
    Supplies {
        credit: false,
        number: "NULL::text",
        from: "invoices v",
        dated: "v.dated",
        and: "AND v.status <> 'DRAFT'",
    },
    Supplies {
        credit: true,
        number: "n.credit_note_number",
        from: "credit_notes n JOIN invoices v ON v.id = n.invoice_id",
        dated: "n.dated",
        and: "",
    },
];

/// See [`SUPPLIES`]; what is not a flag is SQL, in which `v` is the invoice.
struct Supplies {
    /// Whether they are credit notes.
    credit: bool,
    /// The credit note's number.
    number: &'static str,
    /// Where they are found.
    from: &'static str,
    /// The day in whose return they stand.
    dated: &'static str,
    /// Which of those that are found there.
    and: &'static str,
}

impl Supplies {
    /// The lines of the period, with what decides their table; of those invoices only that `which` lets through.
    fn lines(&self, which: &str) -> String {
        let Self { number, from, dated, and, .. } = self;
        format!(
            "SELECT {number} AS credit_note_number, {dated}, v.id AS invoice, v.invoice_number, v.dated AS invoice_date, v.total, \
                    v.registered_recipient ->> 'gstin' AS gstin, \
                    CASE WHEN i.kind = 'PHARMACY' THEN coalesce(v.delivery_state, left(v.supplier_gstin, 2)) \
                         ELSE left(v.supplier_gstin, 2) END AS place, \
                    left(v.supplier_gstin, 2) AS home, v.total > $3 AS above, \
                    i.sac_hsn, i.gst_rate, coalesce(i.treatment = 'NIL', false) AS nil, i.quantity, \
                    i.gross - i.discount AS taxable_value, i.igst, i.cgst, i.sgst \
             FROM {from} JOIN invoice_items i ON i.invoice_id = v.id WHERE {dated} BETWEEN $1 AND $2 {and} {which}"
        )
    }
}

#[derive(QueryableByName)]
struct FoundSum {
    #[diesel(sql_type = Bool)]
    registered: bool,
    #[diesel(sql_type = Bool)]
    large: bool,
    #[diesel(sql_type = Bool)]
    nil: bool,
    #[diesel(sql_type = Bool)]
    inter_state: bool,
    #[diesel(sql_type = Text)]
    place: String,
    #[diesel(sql_type = Text)]
    sac_hsn: String,
    #[diesel(sql_type = BigInt)]
    gst_rate: Rate,
    #[diesel(sql_type = BigInt)]
    quantity: i64,
    #[diesel(sql_type = BigInt)]
    taxable_value: Paise,
    #[diesel(sql_type = BigInt)]
    igst: Paise,
    #[diesel(sql_type = BigInt)]
    cgst: Paise,
    #[diesel(sql_type = BigInt)]
    sgst: Paise,
}

impl From<FoundSum> for Sum {
    fn from(found: FoundSum) -> Self {
        let FoundSum { registered, large, nil, inter_state, place, sac_hsn, gst_rate: rate, .. } = found;
        let FoundSum { quantity, taxable_value, igst, cgst, sgst, .. } = found;
        Self { registered, large, nil, inter_state, place, sac_hsn, rate, quantity, taxable_value, igst, cgst, sgst }
    }
}

#[derive(QueryableByName)]
struct FoundDocument {
    #[diesel(sql_type = Bool)]
    credit: bool,
    #[diesel(sql_type = Nullable<Text>)]
    gstin: Option<String>,
    #[diesel(sql_type = Text)]
    invoice_number: String,
    #[diesel(sql_type = Date)]
    invoice_date: NaiveDate,
    #[diesel(sql_type = Nullable<Text>)]
    credit_note_number: Option<String>,
    #[diesel(sql_type = Date)]
    dated: NaiveDate,
    #[diesel(sql_type = BigInt)]
    total: Paise,
    #[diesel(sql_type = Text)]
    place: String,
    #[diesel(sql_type = BigInt)]
    gst_rate: Rate,
    #[diesel(sql_type = BigInt)]
    taxable_value: Paise,
    #[diesel(sql_type = BigInt)]
    igst: Paise,
    #[diesel(sql_type = BigInt)]
    cgst: Paise,
    #[diesel(sql_type = BigInt)]
    sgst: Paise,
    /// All of them.
    #[diesel(sql_type = BigInt)]
    lines: i64,
}

impl From<FoundDocument> for DocumentRow {
    fn from(found: FoundDocument) -> Self {
        let FoundDocument { gstin, invoice_number, dated: date, total: value, place: place_of_supply, .. } = found;
        let FoundDocument { gst_rate: rate, taxable_value, igst, cgst, sgst, .. } = found;
        Self { gstin, invoice_number, date, value, place_of_supply, rate, taxable_value, igst, cgst, sgst }
    }
}

impl From<FoundDocument> for NoteRow {
    fn from(found: FoundDocument) -> Self {
        let FoundDocument { gstin, invoice_number, invoice_date, dated, total: value, place, .. } = found;
        let FoundDocument { gst_rate: rate, taxable_value, igst, cgst, sgst, credit_note_number, .. } = found;
        Self {
            gstin,
            // there is one: `billing verify` says so where there is none
            credit_note_number: credit_note_number.unwrap_or_default(),
            credit_note_date: dated,
            invoice_number,
            invoice_date,
            value,
            place_of_supply: place,
            rate,
            taxable_value,
            igst,
            cgst,
            sgst,
        }
    }
}

#[derive(QueryableByName)]
struct FoundSeries {
    #[diesel(sql_type = Text)]
    document: String,
    #[diesel(sql_type = Text)]
    series: String,
    #[diesel(sql_type = Text)]
    first: String,
    #[diesel(sql_type = Text)]
    last: String,
    #[diesel(sql_type = BigInt)]
    total: i64,
}

impl From<FoundSeries> for SeriesRow {
    fn from(found: FoundSeries) -> Self {
        let FoundSeries { document, series, first: from, last: to, total } = found;
        Self { document, series, from, to, total, cancelled: 0, net: total }
    }
}

/// The tables of documents, in the order in which they are read: whether of credit notes, and to registered recipients.
const DOCUMENTS: [(&str, bool, bool); 4] =
    [("b2b", false, true), ("b2cl", false, false), ("cdnr", true, true), ("cdnur", true, false)];

impl Report for Gst {
    fn name(&self) -> String {
        format!("gstr1-{}", self.period.slug())
    }

    fn tables(&self) -> usize {
        10
    }

    async fn tell(&self, conn: &mut AsyncPgConnection, out: &mut Out) -> Result<(), Broken> {
        let period = self.period;
        let sums: Vec<Sum> = sums(conn, period).await?.into_iter().map(Sum::from).collect();
        out.member("start_date", &period.start_date)?;
        out.member("end_date", &period.end_date)?;
        tell_documents(conn, period, out).await?;
        out.table("b2cs", &summary::others(&sums)).await?;
        out.table("exempt", &summary::exempt(&sums)).await?;
        out.table("hsn_b2b", &summary::hsn_b2b(&sums)).await?;
        out.table("hsn_b2c", &summary::hsn_b2c(&sums)).await?;
        let series: Vec<SeriesRow> = series(conn, period).await?.into_iter().map(SeriesRow::from).collect();
        out.table("documents", &series).await?;
        out.single("total", &summary::total(&sums)).await
    }
}

async fn tell_documents(conn: &mut AsyncPgConnection, period: Period, out: &mut Out) -> Result<(), Broken> {
    let mut found = documents(conn, period, out.limit()).await?;
    let mut next = found.try_next().await?;
    out.expects(next.as_ref().map_or(0, |first| first.lines));
    for (table, credit, registered) in DOCUMENTS {
        let columns = if credit { Table::of::<NoteRow> } else { Table::of::<DocumentRow> };
        out.begin(columns(table, table)).await?;
        while let Some(document) = next.take_if(|next| (next.credit, next.gstin.is_some()) == (credit, registered)) {
            if credit {
                out.row(&NoteRow::from(document)).await?;
            } else {
                out.row(&DocumentRow::from(document)).await?;
            }
            next = found.try_next().await?;
        }
        out.end();
    }
    Ok(())
}

impl GstReport {
    /// What it comes to, without the tables; and what its tables of supplies come to, each supply told once: documents (4, 5), less
    /// credit notes (9B), with the others (7) and what bears no tax (8). It reads document by document, as they are told.
    ///
    /// # Errors
    /// From the database.
    pub async fn totals(conn: &mut AsyncPgConnection, period: Period) -> QueryResult<(GstTotal, GstTotal)> {
        let sums: Vec<Sum> = sums(conn, period).await?.into_iter().map(Sum::from).collect();
        let mut told = summary::without_documents(&sums);
        let mut found = documents(conn, period, None).await?;
        while let Some(document) = found.try_next().await? {
            let signed = |amount: Paise| if document.credit { -amount } else { amount };
            told.taxable_value = told.taxable_value + signed(document.taxable_value);
            told.igst = told.igst + signed(document.igst);
            told.cgst = told.cgst + signed(document.cgst);
            told.sgst = told.sgst + signed(document.sgst);
        }
        Ok((summary::total(&sums), told))
    }
}

/// Of the same kind there may be two, of invoices and of credit notes.
async fn sums(conn: &mut AsyncPgConnection, period: Period) -> QueryResult<Vec<FoundSum>> {
    let one = |supplies: &Supplies| {
        let (sign, lines) = (if supplies.credit { "-" } else { "" }, supplies.lines(""));
        format!(
            "SELECT gstin IS NOT NULL AS registered, gstin IS NULL AND above AND place <> home AND gst_rate > 0 AS large, \
                    gst_rate = 0 AND nil AS nil, place <> home AS inter_state, place, sac_hsn, gst_rate, \
                    sum({sign}quantity)::bigint AS quantity, sum({sign}taxable_value)::bigint AS taxable_value, \
                    sum({sign}igst)::bigint AS igst, sum({sign}cgst)::bigint AS cgst, sum({sign}sgst)::bigint AS sgst \
             FROM ({lines}) lines GROUP BY 1, 2, 3, 4, 5, 6, 7"
        )
    };
    diesel::sql_query(SUPPLIES.each_ref().map(one).join(" UNION ALL "))
        .bind::<Date, _>(period.start_date)
        .bind::<Date, _>(period.end_date)
        .bind::<BigInt, _>(LARGE)
        .load(conn)
        .await
}

/// In the order of [`DOCUMENTS`].
async fn documents(
    conn: &mut AsyncPgConnection,
    period: Period,
    most: Option<i64>,
) -> QueryResult<BoxStream<'_, QueryResult<FoundDocument>>> {
    let one = |supplies: &Supplies| {
        // few invoices are told one by one: said of the invoice, it spares the lines of all others
        let lines =
            supplies.lines("AND (v.registered_recipient IS NOT NULL OR v.delivery_state IS NOT NULL AND v.total > $3)");
        format!(
            "SELECT {} AS credit, gstin, invoice, invoice_number, invoice_date, credit_note_number, dated, total, place, gst_rate, \
                    sum(taxable_value)::bigint AS taxable_value, sum(igst)::bigint AS igst, sum(cgst)::bigint AS cgst, \
                    sum(sgst)::bigint AS sgst \
             FROM ({lines}) lines WHERE gst_rate > 0 AND (gstin IS NOT NULL OR (above AND place <> home)) \
             GROUP BY gstin, invoice, invoice_number, invoice_date, credit_note_number, dated, total, place, gst_rate",
            supplies.credit
        )
    };
    let each = SUPPLIES.each_ref().map(one).join(" UNION ALL ");
    let statement = format!(
        "SELECT *, count(*) OVER () AS lines FROM ({each}) told \
         ORDER BY credit, gstin IS NULL, dated, invoice, gst_rate LIMIT $4"
    );
    let query = diesel::sql_query(statement).bind::<Date, _>(period.start_date).bind::<Date, _>(period.end_date);
    let query = query.bind::<BigInt, _>(LARGE).bind::<Nullable<BigInt>, _>(most);
    Ok(query.load_stream(conn).await?.boxed())
}

/// The documents that have numbers: what the return calls them, their table, and the column of their numbers. None of them is ever
/// cancelled in the sense of table 13, a number given and not used: an invoice that is undone stands in its month's return, and its
/// credit note in that of the note's.
const NUMBERED: [(&str, &str, &str); 4] = [
    ("INVOICE", "invoices", "invoice_number"),
    ("CREDIT_NOTE", "credit_notes", "credit_note_number"),
    ("RECEIPT_VOUCHER", "advances", "voucher_number"),
    ("REFUND_VOUCHER", "refund_vouchers", "voucher_number"),
];

async fn series(conn: &mut AsyncPgConnection, period: Period) -> QueryResult<Vec<FoundSeries>> {
    let one = |(place, (document, table, number)): (usize, (&str, &str, &str))| {
        format!(
            "SELECT {place} AS place, '{document}' AS document, n.series, n.financial_year, a.{number} AS first, z.{number} AS last, \
                    n.total \
             FROM (SELECT supplier_gstin, series, financial_year, min(serial) AS first, max(serial) AS last, count(*) AS total \
                   FROM {table} WHERE dated BETWEEN $1 AND $2 AND serial IS NOT NULL GROUP BY 1, 2, 3) n \
             JOIN {table} a ON (a.supplier_gstin, a.series, a.financial_year, a.serial) = (n.supplier_gstin, n.series, n.financial_year, n.first) \
             JOIN {table} z ON (z.supplier_gstin, z.series, z.financial_year, z.serial) = (n.supplier_gstin, n.series, n.financial_year, n.last)"
        )
    };
    let each: Vec<String> = NUMBERED.into_iter().enumerate().map(one).collect();
    diesel::sql_query(format!("{} ORDER BY place, series, financial_year", each.join(" UNION ALL ")))
        .bind::<Date, _>(period.start_date)
        .bind::<Date, _>(period.end_date)
        .load(conn)
        .await
}
