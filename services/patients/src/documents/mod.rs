//! Documents of patients: stored as a stream, inspected before anybody reads them, given out by links that soon end.

pub mod kind;

pub mod document;
