//! Listing and searching patients.

pub mod filing;
pub mod plan;
pub mod query;
pub mod ranked;
pub mod sound;
pub mod statement;
mod text;
pub mod tiers;
pub mod words;

use actix_web::{HttpRequest, get, web};
use auth::Permit;
use auth::permissions::PatientRead;
use chassis::db;
use chassis::page::{self, Count, Page, PageRequest};
use chassis::problem::Problem;
use chassis::strict_json::{Fault, Faults, StrictQuery, from_str};
use chrono::NaiveDate;
use deserr::Deserr;
use diesel::QueryResult;
use diesel_async::AsyncPgConnection;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use self::query::{Filters, Found, Key, Ordering};
use crate::access::Scope;
use crate::app::App;
use crate::break_glass::BreakGlass;
use crate::fields::birth_date::calendar_date;
use crate::fields::lists::Gender;
use crate::patient::Shown;

/// What a list can be asked for.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListParams {
    /// Words in any order, each whole or a part, in any case and with or without accents, over first name, last name,
    /// `patient_id`, email and phone (in any notation). The best match comes first: whole words, then those that begin so,
    /// then parts of words. Words of one or two characters match the beginnings of words only. After them, with `match`
    /// `SIMILAR`, come names that sound so (`Laxmi`, `Lakshmi`) or have the initial of one of several words (`R Lakshmi` for
    /// `Raman Lakshmi`). Where more than 100 patients match by the beginnings of several words, parts are not looked for, and
    /// where more than 100 match as written, similar names are not. The `patient_id` of a record that was merged finds the survivor.
    /// A `patient_id` is found by its beginning, with or without the zeros before it. An e-mail address is found whole, by any part
    /// that has its @, and by any part of its host and of the words in it beyond the name; where at most 100 match otherwise,
    /// also by four digits of it, by letters with digits, and, beside words of a name, by four letters of its host or of such a
    /// word. By any other part of either a patient is found where nobody matches otherwise.
    /// Of more than eight words, the first eight are looked for. Who is not shown e-mail addresses finds nobody by theirs.
    #[deserr(default, try_from(Option<String>) = search_words -> Fault)]
    #[param(value_type = Option<String>, max_length = 200)]
    search: Vec<String>,
    /// `MALE`, `FEMALE`, `OTHER` or `UNKNOWN`.
    #[deserr(default)]
    gender: Option<Gender>,
    /// `true` or `false`.
    #[deserr(default, try_from(Option<String>) = flag_of -> Fault)]
    is_active: Option<bool>,
    /// A doctor's user id.
    #[deserr(default, try_from(Option<String>) = id_of -> Fault)]
    primary_doctor: Option<i64>,
    /// `YYYY-MM-DD`.
    #[deserr(default, try_from(Option<String>) = date_of -> Fault)]
    date_of_birth: Option<NaiveDate>,
    /// `id`, `created_at`, `updated_at`, `last_name` or `date_of_birth`, with `-` before it for the reverse. Without it: the
    /// best match, or else the newest first.
    #[deserr(default, try_from(Option<String>) = order_named -> Fault)]
    #[param(value_type = Option<String>)]
    ordering: Option<Ordering>,
    /// From 1.
    #[deserr(default, try_from(Option<String>) = number_of -> Fault)]
    page: Option<u64>,
    /// 1 to 100; 20 when absent.
    #[deserr(default, try_from(Option<String>) = number_of -> Fault)]
    page_size: Option<u64>,
    /// From `next` or `previous`; carries the filters.
    #[deserr(default)]
    cursor: Option<String>,
}

/// List and search patients, as far as the caller may see them.
///
/// By break-glass a doctor or nurse searches beyond their care: with at least one word of three characters. The search
/// shows demographics and opens no record; each patient beyond their care that it shows is named in its review.
#[utoipa::path(tag = "patients", params(ListParams,
        ("X-Break-Glass" = Option<String>, Header, description = "why a doctor or nurse searches beyond their care, at least 10 characters; is reviewed")),
    responses((status = 200, body = Page<Listed>),
    (status = 400, description = "unknown or faulty parameters, all at once"),
    (status = 403, description = "this role may not, or may not use this filter")))]
#[get("/api/patients/")]
pub async fn list(
    permit: Permit<PatientRead>,
    StrictQuery(params): StrictQuery<ListParams>,
    break_glass: BreakGlass,
    http: HttpRequest,
    app: web::Data<App>,
) -> Result<web::Json<Page<Listed>>, Problem> {
    let scope = Scope::of(&permit);
    let request = page::request(&app.cursor_key, params.filters(), params.page, params.page_size, params.cursor)?;
    refuse_hidden(&scope, &request.filters)?;
    let searched = break_glass.widen(&scope, &request.filters.words)?;

    let mut conn = db::get(&app.db).await?;
    let (rows, count) = find(&mut conn, &searched, &request).await?;
    let page = page::answer(&http, &app.cursor_key, &request, rows, count, |row| row.position.clone())?;
    let Page { count, count_is_estimate, next, previous, results } = page;
    let shown: Vec<i64> = results.iter().map(|found| found.patient.id).collect();
    permit.actor.trail.shows(shown.iter().copied());
    break_glass.record_search(&mut conn, &app, &permit, &shown).await?;
    let is_search = !request.filters.words.is_empty();
    let results = results.into_iter().map(|found| Listed::of(found, &scope, is_search)).collect();
    Ok(web::Json(Page { count, count_is_estimate, next, previous, results }))
}

/// The rows of a page, one more than it has, and how many there are in all.
async fn find(
    conn: &mut AsyncPgConnection,
    scope: &Scope,
    request: &PageRequest<Filters>,
) -> QueryResult<(Vec<Found>, Count)> {
    let filters = &request.filters;
    if filters.words.iter().any(|word| !word.contains(char::is_alphanumeric)) {
        return Ok((Vec::new(), Count { rows: 0, estimated: false }));
    }
    let (by, (rows, count)) = match ranked::page(conn, scope, request).await? {
        Some(answer) => ("words", answer),
        None => ("text", (query::rows(conn, scope, request).await?, query::count(conn, scope, filters).await?)),
    };
    if !filters.words.is_empty() {
        let found = match rows.first() {
            None => "nobody",
            Some(best) if best.is_similar => "similar",
            Some(_) => "exact",
        };
        metrics::counter!("search_total", "by" => by, "found" => found).increment(1);
    }
    Ok((rows, count))
}

/// A patient on a list.
#[derive(Clone, Serialize, ToSchema)]
pub struct Listed {
    /// The patient.
    #[serde(flatten)]
    pub patient: Shown,
    /// How a search found them; absent where nothing was searched.
    #[serde(rename = "match", skip_serializing_if = "Option::is_none")]
    pub matched: Option<Match>,
}

/// How a search found somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Match {
    /// By what is written.
    Exact,
    /// By a name that sounds so, or by an initial.
    Similar,
}

impl Listed {
    fn of(found: Found, scope: &Scope, is_search: bool) -> Self {
        let matched = if found.is_similar { Match::Similar } else { Match::Exact };
        Self { patient: found.patient.shown(scope), matched: is_search.then_some(matched) }
    }
}

impl ListParams {
    fn filters(&self) -> Filters {
        Filters {
            words: self.search.clone(),
            gender: self.gender.map(|gender| gender.as_str().to_owned()),
            is_active: self.is_active,
            primary_doctor: self.primary_doctor,
            date_of_birth: self.date_of_birth,
            ordering: self.ordering,
        }
    }
}

/// A filter on what a caller is not shown would show it.
fn refuse_hidden(scope: &Scope, filters: &Filters) -> Result<(), Problem> {
    let by_birth = filters.ordering.is_some_and(|ordering| ordering.by == Key::Birth);
    let hidden =
        filters.gender.is_some() || filters.primary_doctor.is_some() || filters.date_of_birth.is_some() || by_birth;
    if hidden && !scope.shows_details() {
        return Err(Problem::forbidden("Your role does not see what this filter is on."));
    }
    Ok(())
}

fn search_words(text: Option<String>) -> Result<Vec<String>, Fault> {
    let text = text.unwrap_or_default();
    if text.chars().count() > 200 {
        return Err(Fault::new("too_long", "must have at most 200 characters"));
    }
    let words = words::of(&text);
    // Nothing but punctuation is a word that nobody has, not the wish for everybody.
    if words.is_empty() && !text.trim().is_empty() { Ok(vec![text.trim().to_owned()]) } else { Ok(words) }
}

fn flag_of(text: Option<String>) -> Result<Option<bool>, Fault> {
    match text.as_deref().map(str::to_ascii_lowercase).as_deref() {
        None => Ok(None),
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some(_) => Err(Fault::new("invalid", "must be true or false")),
    }
}

fn id_of(text: Option<String>) -> Result<Option<i64>, Fault> {
    crate::fields::optional_id(text.map(from_str::<i64>).transpose()?)
}

fn number_of(text: Option<String>) -> Result<Option<u64>, Fault> {
    text.map(from_str::<u64>).transpose()
}

fn date_of(text: Option<String>) -> Result<Option<NaiveDate>, Fault> {
    let read = |text: String| {
        calendar_date(&text).ok_or_else(|| Fault::new("invalid_date", "must be a date that exists, as YYYY-MM-DD"))
    };
    text.map(read).transpose()
}

fn order_named(text: Option<String>) -> Result<Option<Ordering>, Fault> {
    let Some(text) = text else { return Ok(None) };
    let by = match text.strip_prefix('-').unwrap_or(&text) {
        "id" | "created_at" => Key::Id,
        "updated_at" => Key::Update,
        "last_name" => Key::Name,
        "date_of_birth" => Key::Birth,
        _ => {
            return Err(Fault::new(
                "unknown_value",
                "must be one of id, created_at, updated_at, last_name, date_of_birth, with or without -",
            ));
        }
    };
    Ok(Some(Ordering { by, rising: !text.starts_with('-') }))
}
