//! What can go wrong with the store, in words that a caller can act upon.

use std::error::Error as StdError;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

type Cause = Box<dyn StdError + Send + Sync>;

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// There is no such object.
    #[error("there is no such object")]
    NotFound,
    /// It does not answer, or not in time, or is busy: try later.
    #[error("the object store is away")]
    Unavailable(#[source] Cause),
    /// It does not let us, or does not understand us: trying again is of no use.
    #[error("the object store refuses")]
    Refused(#[source] Cause),
}

/// The store's own code of an error; it names no object.
#[derive(Debug, thiserror::Error)]
#[error("status {status}, {code}")]
struct Told {
    status: u16,
    code: String,
}

impl Fault {
    /// Whether it may go well later.
    pub const fn passes(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    pub(crate) const fn outcome(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Unavailable(_) => "unavailable",
            Self::Refused(_) => "refused",
        }
    }
}

impl<E> From<SdkError<E, HttpResponse>> for Fault
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    fn from(error: SdkError<E, HttpResponse>) -> Self {
        let SdkError::ServiceError(answer) = &error else {
            return match error {
                SdkError::ConstructionFailure(_) => Self::Refused(error.into()),
                _ => Self::Unavailable(error.into()),
            };
        };
        let (status, code) = (answer.raw().status().as_u16(), answer.err().code().unwrap_or_default());
        let told = Told { status, code: code.to_owned() };
        match (status, code) {
            (404, "NoSuchBucket") => Self::Refused(told.into()),
            (404, _) => Self::NotFound,
            (429 | 500..=599, _) | (_, "RequestTimeout" | "SlowDown") => Self::Unavailable(told.into()),
            _ => Self::Refused(told.into()),
        }
    }
}
