//! What callers send to sign in, and what they get.

use chassis::strict_json::{Fault, Faults};
use deserr::Deserr;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use utoipa::ToSchema;

use crate::mfa::input::MfaRequired;

/// Who signs in.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Login {
    /// Username or email, in any case.
    #[deserr(try_from(String) = login_name -> Fault)]
    #[schema(max_length = 254, example = "asha.rao")]
    pub username: String,
    /// The password.
    #[deserr(try_from(String) = presented_password -> Fault)]
    #[schema(value_type = String, format = Password, max_length = 1024)]
    pub password: SecretString,
}

/// What renews a session.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Refresh {
    /// The refresh token of the last answer.
    #[deserr(try_from(String) = secret -> Fault)]
    #[schema(value_type = String)]
    pub refresh: SecretString,
}

/// A session's tokens.
#[derive(Serialize, ToSchema)]
pub struct TokenPair {
    /// Send it as `Authorization: Bearer`; lives an hour.
    pub access: String,
    /// Works once, within a day.
    pub refresh: String,
}

/// What a right password gives.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum SignedIn {
    /// The session's tokens.
    Tokens(TokenPair),
    /// The account has a second factor, or must have one.
    MfaRequired(MfaRequired),
}

/// Anything that could be one: whether it is, only the answer of the whole says.
fn login_name(text: String) -> Result<String, Fault> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err(Fault::new("required", "must not be empty")),
        1..=254 => Ok(text.to_owned()),
        _ => Err(Fault::new("too_long", "must have at most 254 characters")),
    }
}

/// Not held to the rules of new passwords: those may change, and an old one still signs in.
///
/// # Errors
/// `required` or `too_long`.
pub fn presented_password(text: String) -> Result<SecretString, Fault> {
    let password = SecretString::from(text);
    match password.expose_secret().chars().count() {
        0 => Err(Fault::new("required", "must not be empty")),
        1..=1024 => Ok(password),
        _ => Err(Fault::new("too_long", "must have at most 1024 characters")),
    }
}

fn secret(text: String) -> Result<SecretString, Fault> {
    Ok(SecretString::from(text))
}
