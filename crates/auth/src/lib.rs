#![doc = include_str!("../README.md")]

pub mod break_glass;
pub mod claims;
pub mod extract;
pub mod keys;
pub mod owner;
pub mod permissions;
pub mod revocation;
pub mod roles;
mod verified;
pub mod verifier;

pub use break_glass::BreakGlass;
pub use claims::Claims;
pub use extract::{Actor, MaybeActor, Permit};
pub use keys::{Jwk, Jwks, KeyFault, SigningKeys};
pub use owner::Owner;
pub use permissions::{Action, Permission, Reach, reach};
pub use revocation::Revocations;
pub use roles::Role;
pub use verifier::{AuthConfig, TokenFault, Verifier};
