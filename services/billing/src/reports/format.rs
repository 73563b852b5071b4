//! In which format a report is answered: JSON, CSV or a workbook, as `Accept` asks.

use actix_web::http::header::{ACCEPT, CONTENT_DISPOSITION};
use actix_web::{HttpRequest, HttpResponse};
use auth::Actor;
use chassis::db;
use chassis::problem::Problem;
use diesel_async::AsyncConnection;

use super::Report;
use super::out::{Broken, Out};
use super::query::{ANSWERED_WITHIN, at_one_moment};
use crate::app::App;

/// A workbook's media type.
pub const WORKBOOK: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

chassis::words! {
    /// What a report is written as.
    pub enum Format {
        /// As everything else.
        Json = "json",
        /// Comma-separated values.
        Csv = "csv",
        /// A workbook.
        Workbook = "xlsx",
    }
}

impl Format {
    /// The first that `Accept` names and that there is; JSON where it names none.
    pub fn asked(request: &HttpRequest) -> Self {
        let accept = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let named = accept.split(',').map(|range| range.split(';').next().unwrap_or_default().trim());
        named.filter_map(Self::named).next().unwrap_or(Self::Json)
    }

    fn named(media: &str) -> Option<Self> {
        match media.to_ascii_lowercase().as_str() {
            "application/json" => Some(Self::Json),
            "text/csv" => Some(Self::Csv),
            WORKBOOK => Some(Self::Workbook),
            _ => None,
        }
    }

    /// Its media type.
    pub const fn media(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Workbook => WORKBOOK,
        }
    }
}

/// Reads a report at one moment, and answers it in the format that was asked for.
///
/// # Errors
/// 400 where it has more rows than an answer holds; from the database; when it cannot be written.
pub async fn answer(
    request: &HttpRequest,
    app: &App,
    actor: &Actor,
    report: &impl Report,
) -> Result<HttpResponse, Problem> {
    let format = Format::asked(request);
    let mut out = Out::held(format, report.tables());
    let mut conn = db::get(&app.db).await?;
    conn.transaction::<_, Broken, _>(async |conn| {
        at_one_moment(conn, ANSWERED_WITHIN).await?;
        report.tell(conn, &mut out).await
    })
    .await?;
    drop(conn);
    let told = out.finish().await?;
    actor.trail.shows(told.patients);
    let mut response = HttpResponse::Ok();
    response.insert_header(("cache-control", "private, no-store")).insert_header(("vary", "accept"));
    if format != Format::Json {
        let attached = format!("attachment; filename=\"{}.{}\"", report.name(), format.as_str());
        response.insert_header((CONTENT_DISPOSITION, attached));
    }
    Ok(response.content_type(format.media()).body(told.bytes))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::as_conversions)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_first_known_one_that_is_asked_for() {
        for (accept, format) in [
            ("", Format::Json),
            ("*/*", Format::Json),
            ("text/csv", Format::Csv),
            ("Text/CSV; charset=utf-8", Format::Csv),
            ("text/html, text/csv;q=0.9", Format::Csv),
            ("application/json, text/csv", Format::Json),
            (WORKBOOK, Format::Workbook),
            ("image/png", Format::Json),
        ] {
            let request = TestRequest::get().insert_header((ACCEPT, accept)).to_http_request();
            assert_eq!(Format::asked(&request), format, "{accept}");
        }
    }
}
