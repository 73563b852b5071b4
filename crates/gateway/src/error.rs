//! What the gateway itself has to complain of, whose fault it is, and how it is answered: the only place.

use actix_web::http::StatusCode;
use chassis::problem::Problem;

/// Whose fault it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The client's.
    Client,
    /// The service's behind the gateway.
    Upstream,
}

/// A request that the gateway could not pass on, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Path or framing can be read in two ways.
    #[error("ambiguous request: {0}")]
    Ambiguous(&'static str),
    /// The body is larger than the route allows.
    #[error("body over {0} bytes")]
    BodyTooLarge(u64),
    /// The client hung up within its body.
    #[error("the client's body broke off")]
    BodyBroken,
    /// The request came through this gateway before.
    #[error("loop")]
    Loop,
    /// No endpoint could be connected to.
    #[error("cannot connect to {cluster}")]
    Connect {
        /// The cluster.
        cluster: String,
        /// Why.
        #[source]
        cause: reqwest::Error,
    },
    /// No answer before the deadline.
    #[error("no answer from {cluster} in time")]
    Deadline {
        /// The cluster.
        cluster: String,
    },
    /// A pause within an answer that was too long.
    #[error("{cluster} stopped in the middle of its answer")]
    Stalled {
        /// The cluster.
        cluster: String,
    },
    /// The connection broke or spoke no HTTP.
    #[error("no answer from {cluster}")]
    Broken {
        /// The cluster.
        cluster: String,
        /// Why.
        #[source]
        cause: reqwest::Error,
    },
}

impl Error {
    /// Whose fault it was.
    pub const fn source_of(&self) -> Source {
        match self {
            Self::Ambiguous(_) | Self::BodyTooLarge(_) | Self::BodyBroken | Self::Loop => Source::Client,
            Self::Connect { .. } | Self::Deadline { .. } | Self::Stalled { .. } | Self::Broken { .. } => {
                Source::Upstream
            }
        }
    }

    /// Whether the request surely did nothing, so that anybody may send it again.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Connect { .. })
    }

    /// The metric's label.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Ambiguous(_) => "ambiguous",
            Self::BodyTooLarge(_) => "body_too_large",
            Self::BodyBroken => "body_broken",
            Self::Loop => "loop",
            Self::Connect { .. } => "connect",
            Self::Deadline { .. } => "deadline",
            Self::Stalled { .. } => "stalled",
            Self::Broken { .. } => "broken",
        }
    }

    /// Counts it, where the service is at fault.
    pub fn count(&self) {
        let (Self::Connect { cluster, .. }
        | Self::Deadline { cluster }
        | Self::Stalled { cluster }
        | Self::Broken { cluster, .. }) = self
        else {
            return;
        };
        let labels = [("cluster", cluster.clone()), ("kind", self.kind().to_owned())];
        metrics::counter!("gateway_upstream_errors_total", &labels).increment(1);
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        error.count();
        match error {
            Error::Ambiguous(what) => Self::invalid("", "ambiguous", what),
            Error::BodyTooLarge(limit) => Self::too_large(usize::try_from(limit).unwrap_or(usize::MAX)),
            Error::BodyBroken => Self::invalid("", "broken_body", "the body broke off"),
            Error::Loop => Self::new(StatusCode::LOOP_DETECTED, "The request came through this gateway before."),
            error @ Error::Connect { .. } => Self::unavailable("the service behind this address", error),
            error @ (Error::Deadline { .. } | Error::Stalled { .. }) => {
                Self::new(StatusCode::GATEWAY_TIMEOUT, "The service behind this address did not answer in time.")
                    .with_cause(error)
            }
            error @ Error::Broken { .. } => {
                Self::new(StatusCode::BAD_GATEWAY, "The service behind this address broke off.").with_cause(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blame_decides_the_status() {
        let cluster = || "books".to_owned();
        for (error, source, status) in [
            (Error::Ambiguous("x"), Source::Client, 400),
            (Error::BodyTooLarge(1), Source::Client, 413),
            (Error::BodyBroken, Source::Client, 400),
            (Error::Loop, Source::Client, 508),
            (Error::Deadline { cluster: cluster() }, Source::Upstream, 504),
            (Error::Stalled { cluster: cluster() }, Source::Upstream, 504),
        ] {
            assert_eq!(error.source_of(), source, "{error}");
            assert!(!error.is_retryable(), "{error}");
            assert_eq!(Problem::from(error).status().as_u16(), status);
        }
    }
}
