//! `GET reports/gst/`: what the return GSTR-1 asks for (CGST Rules, rule 59, form GSTR-1).
//!
//! - [`rows`]: its tables; - [`read`]: the rows of the database; [`summary`]: pure, from those to the tables.

pub mod read;
pub mod rows;
pub mod summary;

use actix_web::{HttpRequest, HttpResponse, get, web};
use auth::Permit;
use auth::permissions::BooksRead;
use chassis::fields::Day;
use chassis::problem::Problem;
use chassis::strict_json::{Faults, StrictQuery};
use deserr::Deserr;

use self::rows::GstReport;
use super::format;
use super::period::Period;
use crate::app::App;

/// The parameters of the report.
#[derive(Clone, Debug, Deserr)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Parameters {
    #[deserr(default)]
    month: Option<String>,
    #[deserr(default)]
    start_date: Option<Day>,
    #[deserr(default)]
    end_date: Option<Day>,
}

impl Parameters {
    /// The report that they ask for.
    ///
    /// # Errors
    /// 400 with every fault.
    pub fn report(self) -> Result<Gst, Problem> {
        Ok(Gst { period: self.period()? })
    }

    /// The month, or the days where no month is given.
    fn period(self) -> Result<Period, Problem> {
        match (self.month, self.start_date, self.end_date) {
            (Some(month), None, None) => {
                Period::month(&month).map_err(|fault| Problem::bad_request(Faults(vec![fault.at("month")])))
            }
            (Some(_), ..) => Err(Problem::invalid("month", "not_both", "is given, and days beside it")),
            (None, None, None) => Err(Problem::invalid("month", "required", "is required, or start_date and end_date")),
            (None, start, end) => Period::of(start, end),
        }
    }
}

/// What the GST return of a month asks for, in the shape of GSTR-1: supplies to registered recipients, large and other supplies
/// to others, nil-rated and exempt supplies, credit notes, the summaries by HSN and SAC (B2B and B2C apart, as since the return
/// of May 2025), and the documents' series.
///
/// A credit note stands in the return of its own date, and an invoice that it undoes stays in that of the invoice's: the report
/// of a month that is over does not change any more.
///
/// The tables of advances that bear tax (11A, 11B) are not there, for no such advance is taken; the vouchers' series are. A
/// document counts on its date in India. Amounts are those of the invoices' lines, and agree with the books. Instead of a
/// month, days can be asked for, at most 366.
#[utoipa::path(
    tag = "billing",
    params(
        ("month" = Option<String>, Query, description = "as YYYY-MM"),
        ("start_date" = Option<chrono::NaiveDate>, Query, description = "instead of a month: from this day on"),
        ("end_date" = Option<chrono::NaiveDate>, Query, description = "up to this day"),
    ),
    responses(
        (status = 200, description = "the report: JSON, or as Accept asks", content(
            (GstReport = "application/json"), (String = "text/csv"), (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        )),
        (status = 400, description = "faults, all at once; more documents than an answer holds"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not"),
    )
)]
#[get("/api/billing/reports/gst/")]
pub async fn gst(
    permit: Permit<BooksRead>,
    parameters: StrictQuery<Parameters>,
    app: web::Data<App>,
    http: HttpRequest,
) -> Result<HttpResponse, Problem> {
    format::answer(&http, &app, &permit.actor, &parameters.0.report()?).await
}

/// The return, as it is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Gst {
    period: Period,
}
