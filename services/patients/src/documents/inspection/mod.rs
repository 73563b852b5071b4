//! Inspecting documents, before anybody reads them: what their content is, whether it is harmful, and what text and small
//! picture can be drawn out of it. By the worker, one after the other in each of its loops, in any number of processes.

pub mod work;

pub mod bench;
pub mod portion;
pub mod scan;

use std::time::{Duration, Instant};

use aws_lc_rs::digest::{Context, SHA256};
use bytes::{Bytes, BytesMut};
use chassis::db::Pool;
use object_store::{Fault, Key, Object, Store};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use self::bench::{Bench, Outcome};
use self::scan::{Scanner, Verdict};
use self::work::Claim;
use super::document::Document;
use super::kind::Reason;
use super::types::{self, HEAD, Portion, Types};
use super::{CONTENT, THUMBNAIL};

/// Loops of one process.
const LOOPS: usize = 2;
/// How often an idle loop looks for work.
const PAUSE: Duration = Duration::from_secs(1);
/// Larger documents are scanned, and nothing takes them apart: they have neither text nor a small picture, and whoever reads one
/// saves it, since nobody knows what it unpacks to.
pub const LARGEST_HELD: u64 = 32 * 1024 * 1024;
/// An inspection that takes longer than this has failed. Shorter than a claim lasts.
const LONGEST: Duration = Duration::from_secs(600);

/// What inspects.
#[derive(Clone)]
pub struct Inspector {
    /// Where the contents are.
    pub store: Store,
    /// Looks for malware; nobody does where there is none.
    pub scanner: Option<Scanner>,
    /// What is kept here.
    pub types: Types,
    /// Takes contents apart, where they can do no harm.
    pub bench: Bench,
}

/// What was found of a document.
#[derive(Debug)]
pub enum Finding {
    /// It can be read.
    Readable {
        /// What it is.
        content_type: &'static str,
        /// Its text, as a search compares it.
        text: Option<String>,
        /// Whether a small picture was stored.
        has_thumbnail: bool,
    },
    /// Nobody reads it.
    Unreadable(Reason),
}

/// Why nothing was found.
#[derive(Debug)]
pub enum Setback {
    /// The store or the scanner is away: tried again, however often.
    Later(anyhow::Error),
    /// It went wrong: tried again, a few times.
    Failed(anyhow::Error),
}

impl Inspector {
    /// Inspects what waits, until `stop` is cancelled.
    ///
    /// # Errors
    /// None: what goes wrong is tried again.
    pub async fn run(self, pool: Pool, stop: CancellationToken) -> anyhow::Result<()> {
        if self.scanner.is_none() {
            tracing::warn!("documents are not scanned for malware: EHS_CLAMAV is not set");
        }
        futures_util::future::join_all((0..LOOPS).map(|_| self.one_loop(&pool, &stop))).await;
        Ok(())
    }

    async fn one_loop(&self, pool: &Pool, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            match self.next(pool).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(fault) => tracing::warn!(%fault, "documents could not be inspected; trying again later"),
            }
            stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
        }
    }

    /// Inspects one document, if one waits.
    ///
    /// # Errors
    /// When PostgreSQL refuses.
    pub async fn next(&self, pool: &Pool) -> anyhow::Result<bool> {
        let Some(claim) = work::claim(&mut *pool.get().await?).await? else { return Ok(false) };
        let began = Instant::now();
        let span = tracing::info_span!("inspect a document", document.id = claim.document.id);
        let inspected = timeout(LONGEST, self.inspect(&claim)).instrument(span).await;
        let inspected = inspected.unwrap_or_else(|elapsed| Err(Setback::Failed(elapsed.into())));
        let outcome = claim.end(&mut *pool.get().await?, inspected).await?;
        metrics::counter!("document_inspections_total", "outcome" => outcome).increment(1);
        metrics::histogram!("document_inspection_seconds").record(began.elapsed().as_secs_f64());
        Ok(true)
    }

    async fn inspect(&self, claim: &Claim) -> Result<Finding, Setback> {
        let document = &claim.document;
        if claim.is_spent() {
            return Ok(Finding::Unreadable(Reason::NotInspected));
        }
        let object = match self.store.get(Key::new(CONTENT, document.object)).await {
            Err(Fault::NotFound) => return Ok(Finding::Unreadable(Reason::Damaged)),
            object => object?,
        };
        let mut reading = Reading::of(object, document);
        let Some(content_type) = self.types.found(reading.head().await?) else {
            return Ok(Finding::Unreadable(Reason::TypeNotAllowed));
        };
        if let Some(reason) = self.scan(&mut reading).await? {
            return Ok(Finding::Unreadable(reason));
        }
        let Some(content) = reading.end(document) else { return Ok(Finding::Unreadable(Reason::Damaged)) };
        let text = match self.text(content_type, &content).await? {
            Outcome::Expands => return Ok(Finding::Unreadable(Reason::Expands)),
            Outcome::Drawn(text) => String::from_utf8(text).ok().filter(|text| !text.is_empty()),
            Outcome::Nothing => None,
        };
        let has_thumbnail = match self.picture(content_type, content).await? {
            Outcome::Expands => return Ok(Finding::Unreadable(Reason::Expands)),
            Outcome::Drawn(picture) if !picture.is_empty() => {
                self.store.put_bytes(Key::new(THUMBNAIL, document.object), "image/jpeg", picture.into()).await?;
                true
            }
            // a picture too large to be made small is no reason to keep a document from its readers
            Outcome::Drawn(_) | Outcome::Nothing => false,
        };
        Ok(Finding::Readable { content_type, text, has_thumbnail })
    }

    /// Reads to the end, past the scanner if there is one.
    async fn scan(&self, reading: &mut Reading) -> Result<Option<Reason>, Setback> {
        let Some(scanner) = &self.scanner else {
            while reading.next().await?.is_some() {}
            return Ok(None);
        };
        let (mut scan, mut deaf) = (scanner.begin().await.map_err(Setback::later)?, None);
        while deaf.is_none()
            && let Some(piece) = reading.next().await?
        {
            // a scanner that has heard enough says so, and listens no more
            deaf = scan.send(&piece).await.err();
        }
        match (scan.verdict().await.map_err(Setback::later)?, deaf) {
            (Verdict::Clean, Some(cause)) => Err(Setback::later(cause)),
            (Verdict::Clean, None) => Ok(None),
            (Verdict::Infected, _) => Ok(Some(Reason::Infected)),
            (Verdict::TooLarge, _) => Ok(Some(Reason::NotScanned)),
        }
    }

    async fn text(&self, content_type: &str, content: &Content) -> Result<Outcome, Setback> {
        match content {
            Content::Held(content) if types::has_text(content_type) => {
                self.bench.draw(Portion::Text, content.clone()).await.map_err(Setback::failed)
            }
            _ => Ok(Outcome::Nothing),
        }
    }

    async fn picture(&self, content_type: &str, content: Content) -> Result<Outcome, Setback> {
        match (content, types::picture_of(content_type)) {
            (Content::Held(content), Some(portion)) => self.bench.draw(portion, content).await.map_err(Setback::failed),
            _ => Ok(Outcome::Nothing),
        }
    }
}

/// A content once it was read.
enum Content {
    /// Whole.
    Held(Bytes),
    /// Too large to be held.
    Passed,
}

/// A content that is read once: hashed, and held where it is small.
struct Reading {
    object: Object,
    hash: Context,
    size: u64,
    /// What was read for its beginning and not passed on yet.
    ahead: Vec<Bytes>,
    head: BytesMut,
    held: Option<BytesMut>,
}

impl Reading {
    fn of(object: Object, document: &Document) -> Self {
        let small = u64::try_from(document.size).is_ok_and(|size| size <= LARGEST_HELD);
        let held = small.then(BytesMut::new);
        Self { object, hash: Context::new(&SHA256), size: 0, ahead: Vec::new(), head: BytesMut::new(), held }
    }

    /// The content's beginning.
    async fn head(&mut self) -> Result<&[u8], Fault> {
        while self.head.len() < HEAD
            && let Some(piece) = self.object.chunk().await?
        {
            self.head.extend_from_slice(&piece);
            self.ahead.push(piece);
        }
        self.ahead.reverse();
        Ok(&self.head)
    }

    /// The next piece, from the beginning on.
    async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        let piece = match self.ahead.pop() {
            Some(piece) => Some(piece),
            None => self.object.chunk().await?,
        };
        if let Some(piece) = &piece {
            self.hash.update(piece);
            self.size = self.size.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
            if let Some(held) =
                self.held.as_mut().filter(|held| u64::try_from(held.len()).is_ok_and(|held| held <= LARGEST_HELD))
            {
                held.extend_from_slice(piece);
            }
        }
        Ok(piece)
    }

    /// The content; `None` when it is not what was uploaded.
    fn end(self, document: &Document) -> Option<Content> {
        let same = u64::try_from(document.size) == Ok(self.size) && self.hash.finish().as_ref() == document.sha256;
        same.then(|| self.held.map_or(Content::Passed, |held| Content::Held(held.freeze())))
    }
}

impl Setback {
    fn later(cause: impl Into<anyhow::Error>) -> Self {
        Self::Later(cause.into())
    }

    fn failed(cause: impl Into<anyhow::Error>) -> Self {
        Self::Failed(cause.into())
    }
}

impl From<Fault> for Setback {
    fn from(fault: Fault) -> Self {
        if fault.passes() { Self::later(fault) } else { Self::failed(fault) }
    }
}
