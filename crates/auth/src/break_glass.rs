//! `X-Break-Glass`: the reason for which a doctor or nurse goes beyond their care. The patients service grants it; others pass
//! it on ([`Owner::ask_beyond_care`](crate::Owner::ask_beyond_care)).

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use chassis::problem::Problem;
use chassis::strict_json::{Fault, Faults};
use chassis::text::Line;

/// The header's name.
pub const HEADER: &str = "x-break-glass";
const SHORTEST: usize = 10;
const LONGEST: usize = 500;

/// The reason in the request's `X-Break-Glass`, if it has one: a line of 10 to 500 characters, or the request is 400.
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
    Ok(reason)
}
