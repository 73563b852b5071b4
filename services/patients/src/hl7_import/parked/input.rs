//! What may be sent about parked messages.

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use actix_web::{FromRequest, HttpRequest};
use chassis::fields::number;
use chassis::problem::Problem;
use chassis::strict_json::{Fault, Faults, Strict, digest};
use chassis::text::Line;
use deserr::Deserr;
use futures_util::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::fields::aadhaar;

chassis::words! {
    /// What became of a parked message.
    pub enum Resolution {
        /// It was applied, as it was or with another text.
        Replayed = "REPLAYED",
        /// It is not to be applied.
        Discarded = "DISCARDED",
    }
}

/// Which parked messages are asked for.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListParams {
    /// `REPLAYED` or `DISCARDED`: those that nobody has to look at any more.
    #[deserr(default)]
    #[param(inline)]
    resolution: Option<Resolution>,
    /// From 1.
    #[deserr(default, try_from(Option<String>) = number -> Fault)]
    pub(super) page: Option<u64>,
    /// 1 to 100; 20 when absent.
    #[deserr(default, try_from(Option<String>) = number -> Fault)]
    pub(super) page_size: Option<u64>,
    /// From `next` or `previous`.
    #[deserr(default)]
    pub(super) cursor: Option<String>,
}

/// What narrows the list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Filters {
    /// Those with this resolution; without it those that wait.
    pub resolution: Option<Resolution>,
}

impl ListParams {
    pub(super) fn filters(&self) -> Filters {
        Filters { resolution: self.resolution }
    }
}

/// Why a message is not to be applied.
#[derive(Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct DiscardInput {
    /// In a few words, at least three characters.
    #[deserr(try_from(Line<300>) = said_why -> Fault)]
    #[schema(value_type = String, min_length = 3, max_length = 300)]
    pub(super) reason: String,
}

fn said_why(line: Line<300>) -> Result<String, Fault> {
    if line.chars().count() < 3 {
        return Err(Fault::new("too_short", "must say why, in at least three characters"));
    }
    if aadhaar::is_within(&line) { Err(aadhaar::refused()) } else { Ok(line.into_inner()) }
}

/// With what a message is to be applied.
#[derive(Default, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct ReplayInput {
    /// The message, mended; without it, the message as it came, once what it lacked is there.
    #[deserr(default)]
    pub(super) message: Option<String>,
}

/// A body that may be left out.
pub struct MayBeEmpty {
    /// What it says.
    pub value: ReplayInput,
    /// SHA-256 of its bytes.
    pub digest: [u8; 32],
}

impl FromRequest for MayBeEmpty {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let headers = request.headers();
        let length = headers.get(CONTENT_LENGTH).map_or("0", |value| value.to_str().unwrap_or_default());
        if length == "0"
            && !headers.contains_key(TRANSFER_ENCODING)
            && request.head().version < actix_web::http::Version::HTTP_2
        {
            let nothing = Self { value: ReplayInput::default(), digest: digest(b"") };
            return Box::pin(async move { Ok(nothing) });
        }
        let body = Strict::<ReplayInput>::from_request(request, payload);
        Box::pin(async move {
            let Strict { value, digest } = body.await?;
            Ok(Self { value, digest })
        })
    }
}
