//! Documents of patients: stored as a stream, inspected before anybody reads them, given out by links that soon end.

pub mod kind;

pub mod document;
pub mod listing;
pub mod reading;
pub mod upload;

pub mod form;
pub mod multipart;
pub mod receive;
pub mod types;
pub mod view;
pub mod words;

pub mod inspection;
pub mod sweep;

use std::sync::Arc;

use chassis::problem::Problem;
use object_store::{Fault, Store};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::receive::{BodyFault, Limits};

/// Where contents lie in the store.
pub const CONTENT: &str = "documents";
/// Where small pictures of them lie.
pub const THUMBNAIL: &str = "thumbnails";
/// Uploads of one process at the same time. Each holds two parts of 5 MiB.
const AT_ONCE: usize = 16;

/// What the handlers of documents share. Cheap to clone.
#[derive(Clone)]
pub struct Documents {
    /// Where the contents are.
    pub store: Store,
    /// What an upload may be.
    pub limits: Limits,
    places: Arc<Semaphore>,
}

impl Documents {
    /// In this store, within these limits.
    pub fn new(store: Store, limits: Limits) -> Self {
        Self { store, limits, places: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Room for one more upload, until it is dropped.
    fn place(&self) -> Result<OwnedSemaphorePermit, Problem> {
        Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|full| Problem::unavailable("room for another upload", full))
    }

    /// Whether a body of an announced length may come at all.
    fn fits(&self, announced: u64) -> Result<(), Problem> {
        let most = self.limits.most;
        if announced > most.saturating_add(receive::BESIDE_THE_FILE) {
            return Err(BodyFault::TooLarge(most).into());
        }
        Ok(())
    }
}

/// 415: what was sent is not kept here.
fn refused(limits: &Limits) -> Problem {
    let what = "The file is of a type that is not kept here; kept:";
    Problem::new(actix_web::http::StatusCode::UNSUPPORTED_MEDIA_TYPE, format!("{what} {}.", limits.types.list()))
}

/// What the store's fault is to a client.
fn store_fault(fault: Fault) -> Problem {
    if fault.passes() { Problem::unavailable("the document store", fault) } else { Problem::internal(fault) }
}
