//! The way of one message: read, stored, applied; the same over HTTP, over MLLP and in the worker.

use auth::Actor;
use chassis::db::{self, Pool};
use chassis::idempotency::IdempotencyKey;
use chassis::strict_json;
use chrono::{NaiveDate, Utc};
use chrono_tz::Tz;
use events::Outbox;
use hl7::{Content, Header, ParseFault};

use super::message::{Bringer, Outcome, Parked};
use super::stored::{self, Incoming, Stored};
use super::{apply, kept};
use crate::app::App;
use crate::error::Error;

/// Larger messages are read on a thread for work that takes its time.
const LARGE: usize = 64 * 1024;

/// What applying a message needs.
#[derive(Clone)]
pub struct Desk {
    /// Connections to this service's schema.
    pub db: Pool,
    /// Where events go.
    pub outbox: Outbox,
    /// The hospital's time zone.
    pub time_zone: Tz,
}

impl Desk {
    /// Of a serving process.
    pub fn of(app: &App) -> Self {
        Self { db: app.db.clone(), outbox: app.outbox.clone(), time_zone: app.time_zone }
    }

    /// The date in the hospital.
    pub fn today(&self) -> NaiveDate {
        Utc::now().with_timezone(&self.time_zone).date_naive()
    }
}

/// A message that was read, as far as it could be.
pub struct Read {
    /// Its header, or what could be made out of it.
    pub header: Header,
    /// What it says, of each of its patients.
    pub contents: Result<Vec<Content>, ParseFault>,
}

/// A message that is stored and waits to be applied.
pub struct Waiting {
    /// The row's id.
    pub id: i64,
    /// Its header.
    pub header: Header,
    /// What it says, of each of its patients.
    pub contents: Vec<Content>,
    /// Who brought it, for the provenance of what it says.
    pub author: Option<i64>,
    /// What its sender hears on receipt, if it wants to.
    pub receipt: Option<String>,
}

/// Where a message stands once it is stored.
pub enum Taken {
    /// It is answered: it could not be read, or came before.
    Answered(Box<(Header, Outcome)>),
    /// It is stored, and to be applied.
    Waiting(Box<Waiting>),
}

impl Taken {
    fn answered(header: Header, outcome: Outcome) -> Self {
        Self::Answered(Box::new((header, outcome)))
    }
}

/// Reads a message.
pub async fn read(bytes: &[u8]) -> Read {
    if bytes.len() <= LARGE {
        return read_now(bytes);
    }
    let bytes = bytes.to_vec();
    let read = tokio::task::spawn_blocking(move || read_now(&bytes)).await;
    read.unwrap_or_else(|_panic| read_now(b""))
}

fn read_now(bytes: &[u8]) -> Read {
    let parsed = match hl7::batch::is_batch(bytes) {
        // Says what is wrong with the batch, where that is what brings it here.
        true => hl7::batch::split(bytes).map(drop).and_then(|()| hl7::parse(bytes)),
        false => hl7::parse(bytes),
    };
    let read = parsed.and_then(|message| Ok((message.header()?, hl7::read_each(&message))));
    let (header, contents) = match read {
        Ok((header, contents)) => (header, contents),
        Err(fault) => (hl7::header_lossy(bytes).unwrap_or_default(), Err(fault)),
    };
    Read { header: without_controls(header), contents }
}

/// Stores a message: what it returns is durable. What is read, and applied, is the text that is kept, so that it says the same
/// now and later.
///
/// # Errors
/// When PostgreSQL refuses: nothing is stored, and the sender has to send again.
pub async fn take(desk: &Desk, bringer: Bringer<'_>, bytes: &[u8]) -> Result<Taken, Error> {
    let text = kept::of(bytes);
    let Read { header, contents } = read(&text).await;
    let incoming = Incoming { text: &text, digest: strict_json::digest(bytes), header: &header, bringer };
    let mut conn = db::get(&desk.db).await?;
    let contents = match contents {
        Ok(contents) => contents,
        Err(fault) => {
            let before = stored::answered(&mut conn, &incoming.digest).await?;
            let outcome = match before {
                Some(outcome) => outcome,
                None => stored::park_new(&mut conn, &incoming, Parked::unreadable(&header, &fault)).await?,
            };
            bringer.trail().shows(outcome.patients());
            return Ok(Taken::answered(header, outcome));
        }
    };
    match stored::store(&mut conn, &incoming).await? {
        Stored::Answered(outcome) => {
            bringer.trail().shows(outcome.patients());
            Ok(Taken::answered(header, outcome))
        }
        Stored::ControlIdTaken => {
            let parked = Parked::control_id_taken(&header);
            let outcome = stored::park_new(&mut conn, &incoming, parked).await?;
            Ok(Taken::answered(header, outcome))
        }
        Stored::Waiting(id, receipt) => {
            let author = bringer.actor().map(|actor| actor.user_id);
            Ok(Taken::Waiting(Box::new(Waiting { id, header, contents, author, receipt })))
        }
    }
}

/// Applies a stored message, or parks it.
///
/// # Errors
/// When PostgreSQL refuses; the message then waits for the worker, or to be sent again.
pub async fn finish(
    desk: &Desk,
    bringer: Bringer<'_>,
    key: Option<(&Actor, &IdempotencyKey, &[u8; 32])>,
    waiting: &Waiting,
) -> Result<Outcome, Error> {
    let mut conn = db::get(&desk.db).await?;
    let outcome = apply::apply(&mut conn, desk, bringer, key, waiting).await;
    if outcome.is_err() {
        // Of what the database does not answer even this, the worker knows by the message's age.
        let _ = stored::failed(&mut conn, waiting.id).await;
    }
    outcome
}

/// Stores a message, and applies it.
///
/// # Errors
/// As [`take`] and [`finish`].
pub async fn receive(
    desk: &Desk,
    bringer: Bringer<'_>,
    key: Option<(&Actor, &IdempotencyKey, &[u8; 32])>,
    bytes: &[u8],
) -> Result<(Header, Outcome), Error> {
    match take(desk, bringer, bytes).await? {
        Taken::Answered(answered) => Ok(*answered),
        Taken::Waiting(waiting) => {
            let outcome = finish(desk, bringer, key, &waiting).await?;
            Ok((waiting.header, outcome))
        }
    }
}

/// Of a header made out of damaged bytes, what PostgreSQL can keep.
fn without_controls(mut header: Header) -> Header {
    for text in [
        &mut header.sending_application,
        &mut header.sending_facility,
        &mut header.control_id,
        &mut header.message_code,
        &mut header.trigger_event,
    ] {
        text.retain(|c| !c.is_control());
    }
    header
}
