#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic))]

pub mod ack;
pub mod adt;
pub mod batch;
mod charset;
pub mod clinical;
mod content;
pub mod datatype;
mod escape;
mod fault;
mod header;
mod masked;
mod message;
pub mod mllp;
mod parse;
mod provenance;
mod reading;
mod text;
mod timestamp;
mod vocabulary;
mod warning;

pub use ack::AckCode;
pub use content::{Content, MAX_PATIENTS, Results, Schedule, ScheduleEvent, Vaccination, read, read_each};
pub use fault::{ParseFault, Reason};
pub use header::{Header, header_lossy};
pub use message::{Component, Encoding, Field, Message, Repetition, Segment, Separators};
pub use parse::{MAX_BYTES, MAX_FIELDS, MAX_REPETITIONS, MAX_SEGMENTS, decode_lossy, encode, parse};
pub use provenance::{Place, Sources};
pub use timestamp::{PartialDate, Precision, Timestamp};
pub use warning::Warning;
