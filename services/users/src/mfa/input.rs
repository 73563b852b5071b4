//! What callers send for their second factor, and what they get.

use chassis::strict_json::{Fault, Faults};
use deserr::Deserr;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use utoipa::ToSchema;

use super::base32;

/// What begins an enrolment; nothing where the caller is signed in.
#[derive(Debug, Default, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Enable {
    /// From a sign-in that answered `mfa_enrolment_required`.
    #[deserr(default, try_from(Option<String>) = optional_secret -> Fault)]
    #[schema(value_type = Option<String>)]
    pub mfa_token: Option<SecretString>,
}

/// A code, and with it the token of the sign-in that wants one.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Verify {
    /// From the sign-in; left out by who is signed in and turns MFA on.
    #[deserr(default, try_from(Option<String>) = optional_secret -> Fault)]
    #[schema(value_type = Option<String>)]
    pub mfa_token: Option<SecretString>,
    /// Six digits from the app, or at sign-in a recovery code.
    #[deserr(try_from(String) = presented_code -> Fault)]
    #[schema(value_type = String, max_length = 64, example = "123456")]
    pub code: Presented,
}

/// What turns MFA off.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Disable {
    /// The account's password.
    #[deserr(try_from(String) = presented_password -> Fault)]
    #[schema(value_type = String, format = Password, max_length = 1024)]
    pub password: SecretString,
    /// Six digits from the app, or a recovery code.
    #[deserr(try_from(String) = presented_code -> Fault)]
    #[schema(value_type = String, max_length = 64, example = "123456")]
    pub code: Presented,
}

/// What somebody typed for a code, spaces and dashes left out.
#[derive(Debug)]
pub enum Presented {
    /// Six digits.
    Totp(SecretString),
    /// Letters and digits of a recovery code.
    Recovery(SecretString),
    /// Neither: wrong, whatever the account's codes are.
    Neither,
}

/// A sign-in that wants a second factor.
#[derive(Serialize, ToSchema)]
pub struct MfaRequired {
    /// True.
    pub mfa_required: bool,
    /// True where the account has none yet and its role must: `mfa/enable/` and `mfa/verify/` take the token.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub mfa_enrolment_required: bool,
    /// Good for `mfa/verify/`, for five minutes and five attempts.
    pub mfa_token: String,
}

/// A new second factor, not in force before a code of it was verified.
#[derive(Serialize, ToSchema)]
pub struct Enrolment {
    /// For those who type it, in base32.
    pub secret: String,
    /// For apps on the same device.
    pub otpauth_url: String,
    /// For apps that scan it: a `data:image/png` URL.
    pub qr_code: String,
}

/// What a right code gives.
#[derive(Default, Serialize, ToSchema)]
pub struct Verified {
    /// Shown once: when MFA was turned on. Each replaces one code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovery_codes: Option<Vec<String>>,
    /// At sign-in. Send it as `Authorization: Bearer`; lives an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<String>,
    /// At sign-in. Works once, within a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh: Option<String>,
}

fn optional_secret(text: Option<String>) -> Result<Option<SecretString>, Fault> {
    Ok(text.map(SecretString::from))
}

fn presented_password(text: String) -> Result<SecretString, Fault> {
    bounded(text, 1024).map(SecretString::from)
}

fn presented_code(text: String) -> Result<Presented, Fault> {
    let text = SecretString::from(bounded(text, 64)?);
    let bare = text.expose_secret().chars().filter(|c| !c.is_whitespace() && *c != '-');
    let bare: String = bare.map(|c| c.to_ascii_uppercase()).collect();
    Ok(if bare.len() == 6 && bare.bytes().all(|c| c.is_ascii_digit()) {
        Presented::Totp(bare.into())
    } else if bare.len() == super::recovery::LENGTH && bare.chars().all(base32::is_letter) {
        Presented::Recovery(bare.into())
    } else {
        Presented::Neither
    })
}

fn bounded(text: String, most: usize) -> Result<String, Fault> {
    match text.chars().count() {
        0 => Err(Fault::new("required", "must not be empty")),
        length if length <= most => Ok(text),
        _ => Err(Fault::new("too_long", format!("must have at most {most} characters"))),
    }
}
