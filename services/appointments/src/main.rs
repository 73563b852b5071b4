//! appointments
fn main() {}
