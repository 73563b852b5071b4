//! Where documents are kept: made once, soon after issue or when somebody asks first, and the same bytes ever after.

use std::sync::Arc;

use actix_web::web::Bytes;
use chassis::db::{self, Pool};
use chassis::problem::Problem;
use chrono::Utc;
use diesel::prelude::*;
use diesel::query_dsl::methods::FilterDsl;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use tokio::sync::Semaphore;

use super::draw::draw;
use super::fonts::{BrokenFont, Fonts};
use super::layout::pages;
use super::paper::{Paper, Source};
use crate::advances;
use crate::credit_notes::CreditNote;
use crate::error::Error;
use crate::invoices::answer::Particulars;
use crate::invoices::{Invoice, Item};
use crate::schema::{credit_notes, invoices, papers};
use crate::upi::Payee;

/// How many documents are drawn at once: it is work for a processor, and others wait for those too.
const AT_ONCE: usize = 2;

chassis::words! {
    /// Which document.
    pub enum PaperKind {
        /// An invoice.
        Invoice = "INVOICE",
        /// A credit note.
        CreditNote = "CREDIT_NOTE",
        /// The receipt voucher of an advance.
        ReceiptVoucher = "RECEIPT_VOUCHER",
        /// A refund voucher.
        RefundVoucher = "REFUND_VOUCHER",
    }
}

/// Makes documents and keeps them.
#[derive(Clone)]
pub struct Papers {
    fonts: Arc<Fonts>,
    payee: Option<Payee>,
    drawing: Arc<Semaphore>,
}

/// Asks for the document of something that is issued in this transaction; the worker makes it.
///
/// # Errors
/// From the database.
pub async fn ask_for(conn: &mut AsyncPgConnection, kind: PaperKind, source: i64) -> QueryResult<()> {
    diesel::insert_into(papers::table)
        .values((papers::kind.eq(kind), papers::source_id.eq(source)))
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    Ok(())
}

/// The documents that are asked for and not made yet, those that failed last.
///
/// # Errors
/// From the database.
pub async fn asked_for(conn: &mut AsyncPgConnection, most: i64) -> QueryResult<Vec<(PaperKind, i64)>> {
    QueryDsl::filter(papers::table, papers::made_at.is_null())
        .order((papers::attempts, papers::asked_at))
        .select((papers::kind, papers::source_id))
        .limit(most)
        .load(conn)
        .await
}

/// Notes that one could not be made.
///
/// # Errors
/// From the database.
pub async fn failed(conn: &mut AsyncPgConnection, (kind, source): (PaperKind, i64)) -> QueryResult<()> {
    diesel::update(QueryDsl::filter(papers::table.find((kind, source)), papers::made_at.is_null()))
        .set(papers::attempts.eq(papers::attempts + 1))
        .execute(conn)
        .await?;
    Ok(())
}

impl Papers {
    /// Bills say to whom to pay.
    ///
    /// # Errors
    /// When a font cannot be read; never seen.
    pub fn new(payee: Option<Payee>) -> Result<Self, BrokenFont> {
        Ok(Self { fonts: Arc::new(Fonts::load()?), payee, drawing: Arc::new(Semaphore::new(AT_ONCE)) })
    }

    /// A document's bytes: those that are kept, or else made and kept now.
    ///
    /// # Errors
    /// No such document, or from the database.
    pub async fn bytes(&self, pool: &Pool, kind: PaperKind, source: i64) -> Result<Bytes, Problem> {
        let paper = {
            let mut conn = db::get(pool).await?;
            if let Some(kept) = find(&mut conn, kind, source).await? {
                return Ok(kept.into());
            }
            self.paper(&mut conn, kind, source).await?
        };
        let drawn = self.drawn(paper).await?;
        keep(&mut *db::get(pool).await?, (kind, source), drawn).await
    }

    /// What the document says.
    async fn paper(&self, conn: &mut AsyncPgConnection, kind: PaperKind, source: i64) -> Result<Paper, Problem> {
        let note = match kind {
            PaperKind::ReceiptVoucher => return advances::paper::receipt_voucher(conn, source).await,
            PaperKind::RefundVoucher => return advances::paper::refund_voucher(conn, source).await,
            PaperKind::Invoice => None,
            PaperKind::CreditNote => {
                let note = credit_notes::table.find(source).select(CreditNote::as_select()).first(conn).await;
                Some(note.optional()?.ok_or(Error::NoCreditNote)?)
            }
        };
        let id = note.as_ref().map_or(source, |note| note.invoice_id);
        let invoice = invoices::table.find(id).select(Invoice::as_select()).first(conn).await;
        let invoice = invoice.optional()?.ok_or(Error::NoInvoice)?;
        let particulars = invoice.particulars.clone().ok_or(Error::NotIssued)?;
        let particulars: Particulars = serde_json::from_value(particulars).map_err(Problem::internal)?;
        let state = particulars.supplier.state_code.parse().map_err(Problem::internal)?;
        let items = Item::of(conn, &[id]).await?;
        let source = Source { invoice: &invoice, items: &items, particulars: &particulars, state };
        Ok(match &note {
            None => Paper::of_invoice(&source, self.payee.as_ref()),
            Some(note) => Paper::of_credit_note(&source, note),
        })
    }

    async fn drawn(&self, paper: Paper) -> Result<Vec<u8>, Problem> {
        let _turn = self.drawing.acquire().await.map_err(Problem::internal)?;
        let fonts = Arc::clone(&self.fonts);
        let began = std::time::Instant::now();
        let drawn = tokio::task::spawn_blocking(move || {
            draw(&pages(&fonts, &paper), &format!("{} {}", paper.title, paper.number()))
        });
        let bytes = drawn.await.map_err(Problem::internal)?.map_err(Problem::internal)?;
        metrics::histogram!("billing_paper_drawn_seconds").record(began.elapsed().as_secs_f64());
        Ok(bytes)
    }
}

/// Keeps what was drawn, unless somebody was faster: then it is theirs that is given.
async fn keep(
    conn: &mut AsyncPgConnection,
    (kind, source): (PaperKind, i64),
    drawn: Vec<u8>,
) -> Result<Bytes, Problem> {
    let now = Utc::now();
    let kept = diesel::insert_into(papers::table)
        .values((
            papers::kind.eq(kind),
            papers::source_id.eq(source),
            papers::content.eq(&drawn),
            papers::made_at.eq(now),
        ))
        .on_conflict((papers::kind, papers::source_id))
        .do_update()
        .set((papers::content.eq(&drawn), papers::made_at.eq(now)))
        .filter(papers::made_at.is_null())
        .execute(conn)
        .await?;
    if kept == 1 {
        return Ok(drawn.into());
    }
    let theirs = find(conn, kind, source).await?;
    theirs.map(Bytes::from).ok_or_else(|| Problem::internal("a paper that was kept is not there"))
}

async fn find(conn: &mut AsyncPgConnection, kind: PaperKind, source: i64) -> QueryResult<Option<Vec<u8>>> {
    let content = papers::table.find((kind, source)).select(papers::content).first::<Option<Vec<u8>>>(conn).await;
    Ok(content.optional()?.flatten())
}
