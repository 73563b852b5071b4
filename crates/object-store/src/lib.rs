#![doc = include_str!("../README.md")]

pub mod config;
pub mod key;

pub mod store;

mod link;
mod put;
mod read;
mod unfinished;

pub mod fault;

pub use config::{Encryption, StoreConfig};
pub use fault::Fault;
pub use key::Key;
pub use link::{LINK_LIFE, Shown};
pub use put::{PutFault, Stored};
pub use read::Object;
pub use store::Store;
pub use unfinished::Unfinished;
