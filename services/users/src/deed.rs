//! What is done to accounts and sessions, in the words of the audit log.
//!
//! Each names a row's action, so that an auditor finds the wrong passwords of a day by one filter. A deed that writes has
//! its row in the transaction of the work; a refusal's is written before its answer leaves.

use std::convert::Infallible;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use auth::Role;
use chassis::trail::{Trail, Who};
use diesel::QueryResult;
use diesel_async::AsyncPgConnection;
use uuid::Uuid;

use crate::error::Error;
use crate::user::User;

/// What was done or tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// An account was made.
    Registration,
    /// An account came over from the old system.
    Import,
    /// A password, and the second factor where there is one, opened a session.
    SignIn,
    /// No account has this name.
    SignInUnknownUser,
    /// The password was another.
    SignInWrongPassword,
    /// The password was right, and the account is not active.
    SignInInactive,
    /// Too many wrong passwords came before: not looked at.
    SignInSlowed,
    /// The password was right, and a second factor is wanted.
    SecondFactorAsked,
    /// A code was wrong, or was used before.
    SecondFactorWrong,
    /// Too many wrong codes came before: not looked at.
    SecondFactorSlowed,
    /// An `mfa_token` was unknown, expired, spent or worn out.
    SecondFactorUnknownToken,
    /// A secret was shown; it is not in force yet.
    SecondFactorBegun,
    /// It is in force.
    SecondFactorOn,
    /// It was taken away.
    SecondFactorOff,
    /// A refresh token was spent for the next one.
    SessionRenewed,
    /// A refresh token was unknown, expired, or of a session that is over.
    RefreshTokenRefused,
    /// A refresh token came twice; the session is over.
    RefreshTokenReused,
    /// A session went without the second factor that its role must have by now; it is over.
    SecondFactorMissing,
    /// Its owner ended the session that they ask in.
    SignOut,
    /// Its owner ended a session from another one.
    SessionEnded,
    /// By who knew the old one.
    PasswordChange,
    /// The old password was another.
    PasswordChangeRefused,
    /// A mail was asked for; whether the address is anybody's is not looked up.
    PasswordResetAsked,
    /// The mail with the token went out.
    PasswordResetMailed,
    /// A token of a mail set another password.
    PasswordReset,
    /// Own names, phone or email.
    ProfileChange,
    /// An administrator gave another role.
    RoleChange,
    /// An administrator let an account sign in no more.
    Deactivation,
    /// An administrator let it sign in again.
    Activation,
    /// An administrator changed something else of an account.
    AccountChange,
}

impl Deed {
    /// The action in the audit log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registration => "Registration",
            Self::Import => "AccountImport",
            Self::SignIn => "SignIn",
            Self::SignInUnknownUser => "SignInUnknownUser",
            Self::SignInWrongPassword => "SignInWrongPassword",
            Self::SignInInactive => "SignInInactive",
            Self::SignInSlowed => "SignInSlowed",
            Self::SecondFactorAsked => "SecondFactorAsked",
            Self::SecondFactorWrong => "SecondFactorWrong",
            Self::SecondFactorSlowed => "SecondFactorSlowed",
            Self::SecondFactorUnknownToken => "SecondFactorUnknownToken",
            Self::SecondFactorBegun => "SecondFactorBegun",
            Self::SecondFactorOn => "SecondFactorOn",
            Self::SecondFactorOff => "SecondFactorOff",
            Self::SessionRenewed => "SessionRenewed",
            Self::RefreshTokenRefused => "RefreshTokenRefused",
            Self::RefreshTokenReused => "RefreshTokenReused",
            Self::SecondFactorMissing => "SecondFactorMissing",
            Self::SignOut => "SignOut",
            Self::SessionEnded => "SessionEnded",
            Self::PasswordChange => "PasswordChange",
            Self::PasswordChangeRefused => "PasswordChangeRefused",
            Self::PasswordResetAsked => "PasswordResetAsked",
            Self::PasswordResetMailed => "PasswordResetMailed",
            Self::PasswordReset => "PasswordReset",
            Self::ProfileChange => "ProfileChange",
            Self::RoleChange => "RoleChange",
            Self::Deactivation => "Deactivation",
            Self::Activation => "Activation",
            Self::AccountChange => "AccountChange",
        }
    }

    /// Says on the trail that this is what is done.
    pub fn note(self, trail: &Trail) {
        trail.asks_for(self.as_str(), false);
    }

    /// Writes it down in the caller's transaction; it is kept exactly when the work is.
    ///
    /// # Errors
    /// When PostgreSQL refuses.
    pub async fn write(self, conn: &mut AsyncPgConnection, trail: &Trail) -> QueryResult<()> {
        self.note(trail);
        audit::write(conn, trail, []).await
    }
}

/// Says on the trail whose account it is, of calls that no access token says it of.
///
/// # Errors
/// When the database holds a role that this program does not know.
pub fn is_of(trail: &Trail, user: &User, session: Option<Uuid>) -> Result<(), Error> {
    is_by(trail, user.id, user.role()?, session);
    Ok(())
}

/// Says on the trail who it is.
pub fn is_by(trail: &Trail, user: i64, role: Role, session: Option<Uuid>) {
    trail.is_by(Who { user, role: role.as_str(), session });
}

/// The request's trail, in the signature of a handler that anyone may call; a permit carries its own.
#[derive(Debug, Clone)]
pub struct Trailed(pub Trail);

impl FromRequest for Trailed {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(Ok(Self(Trail::of(request))))
    }
}
