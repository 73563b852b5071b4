//! In which format a report is answered: JSON, CSV or a workbook, as `Accept` asks.

use actix_web::http::header::{ACCEPT, CONTENT_DISPOSITION};
use actix_web::{HttpRequest, HttpResponse};
use chassis::problem::Problem;

use super::table::Report;
use super::{csv, xlsx};

/// A workbook's media type.
pub const WORKBOOK: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// What a report is answered as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// As everything else.
    Json,
    /// `text/csv`.
    Csv,
    /// [`WORKBOOK`].
    Workbook,
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
}

/// The report in the format that was asked for.
///
/// # Errors
/// When a workbook cannot be written.
pub async fn answer(request: &HttpRequest, report: impl Report) -> Result<HttpResponse, Problem> {
    let file = report.file_name();
    let attached = |extension: &str| (CONTENT_DISPOSITION, format!("attachment; filename=\"{file}.{extension}\""));
    let mut response = HttpResponse::Ok();
    response.insert_header(("cache-control", "private, no-store")).insert_header(("vary", "accept"));
    match Format::asked(request) {
        Format::Json => Ok(response.json(report)),
        Format::Csv => {
            let text = csv::write(&report.tables());
            Ok(response.content_type("text/csv; charset=utf-8").insert_header(attached("csv")).body(text))
        }
        Format::Workbook => {
            let tables = report.tables();
            let written = tokio::task::spawn_blocking(move || xlsx::write(&tables)).await;
            let bytes = written.map_err(Problem::internal)?.map_err(Problem::internal)?;
            Ok(response.content_type(WORKBOOK).insert_header(attached("xlsx")).body(bytes))
        }
    }
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
