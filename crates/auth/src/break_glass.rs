//! `X-Break-Glass`: the reason for which a doctor or nurse goes beyond their care. The patients service grants it; others pass
//! it on ([`Owner::ask_beyond_care`](crate::Owner::ask_beyond_care)).

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use chassis::aadhaar;
use chassis::problem::Problem;
use chassis::strict_json::{Fault, Faults};
use chassis::text::Line;

/// The header's name.
pub const HEADER: &str = "x-break-glass";
const SHORTEST: usize = 10;
const LONGEST: usize = 500;

/// The reason in the request's `X-Break-Glass`, if it has one: a line of 10 to 500 characters without an Aadhaar number, or the
/// request is 400.
#[derive(Clone, Debug, Default)]
pub struct BreakGlass(Option<String>);

impl BreakGlass {
    /// The reason.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl FromRequest for BreakGlass {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let mut values = request.headers().get_all(HEADER);
        let given = match (values.next(), values.next()) {
            (None, _) => Ok(Self(None)),
            (Some(_), Some(_)) => Err(Fault::new("repeated", "is given more than once")),
            (Some(value), None) => std::str::from_utf8(value.as_bytes())
                .map_err(|_fault| Fault::new("invalid", "is not UTF-8"))
                .and_then(line)
                .map(|reason| Self(Some(reason))),
        };
        ready(given.map_err(|fault| Problem::bad_request(Faults(vec![fault.at("X-Break-Glass")]))))
    }
}

fn line(text: &str) -> Result<String, Fault> {
    let reason = Line::<LONGEST>::new(text)?.into_inner();
    if reason.chars().count() < SHORTEST {
        return Err(Fault::new("too_short", format!("must have at least {SHORTEST} characters")));
    }
    // It is kept where nothing is ever changed: in grants, and in audit logs.
    if aadhaar::is_within(&reason) { Err(aadhaar::refused()) } else { Ok(reason) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_a_line_of_some_length_and_no_aadhaar_number() {
        assert_eq!(line(" Unconscious in casualty ").unwrap(), "Unconscious in casualty");
        for (text, code) in [
            ("short", "too_short"),
            ("Unconscious\nin casualty", "control_character"),
            ("Card of 2341 2341 2346 found", "aadhaar"),
            ("Card of 2341/2341/2346 found", "aadhaar"),
            ("२३४१२३४१२३४६", "aadhaar"),
        ] {
            assert_eq!(line(text).unwrap_err().code, code, "{text}");
        }
    }
}
