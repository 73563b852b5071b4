//! Who may be somebody who is there already: candidates by what has an index, and a score of each that says why.

pub mod score;

use std::cmp::Reverse;

use actix_web::{get, web};
use auth::Permit;
use auth::permissions::PatientDuplicates;
use chassis::db;
use chassis::page::Page;
use chassis::phi::Phi;
use chassis::problem::Problem;
use chassis::strict_json::{Fault, Faults, StrictQuery, from_str};
use deserr::Deserr;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Float, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use self::score::{Score, Weighed, score};
use crate::access::{Scope, visible_to};
use crate::app::App;
use crate::break_glass::BreakGlass;
use crate::error::Error;
use crate::patient::{Facts, Patient, Shown};
use crate::schema::patients;
use crate::search::ranked::name_words;
use crate::search::sound;
use crate::search::statement::{Condition, Statement};

/// Scores from here on are told to whoever registers somebody.
pub const TOLD: i32 = 70;
/// Scores from here on are shown to whoever asks, unless they say otherwise.
const SHOWN: i32 = 50;
/// Candidates that are scored at most, for each thing by which they are found.
const CANDIDATES: i64 = 100;
/// Ways to write a word that sounds so, of which candidates are taken.
const SPELLINGS: i64 = 50;
/// Duplicates that are told at most.
const AT_MOST: usize = 20;
/// How many have a phone number is counted up to here.
const SHARING: i64 = 10;

/// Which duplicates are asked for.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DuplicatesParams {
    /// 1 to 100; those with a lower score are left out. 50 when absent.
    #[deserr(default, try_from(Option<String>) = score_of -> Fault)]
    #[param(value_type = Option<i64>, minimum = 1, maximum = 100)]
    min_score: Option<i32>,
}

/// Somebody who may be the same person.
#[derive(Serialize, ToSchema)]
pub struct Duplicate {
    /// Who.
    pub patient: Shown,
    /// 0 to 100: the sum of the reasons' weights, kept within.
    pub score: i32,
    /// Why, the weightiest first.
    pub reasons: Vec<Weighed>,
}

/// List the patients who may be the same person as this one, the likeliest first.
///
/// Of those that the caller may know of, at most 20 on the one page. A name, a birthday or a phone alone is never enough, and a
/// phone that several people have says little. From 70 on they are told at registration too (`possible_duplicates`).
#[utoipa::path(tag = "merges", params(("id" = i64, Path), DuplicatesParams,
        ("X-Break-Glass" = Option<String>, Header, description = "why a doctor or nurse goes beyond their care, at least 10 characters: opens this record for an hour, and is reviewed")),
    responses((status = 200, body = Page<Duplicate>), (status = 400, description = "unknown or faulty parameters"),
        (status = 403, description = "this role may not"), (status = 404, description = "not there, or not for the caller to know of")))]
#[get("/api/patients/{id}/duplicates/")]
pub async fn list(
    permit: Permit<PatientDuplicates>,
    id: web::Path<i64>,
    StrictQuery(params): StrictQuery<DuplicatesParams>,
    break_glass: BreakGlass,
    app: web::Data<App>,
) -> Result<web::Json<Page<Duplicate>>, Problem> {
    let scope = break_glass.open(&app, &permit, *id).await?;
    let mut conn = db::get(&app.db).await?;
    let patient = Patient::find(&mut conn, &scope, *id).await.map_err(Error::from)?;
    let least = params.min_score.unwrap_or(SHOWN);
    let found = alike(&mut conn, &scope, &patient.facts, Some(patient.id), least).await?;
    permit.actor.trail.shows(std::iter::once(patient.id).chain(found.iter().map(|(other, _)| other.id)));
    let results: Vec<Duplicate> = found
        .into_iter()
        .map(|(other, Score { total, reasons })| Duplicate { patient: other.shown(&scope), score: total, reasons })
        .collect();
    let count = i64::try_from(results.len()).unwrap_or_default();
    Ok(web::Json(Page { count, count_is_estimate: false, next: None, previous: None, results }))
}

/// Ids of the visible patients that somebody new may be, the likeliest first.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn possible(conn: &mut AsyncPgConnection, scope: &Scope, facts: &Facts) -> QueryResult<Vec<i64>> {
    Ok(alike(conn, scope, facts, None, TOLD).await?.into_iter().map(|(patient, _)| patient.id).collect())
}

/// The visible patients besides `own` whose score is at least so high, the likeliest first.
async fn alike(
    conn: &mut AsyncPgConnection,
    scope: &Scope,
    facts: &Facts,
    own: Option<i64>,
    least: i32,
) -> QueryResult<Vec<(Patient, Score)>> {
    let sharing = sharing(conn, facts.phone.as_ref(), own).await?;
    let mut found: Vec<(Patient, Score)> = candidates(conn, scope, facts)
        .await?
        .into_iter()
        .filter(|candidate| Some(candidate.id) != own)
        .map(|candidate| {
            let score = score(facts, &candidate.facts, sharing.saturating_sub(1));
            (candidate, score)
        })
        .filter(|(_, score)| score.total >= least)
        .collect();
    found.sort_by(|(one, higher), (other, lower)| (lower.total, one.id).cmp(&(higher.total, other.id)));
    found.truncate(AT_MOST);
    Ok(found)
}

/// How many have the phone number besides `own`, whoever may see them.
async fn sharing(conn: &mut AsyncPgConnection, phone: Option<&Phi<String>>, own: Option<i64>) -> QueryResult<usize> {
    let Some(phone) = phone else { return Ok(0) };
    let all = patients::table.filter(patients::phone.eq(phone)).filter(patients::merged_into.is_null());
    let ids: Vec<i64> = all.select(patients::id).limit(SHARING).load(conn).await?;
    Ok(ids.into_iter().filter(|id| Some(*id) != own).count())
}

/// Whoever has an ABHA number or address, a phone, an e-mail address, a birthday or a whole name in common, or a name that sounds
/// so. Each has an index; of all born on one day (and much of the country is born on 1 January) those whose names come nearest.
async fn candidates(conn: &mut AsyncPgConnection, scope: &Scope, facts: &Facts) -> QueryResult<Vec<Patient>> {
    let mut found: Vec<Patient> = Vec::new();
    let visible = || visible_to(scope).select(Patient::as_select()).limit(CANDIDATES);
    if let Some(number) = &facts.abha_number {
        found.extend(visible().filter(patients::abha_number.eq(number.clone())).load(conn).await?);
    }
    if let Some(address) = &facts.abha_address {
        found.extend(visible().filter(patients::abha_address.eq(address.clone())).load(conn).await?);
    }
    if let Some(email) = &facts.email {
        found.extend(visible().filter(patients::email.eq(email.clone())).load(conn).await?);
    }
    if let Some(phone) = &facts.phone {
        found.extend(visible().filter(patients::phone.eq(phone.clone())).load(conn).await?);
    }
    let name = format!("{} {}", facts.last_name.expose(), facts.first_name.expose());
    if let Some(date) = facts.date_of_birth {
        let days = [Some(date), score::swapped(date)].into_iter().flatten();
        let nearest =
            sql::<Float>("extensions.similarity(patients.sort_name, fold_name(").bind::<Text, _>(name).sql("))");
        let born = visible().filter(patients::date_of_birth.eq_any(days.collect::<Vec<_>>()));
        found.extend(born.order((nearest.desc(), patients::id)).load(conn).await?);
    }
    let (last, first) = (facts.last_name.expose().clone(), facts.first_name.expose().clone());
    let whole =
        sql::<Text>("fold_name(").bind::<Text, _>(last).sql(") || ' ' || fold_name(").bind::<Text, _>(first).sql(")");
    found.extend(visible().filter(patients::sort_name.eq(whole)).load(conn).await?);
    found.extend(sounding(conn, scope, facts).await?);
    found.sort_by_key(|patient| patient.id);
    found.dedup_by_key(|patient| patient.id);
    Ok(found)
}

/// Whoever has a name with two words that sound like the two longest of this one, in whatever order; of a single word, a name that
/// is one such word.
async fn sounding(conn: &mut AsyncPgConnection, scope: &Scope, facts: &Facts) -> QueryResult<Vec<Patient>> {
    let (first, last) = (facts.first_name.expose().clone(), facts.last_name.expose().clone());
    let words: Vec<String> = diesel::select(name_words(first, last)).get_result(conn).await?;
    let mut sounds: Vec<String> = words.iter().map(|word| sound::of(word)).collect();
    sounds.sort_by_key(|sound| (Reverse(sound.chars().count()), sound.clone()));
    sounds.dedup();
    let theirs = match sounds.as_slice() {
        [] => return Ok(Vec::new()),
        [only] => {
            let spelt =
                sql::<Bool>("patients.sort_name = ANY (ARRAY(SELECT ' ' || word FROM search_dictionary WHERE sound = ")
                    .bind::<Text, _>(only.clone())
                    .sql(" LIMIT ")
                    .bind::<BigInt, _>(SPELLINGS)
                    .sql("))");
            visible_to(scope).filter(spelt)
        }
        [one, other, ..] => {
            let ids: Vec<i64> = with_pair(scope, one, other).load(conn).await?;
            visible_to(scope).filter(patients::id.eq_any(ids))
        }
    };
    theirs.select(Patient::as_select()).limit(CANDIDATES).load(conn).await
}

/// Ids of the visible patients whose names have a word of each of two sounds, the newest first.
fn with_pair(scope: &Scope, one: &str, other: &str) -> Statement<BigInt> {
    let seen: Condition =
        Box::new(visible_to(scope).filter(sql::<Bool>("patients.id = -hit.recency")).select(sql::<Bool>("true")));
    let spelt = |sound: &str| {
        Statement::<Text>::new("(SELECT word FROM search_dictionary WHERE sound = ")
            .text(sound)
            .sql(" LIMIT ")
            .number(SPELLINGS)
            .sql(")")
    };
    Statement::new("SELECT -found.recency FROM ")
        .then(spelt(one))
        .sql(" AS one CROSS JOIN ")
        .then(spelt(other))
        .sql(
            " AS two CROSS JOIN LATERAL (SELECT hit.recency FROM patient_word_pairs AS hit \
             WHERE hit.word = one.word AND hit.other = two.word",
        )
        .and(if scope.is_of_all() { None } else { Some(seen) })
        .sql(" ORDER BY hit.recency LIMIT ")
        .number(CANDIDATES)
        .sql(") AS found ORDER BY found.recency LIMIT ")
        .number(CANDIDATES)
}

fn score_of(text: Option<String>) -> Result<Option<i32>, Fault> {
    match text.map(from_str::<i32>).transpose()? {
        Some(score) if !(1..=100).contains(&score) => Err(Fault::new("out_of_range", "must be from 1 to 100")),
        score => Ok(score),
    }
}
