//! Reports that the worker makes: as large as they are, streamed into the store and given out by links of five minutes.
//!
//! - [`job`]: the row, and whose it is; - [`ask`], [`read`]: the routes;
//! - [`claim`]: who makes which; - [`make`]: making; - [`sweep`]: what is forgotten.

pub mod job;

pub mod ask;
pub mod read;

pub mod claim;
pub mod make;
pub mod sweep;

/// Where reports lie in the store.
pub const FOLDER: &str = "reports";
