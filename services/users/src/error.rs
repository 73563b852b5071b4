//! What can be wrong, in the words of this service, and how each becomes an answer.

use chassis::problem::Problem;
use diesel::result::Error as DieselError;
use serde_json::{Value, json};

use crate::mfa::Refusal;

/// A refusal.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such account, or not for the caller to know of.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// Another account has the username, the email, or both.
    #[error("taken")]
    Taken(Taken),
    /// The key stands for a registration with another password.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// Staff are registered by an administrator; nobody is signed in.
    #[error("only an administrator registers staff")]
    StaffNeedsSignIn,
    /// Staff are registered by an administrator; the caller is none.
    #[error("only an administrator registers staff")]
    StaffNeedsAdmin,
    /// Unknown user, wrong password, inactive account: one answer.
    #[error("wrong credentials")]
    Credentials,
    /// Unknown, expired or revoked.
    #[error("the refresh token is not valid")]
    RefreshToken,
    /// The refresh token was used before; the session is over.
    #[error("the refresh token was used before")]
    RefreshTokenReused,
    /// The session went without the second factor that its owner's role must have by now; it is over.
    #[error("the session has no second factor")]
    SecondFactorMissing,
    /// The token is good, but its account is no more.
    #[error("the account is not active")]
    Inactive,
    /// An administrator's own role and activity are another administrator's to change.
    #[error("nobody changes their own standing")]
    OwnStanding,
    /// Too many passwords wait to be hashed.
    #[error("too many passwords wait to be hashed")]
    HashingOverloaded,
    /// Hashing or signing failed.
    #[error("the cryptographic library failed")]
    Crypto(#[source] anyhow::Error),
    /// The second factor.
    #[error(transparent)]
    SecondFactor(#[from] Refusal),
    /// PostgreSQL.
    #[error(transparent)]
    Database(#[from] DieselError),
    /// A refusal that is an answer already.
    #[error("{0}")]
    Problem(Problem),
}

/// What another account has already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Taken {
    /// The username.
    pub username: bool,
    /// The email.
    pub email: bool,
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound(what) => Self::not_found(format!("There is no such {what}.")),
            Error::Taken(taken) => Self::conflict("Another account has this already; see errors.")
                .with_type("already-taken")
                .with("errors", taken.members()),
            Error::KeyReused => {
                Self::conflict("This Idempotency-Key was used for another request.").with_type("idempotency-key-reused")
            }
            Error::StaffNeedsSignIn => Self::unauthorized(None, "Only a signed-in administrator registers staff."),
            Error::StaffNeedsAdmin => Self::forbidden("Only an administrator registers staff."),
            Error::Credentials => Self::unauthorized(None, "The username or the password is wrong."),
            Error::RefreshToken => {
                Self::unauthorized(Some("invalid_token"), "The refresh token is not valid; sign in again.")
            }
            Error::RefreshTokenReused => Self::unauthorized(
                Some("invalid_token"),
                "The refresh token was used before; the session is over, sign in again.",
            ),
            Error::SecondFactorMissing => {
                Self::unauthorized(Some("invalid_token"), "Your role must have a second factor; sign in again.")
            }
            Error::Inactive => Self::unauthorized(Some("invalid_token"), "The account is not active."),
            Error::OwnStanding => Self::conflict("Another administrator changes your role or deactivates you."),
            Error::HashingOverloaded => Self::unavailable("sign-in", error),
            Error::Crypto(cause) => Self::internal(cause),
            Error::SecondFactor(refusal) => refusal.into(),
            Error::Database(cause) => cause.into(),
            Error::Problem(problem) => problem,
        }
    }
}

impl Taken {
    fn members(self) -> Value {
        let member = |field| json!({"field": field, "code": "taken", "message": "is taken by another account"});
        let fields = [(self.username, "username"), (self.email, "email")];
        fields.into_iter().filter(|(taken, _)| *taken).map(|(_, field)| member(field)).collect()
    }
}
