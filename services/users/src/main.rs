//! users
fn main() {}
