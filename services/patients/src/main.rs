//! patients
fn main() {}
