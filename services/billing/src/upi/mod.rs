//! UPI: a link that a payment app opens with everything filled in, and its QR code (NPCI, UPI Linking Specification 1.6).
//! Whoever scans it has proved no payment.
//!
//! - [`address`]: whom a payment goes to; - [`link`]: the link; - [`qr`]: it as an image; - [`image`]: the route.

pub mod address;
pub mod image;
pub mod link;
pub mod qr;

pub use address::Payee;
