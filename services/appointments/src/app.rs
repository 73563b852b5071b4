//! The state that handlers share.

use std::sync::Arc;

use audit::Recorder;
use chassis::db::{self, Conn, Pool};
use chassis::page::CursorKey;
use chassis::problem::Problem;
use chrono_tz::Tz;
use events::Outbox;
use tokio::sync::Semaphore;

use crate::lookup::Owners;

/// Date ranges answered at once: each holds a connection while its client reads.
const STREAMS: usize = 4;

/// State of `serve`.
#[derive(Clone)]
pub struct App {
    /// Rows.
    pub db: Pool,
    /// Writes down who did what.
    pub audit: Recorder,
    /// Events out.
    pub outbox: Outbox,
    /// Who owns doctors and patients.
    pub owners: Owners,
    /// The hospital's wall clock.
    pub zone: Tz,
    /// Seals page cursors.
    pub cursor_key: CursorKey,
    /// Bounds the date ranges under way.
    pub streams: Arc<Semaphore>,
}

impl App {
    /// Puts it together.
    pub fn new(db: Pool, audit: Recorder, owners: Owners, zone: Tz, cursor_key: CursorKey) -> Self {
        Self { db, audit, outbox: Outbox::new(), owners, zone, cursor_key, streams: Arc::new(Semaphore::new(STREAMS)) }
    }

    /// A connection.
    ///
    /// # Errors
    /// 503 when none is free in time.
    pub async fn conn(&self) -> Result<Conn, Problem> {
        db::get(&self.db).await
    }
}
