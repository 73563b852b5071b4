//! What can be wrong with a second factor, and how each becomes an answer.

use chassis::problem::Problem;

/// A refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Unknown, expired, spent, worn out, or for another purpose.
    #[error("the mfa_token is not valid")]
    Token,
    /// Neither an access token nor an `mfa_token`.
    #[error("nobody is signed in")]
    Nobody,
    /// At sign-in: a wrong code, or one that was used.
    #[error("the code is wrong")]
    CodeAtSignIn,
    /// Signed in: a wrong code, or one that was used.
    #[error("the code is wrong")]
    Code,
    /// To turn it off takes both.
    #[error("the password or the code is wrong")]
    PasswordOrCode,
    /// Too many wrong codes; seconds until the next is looked at.
    #[error("too many wrong codes")]
    Paused(u32),
    /// It is on already.
    #[error("there is a second factor already")]
    InForce,
    /// There is nothing to verify or to turn off.
    #[error("there is no second factor")]
    None,
    /// The role must have one.
    #[error("the role must have a second factor")]
    RoleMustHaveIt,
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Token => Self::unauthorized(Some("invalid_token"), "The mfa_token is not valid; sign in again."),
            Refusal::Nobody => Self::unauthorized(
                None,
                "Sign in and send the access token as Authorization: Bearer, or send an mfa_token.",
            ),
            Refusal::CodeAtSignIn => Self::unauthorized(None, "The code is wrong, or was used before."),
            Refusal::Code => Self::invalid("code", "wrong_code", "is wrong, or was used before"),
            Refusal::PasswordOrCode => {
                Self::invalid("code", "wrong_credentials", "or the password is wrong, or the code was used before")
            }
            Refusal::Paused(seconds) => Self::too_many(seconds),
            Refusal::InForce => Self::conflict("MFA is on already; turn it off first.").with_type("mfa-on"),
            Refusal::None => Self::conflict("There is no second factor; begin with mfa/enable/.").with_type("mfa-off"),
            Refusal::RoleMustHaveIt => Self::forbidden("Your role must have a second factor."),
        }
    }
}
