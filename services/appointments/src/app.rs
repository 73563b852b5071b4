//! The state that handlers share.

use std::sync::Arc;

use audit::Recorder;
use chassis::db::{self, Conn, Pool};
use chassis::page::CursorKey;
use chassis::problem::Problem;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;
use events::Outbox;
use tokio::sync::Semaphore;

use crate::holidays::Holidays;
use crate::lookup::Owners;
use crate::slots::{self, Span};

/// Date ranges answered at once: each holds a connection while its client reads.
const STREAMS: usize = 4;

/// The hospital's wall clock and its public holidays.
#[derive(Clone, Debug)]
pub struct Calendar {
    /// The zone.
    pub zone: Tz,
    /// The holidays.
    pub holidays: Arc<Holidays>,
}

impl Calendar {
    /// The day of an instant.
    pub fn date(&self, instant: DateTime<Utc>) -> NaiveDate {
        instant.with_timezone(&self.zone).date_naive()
    }

    /// Day, begin and end of a span, as people say it.
    pub fn wall_clock(&self, span: &Span) -> (NaiveDate, NaiveTime, NaiveTime) {
        let start = span.start.with_timezone(&self.zone);
        (start.date_naive(), start.time(), span.end.with_timezone(&self.zone).time())
    }

    /// The span of some days, both included; `None` at the ends of the calendar.
    pub fn days(&self, first: NaiveDate, last: NaiveDate) -> Option<Span> {
        slots::days(self.zone, first, last)
    }
}

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
    /// The hospital's wall clock and holidays.
    pub calendar: Calendar,
    /// Seals page cursors.
    pub cursor_key: CursorKey,
    /// Bounds the date ranges under way.
    pub streams: Arc<Semaphore>,
}

impl App {
    /// Puts it together.
    pub fn new(db: Pool, audit: Recorder, owners: Owners, calendar: Calendar, cursor_key: CursorKey) -> Self {
        let streams = Arc::new(Semaphore::new(STREAMS));
        Self { db, audit, outbox: Outbox::new(), owners, calendar, cursor_key, streams }
    }

    /// The hospital's zone.
    pub fn zone(&self) -> Tz {
        self.calendar.zone
    }

    /// A connection.
    ///
    /// # Errors
    /// 503 when none is free in time.
    pub async fn conn(&self) -> Result<Conn, Problem> {
        db::get(&self.db).await
    }
}
