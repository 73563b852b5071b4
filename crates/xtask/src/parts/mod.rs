//! The real parts that the services stand on.

pub mod aws;
pub mod otlp;
pub mod postgres;
pub mod redis;
