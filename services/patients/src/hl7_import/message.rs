//! What becomes of a message, and what its sender hears.

use std::net::IpAddr;

use auth::Actor;
use chassis::trail::Trail;
use chrono::Utc;
use hl7::{AckCode, Header, ParseFault, ack};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Why a message with the control id of another is parked.
pub const CONTROL_ID_TAKEN: &str = "MSH-10: another message was received with this control id";

/// What the sender of an applied message hears.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ImportAnswer {
    /// MSH-10.
    pub message_control_id: String,
    /// `ADT^A01`.
    pub message_type: String,
    /// `AA`, or `CA` for a sender that wants no more than a receipt.
    pub acknowledgment: String,
    /// The patient's id; after a merge (A40) that of the record that stays. Of several patients the first.
    pub patient: i64,
    /// The ids of all patients of a message that speaks of several, in its order; left out of others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patients: Vec<i64>,
    /// Whether the patient is new.
    pub created: bool,
    /// What was left out, and why.
    pub warnings: Vec<String>,
}

/// What became of a message.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Applied, now or when it first came.
    Applied {
        /// The JSON form.
        answer: ImportAnswer,
        /// The ER7 form.
        ack: String,
        /// What the sender heard on receipt, if it wanted to.
        receipt: Option<String>,
        /// Whether this request's Idempotency-Key was answered before.
        replayed: bool,
    },
    /// Kept for a person to look at.
    Parked(Parked),
}

/// A message that a person has to look at, and what its sender hears.
#[derive(Clone, Debug)]
pub struct Parked {
    /// `AE` or `AR`, or their counterparts on receipt.
    pub acknowledgment: String,
    /// Why, in words without patient data.
    pub reason: String,
    /// The ER7 form of the acknowledgment.
    pub ack: String,
    /// What the sender heard on receipt, if it wanted to.
    pub receipt: Option<String>,
    /// Whether it is another message's control id that is wrong with it.
    pub is_conflict: bool,
}

/// Who brings a message.
#[derive(Clone, Copy, Debug)]
pub enum Bringer<'a> {
    /// Somebody who is signed in.
    User(&'a Actor),
    /// Another system, over MLLP, or the worker, with a message that was stored before.
    System(&'a Trail),
}

impl<'a> Bringer<'a> {
    /// Who is signed in.
    pub const fn actor(self) -> Option<&'a Actor> {
        match self {
            Self::User(actor) => Some(actor),
            Self::System(_) => None,
        }
    }

    /// What is said of it to the audit.
    pub const fn trail(self) -> &'a Trail {
        match self {
            Self::User(actor) => &actor.trail,
            Self::System(trail) => trail,
        }
    }

    /// By which way it came.
    pub const fn via(self) -> &'static str {
        match self {
            Self::User(_) => "HTTP",
            Self::System(_) => "MLLP",
        }
    }

    /// From where.
    pub fn address(self) -> Option<IpAddr> {
        self.trail().facts().address
    }
}

impl Outcome {
    /// Whose record it speaks of; of several patients the first.
    pub fn patient(&self) -> Option<i64> {
        match self {
            Self::Applied { answer, .. } => Some(answer.patient),
            Self::Parked(_) => None,
        }
    }

    /// All whose records it speaks of.
    pub fn patients(&self) -> Vec<i64> {
        match self {
            Self::Applied { answer, .. } if !answer.patients.is_empty() => answer.patients.clone(),
            _ => self.patient().into_iter().collect(),
        }
    }

    /// The acknowledgment in ER7.
    pub fn ack(&self) -> &str {
        match self {
            Self::Applied { ack, .. } => ack,
            Self::Parked(parked) => &parked.ack,
        }
    }

    /// What the sender heard on receipt.
    pub fn receipt(&self) -> Option<&str> {
        match self {
            Self::Applied { receipt, .. } => receipt.as_deref(),
            Self::Parked(parked) => parked.receipt.as_deref(),
        }
    }

    /// What is answered after it was applied or refused, as the sender wants to hear it over MLLP; nothing more in enhanced mode
    /// where the receipt was a refusal already.
    pub fn on_application(&self, header: &Header) -> Option<&str> {
        if !header.is_enhanced() {
            return Some(self.ack());
        }
        let code = match self {
            Self::Applied { .. } => AckCode::AA,
            Self::Parked(parked) if parked.acknowledgment.ends_with('R') => AckCode::AR,
            Self::Parked(_) => AckCode::AE,
        };
        let is_refused = self.receipt().is_some_and(|receipt| !receipt.contains("\rMSA|CA|"));
        ack::answers(header, AckCode::AA, code).on_application.filter(|_| !is_refused).map(|_| self.ack())
    }

    /// `APPLIED` or `PARKED`.
    pub const fn status(&self) -> &'static str {
        match self {
            Self::Applied { .. } => "APPLIED",
            Self::Parked(_) => "PARKED",
        }
    }

    /// The same, for a request whose Idempotency-Key was answered before.
    pub fn replayed(self, again: bool) -> Self {
        match self {
            Self::Applied { answer, ack, receipt, .. } => Self::Applied { answer, ack, receipt, replayed: again },
            parked @ Self::Parked(_) => parked,
        }
    }
}

impl Parked {
    /// For a message that cannot be read.
    pub fn unreadable(header: &Header, fault: &ParseFault) -> Self {
        let code = spoken(header, fault.acknowledgment());
        Self {
            acknowledgment: code.to_string(),
            reason: fault.to_string(),
            ack: ack::refuse(header, code, fault, &new_control_id(), Utc::now()),
            receipt: receipt(header, fault.acknowledgment(), Some(fault)),
            is_conflict: false,
        }
    }

    /// For a message that was read and cannot be applied.
    pub fn refused(header: &Header, reason: &str) -> Self {
        let code = spoken(header, AckCode::AE);
        let ack = ack::acknowledge(header, code, &new_control_id(), Utc::now(), Some(reason));
        Self { acknowledgment: code.to_string(), reason: reason.to_owned(), ack, receipt: None, is_conflict: false }
    }

    /// For a message with the control id of another.
    pub fn control_id_taken(header: &Header) -> Self {
        let receipt = receipt(header, AckCode::AE, None);
        Self { is_conflict: true, receipt, ..Self::refused(header, CONTROL_ID_TAKEN) }
    }
}

/// The positive acknowledgment: its code, and its ER7 form.
pub fn accept(header: &Header) -> (AckCode, String) {
    let code = spoken(header, AckCode::AA);
    (code, ack::acknowledge(header, code, &new_control_id(), Utc::now(), None))
}

/// The acknowledgment of a message that was not taken for a fault of ours: the sender is to send it again.
pub fn not_now(header: &Header) -> String {
    let code = spoken(header, AckCode::AR);
    ack::acknowledge(header, code, &new_control_id(), Utc::now(), Some("cannot be taken now; send it again"))
}

/// The same as a sender over MLLP hears it: on receipt in enhanced mode, if it wants to hear of failures at all.
pub fn not_now_wanted(header: &Header) -> Option<String> {
    let answers = ack::answers(header, AckCode::AR, AckCode::AR);
    let code = answers.on_receipt.or(answers.on_application)?;
    let why = Some("cannot be taken now; send it again");
    Some(ack::acknowledge(header, code, &new_control_id(), Utc::now(), why))
}

/// In enhanced mode, what a sender that wants to hears on receipt.
pub fn receipt(header: &Header, code: AckCode, fault: Option<&ParseFault>) -> Option<String> {
    let code = ack::answers(header, code, code).on_receipt?;
    Some(match fault {
        Some(fault) => ack::refuse(header, code, fault, &new_control_id(), Utc::now()),
        None => ack::acknowledge(header, code, &new_control_id(), Utc::now(), None),
    })
}

/// In enhanced mode a sender that wants no application acknowledgment hears the receipt's codes.
fn spoken(header: &Header, code: AckCode) -> AckCode {
    let receipt_only = header.is_enhanced() && matches!(header.application_acknowledgment.as_str(), "" | "NE");
    if receipt_only { code.on_receipt() } else { code }
}

/// At most 20 characters, as MSH-10 had them before version 2.7.
pub fn new_control_id() -> String {
    Uuid::now_v7().simple().to_string().chars().skip(12).collect()
}
