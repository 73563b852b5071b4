//! How documents are made and kept: once, soon after issue or when somebody asks first, and the same bytes ever after. They
//! are kept in PostgreSQL until [`super::moved`] has taken them to the store.

use std::sync::Arc;

use actix_web::web::{Bytes, BytesMut};
use chassis::db::{self, Pool};
use chassis::prepared::Prepare as _;
use chassis::problem::Problem;
use chassis::strict_json::digest;
use chrono::Utc;
use diesel::prelude::*;
use diesel::query_dsl::methods::FilterDsl;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use object_store::{Fault, Key, Store};
use tokio::sync::Semaphore;
use uuid::Uuid;

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

/// Where documents lie in the store.
pub const FOLDER: &str = "papers";
/// A document's media type.
pub const MEDIA: &str = "application/pdf";

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
    store: Store,
}

/// Where the bytes of a document are, and what they are.
#[derive(Queryable, Selectable)]
#[diesel(table_name = papers, check_for_backend(diesel::pg::Pg))]
struct Kept {
    content: Option<Vec<u8>>,
    object: Option<Uuid>,
    /// None of a document that was made before they were measured, and is not in the store yet.
    size: Option<i64>,
    sha256: Option<Vec<u8>>,
}

/// Asks for the document of something that is issued in this transaction; the worker makes it.
///
/// # Errors
/// From the database.
pub async fn ask_for(conn: &mut AsyncPgConnection, kind: PaperKind, source: i64) -> QueryResult<()> {
    diesel::insert_into(papers::table)
        .values((papers::kind.eq(kind), papers::source_id.eq(source)))
        .on_conflict_do_nothing()
        .prepared()
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
    pub fn new(payee: Option<Payee>, store: Store) -> Result<Self, BrokenFont> {
        Ok(Self { fonts: Arc::new(Fonts::load()?), payee, drawing: Arc::new(Semaphore::new(AT_ONCE)), store })
    }

    /// Where documents lie in the end.
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// A document's bytes: those that are kept, or else made and kept now.
    ///
    /// # Errors
    /// No such document, or from the database; 503 when it is in the store and the store is away; 500 when it is not what was
    /// kept.
    pub async fn bytes(&self, pool: &Pool, kind: PaperKind, source: i64) -> Result<Bytes, Problem> {
        let kept = find(&mut *db::get(pool).await?, kind, source).await?;
        if let Some(kept) = kept {
            return self.read(kept).await;
        }
        self.make(pool, kind, source).await?;
        let kept = find(&mut *db::get(pool).await?, kind, source).await?;
        self.read(kept.ok_or_else(|| Problem::internal("a paper that was kept is not there"))?).await
    }

    /// Sees to it that a document is made.
    ///
    /// # Errors
    /// No such document, or from the database.
    pub async fn make(&self, pool: &Pool, kind: PaperKind, source: i64) -> Result<(), Problem> {
        let paper = {
            let mut conn = db::get(pool).await?;
            if is_made(&mut conn, kind, source).await? {
                return Ok(());
            }
            self.paper(&mut conn, kind, source).await?
        };
        let drawn = self.drawn(paper).await?;
        Ok(keep(&mut *db::get(pool).await?, (kind, source), drawn).await?)
    }

    /// The bytes, once they are seen to be those that were kept.
    async fn read(&self, kept: Kept) -> Result<Bytes, Problem> {
        let (bytes, from) = match (kept.content, kept.object) {
            (Some(content), _) => (Bytes::from(content), "database"),
            (None, Some(object)) => (self.fetch(object, kept.size.unwrap_or_default()).await?, "store"),
            (None, None) => return Err(Problem::internal("a paper that is nowhere")),
        };
        if kept.sha256.is_some_and(|sha256| sha256 != digest(&bytes)) {
            return Err(damaged("its bytes are not those that were kept"));
        }
        metrics::counter!("billing_papers_read_total", "from" => from).increment(1);
        Ok(bytes)
    }

    async fn fetch(&self, object: Uuid, size: i64) -> Result<Bytes, Problem> {
        let size = usize::try_from(size).map_err(Problem::internal)?;
        let mut bytes = BytesMut::with_capacity(size);
        let mut object = self.store.get(Key::new(FOLDER, object)).await.map_err(store_fault)?;
        while let Some(chunk) = object.chunk().await.map_err(store_fault)? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > size {
                return Err(damaged("it is larger than what was kept"));
            }
        }
        Ok(bytes.freeze())
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

/// Keeps what was drawn, unless somebody was faster: then it is theirs that stays.
async fn keep(conn: &mut AsyncPgConnection, (kind, source): (PaperKind, i64), drawn: Vec<u8>) -> QueryResult<()> {
    let now = Utc::now();
    diesel::insert_into(papers::table)
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
        .prepared()
        .execute(conn)
        .await?;
    Ok(())
}

async fn is_made(conn: &mut AsyncPgConnection, kind: PaperKind, source: i64) -> QueryResult<bool> {
    let made = QueryDsl::filter(papers::table.find((kind, source)), papers::made_at.is_not_null());
    diesel::select(diesel::dsl::exists(made)).get_result(conn).await
}

async fn find(conn: &mut AsyncPgConnection, kind: PaperKind, source: i64) -> QueryResult<Option<Kept>> {
    let made = QueryDsl::filter(papers::table.find((kind, source)), papers::made_at.is_not_null());
    made.select(Kept::as_select()).first(conn).await.optional()
}

fn store_fault(fault: Fault) -> Problem {
    match fault {
        Fault::NotFound => damaged("it is not in the store"),
        fault if fault.passes() => Problem::unavailable("the store of documents", fault),
        fault => Problem::internal(fault),
    }
}

fn damaged(how: &'static str) -> Problem {
    metrics::counter!("billing_papers_damaged_total").increment(1);
    Problem::internal(format!("a paper is damaged: {how}"))
}
