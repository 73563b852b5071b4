//! What an access token says.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Role;

/// The claims of an access token. Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who made the token.
    pub iss: String,
    /// Whom it is for.
    pub aud: String,
    /// The user's id, in digits.
    pub sub: String,
    /// The session; it outlives the token, through refreshes.
    pub sid: Uuid,
    /// The user's role when the token was made.
    pub role: Role,
    /// When it was made.
    pub iat: i64,
    /// When it ends.
    pub exp: i64,
    /// This token's own id.
    pub jti: Uuid,
}

impl Claims {
    /// Claims of a new token with an id of its own.
    #[must_use]
    pub fn new(issued: &Issued<'_>, user_id: i64, role: Role, session: Uuid) -> Self {
        Self {
            iss: issued.issuer.to_owned(),
            aud: issued.audience.to_owned(),
            sub: user_id.to_string(),
            sid: session,
            role,
            iat: issued.at.timestamp(),
            exp: issued.at.checked_add_signed(issued.lifetime).unwrap_or(issued.at).timestamp(),
            jti: Uuid::new_v4(),
        }
    }

    /// The user's id; `None` where `sub` is no positive number.
    #[must_use]
    pub fn user_id(&self) -> Option<i64> {
        self.sub.parse().ok().filter(|id| *id > 0)
    }
}

/// By whom, for whom, when and for how long a token is made.
#[derive(Debug, Clone, Copy)]
pub struct Issued<'a> {
    /// Becomes `iss`.
    pub issuer: &'a str,
    /// Becomes `aud`.
    pub audience: &'a str,
    /// Becomes `iat`.
    pub at: DateTime<Utc>,
    /// `exp` less `iat`.
    pub lifetime: Duration,
}
