//! Why the waitlist refuses, and how it says so.

use chassis::problem::Problem;
use chassis::strict_json::Faults;
use serde_json::json;

use super::entry::EntryStatus;

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The patient waits for this already, at an overlapping time; with the entry's id where it is known.
    #[error("waits already")]
    WaitsAlready(Option<i64>),
    /// The patient is on the list often enough.
    #[error("waits too often")]
    TooMany,
    /// Nothing is offered, or not any more.
    #[error("no open offer")]
    NoOffer,
    /// What was offered was not answered in time.
    #[error("the offer lapsed")]
    Lapsed,
    /// What was offered cannot be had any more: the doctor's hours have changed, somebody is deactivated.
    #[error("the offer is void")]
    Void(Faults),
    /// While something is offered, only that is answered.
    #[error("an offer is open")]
    Offered,
    /// Nothing follows that status.
    #[error("{0:?} is final")]
    Over(EntryStatus),
    /// Nobody is taken to that status by hand.
    #[error("not to {0:?} by hand")]
    NotByHand(EntryStatus),
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::WaitsAlready(entry) => {
                let problem = Self::conflict("The patient is on the waitlist for this already; change that entry.")
                    .with_type("already-waiting");
                match entry {
                    Some(entry) => problem.with("entry", json!(entry)),
                    None => problem,
                }
            }
            Refusal::TooMany => {
                Self::conflict("The patient is on the waitlist often enough; take one of the entries off it.")
                    .with_type("waits-too-often")
            }
            Refusal::NoOffer => Self::conflict("No offer is open.").with_type("no-offer"),
            Refusal::Lapsed => Self::conflict("The offer was not answered in time; the patient stays on the list.")
                .with_type("offer-lapsed"),
            Refusal::Void(faults) => Self::conflict("What was offered cannot be had any more; see errors.")
                .with_type("offer-void")
                .with("errors", json!(faults.0)),
            Refusal::Offered => {
                Self::conflict("An offer is open: accept it, decline it, or leave the list.").with_type("offer-open")
            }
            Refusal::Over(status) => {
                Self::conflict(format!("An entry that is {} does not change any more.", status.as_str()))
                    .with_type("illegal-status-change")
            }
            Refusal::NotByHand(status) => {
                Self::conflict(format!("Nobody sets {}; LEFT is what can be asked for.", status.as_str()))
                    .with_type("illegal-status-change")
            }
        }
    }
}
