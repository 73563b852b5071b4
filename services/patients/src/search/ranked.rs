//! A search by words of names and numbers: tier after tier, each from an index that has it in the order of the answer,
//! until the page is full.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use chassis::page::{Count, EXACT_COUNT, PageRequest, Position};
use diesel::dsl::sql;
use diesel::expression::SqlLiteral;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Json, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::{Value, json};

use super::plan::{self, Known, Place, Plan, Tier, has_trigram, range};
use super::query::{self, Filters, Found};
use super::statement::{Condition, Statement};
use super::text::Mentions;
use super::tiers::{self, Hit, Stretch};
use crate::access::{Scope, visible_to};
use crate::patient::Patient;
use crate::schema::patients;

/// Where more than so many match as written, nobody is looked for who is only similar.
const FEW: i64 = 100;
/// Rows of a tier that are counted: more than are told exactly, since some patients answer twice.
const COUNTED: i64 = EXACT_COUNT + EXACT_COUNT / 5;
/// Rows of a tier that are counted where that was too few to tell.
const MOST_COUNTED: i64 = 3 * COUNTED;
/// Hits that are counted sooner than PostgreSQL is asked for an estimate.
const SOON_COUNTED: i64 = 2_000;
/// From this estimate on nothing is counted: no estimate of so many is of fewer than are counted exactly.
const SURELY_MANY: i64 = 2 * EXACT_COUNT;
/// Hits that are read at once at most.
const BATCH: usize = 500;

#[diesel::declare_sql_function]
extern "SQL" {
    /// What an e-mail address says beyond a name.
    fn mail_words(email: Nullable<Text>, names: Array<Text>) -> Array<Text>;
    /// The words of a name.
    fn name_words(first_name: Text, last_name: Text) -> Array<Text>;
    /// Each of some words, folded.
    fn fold_words(words: Array<Text>) -> Array<Text>;
}

/// The rows of a page, one more than it has, in walking order, and how many there are in all. `None`: the words or the
/// filters are not of the kind that this answers, and [`query`] does.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn page(
    conn: &mut AsyncPgConnection,
    scope: &Scope,
    request: &PageRequest<Filters>,
) -> QueryResult<Option<(Vec<Found>, Count)>> {
    let filters = &request.filters;
    let is_narrow = filters.primary_doctor.is_some() || filters.date_of_birth.is_some() || scope.is_of_one();
    if filters.words.is_empty() || filters.ordering.is_some() || is_narrow {
        return Ok(None);
    }
    let words = folded(conn, &filters.words).await?;
    let Some(plan) = Plan::of(&words) else { return Ok(None) };
    let Some((from, skip)) = beginning(&request.position) else { return Ok(None) };
    let search = Search { scope, filters, plan };
    search.answer(conn, &words, request, from, skip).await
}

struct Search<'a> {
    scope: &'a Scope,
    filters: &'a Filters,
    plan: Plan,
}

/// Where a page begins: behind which place, and after how many rows. `None`: at a place of another order.
fn beginning(position: &Position) -> Option<(Stretch, usize)> {
    let (place, is_backward, skip) = match position {
        Position::First => (None, false, 0),
        Position::Offset(rows) => (None, false, usize::try_from(*rows).ok()?),
        Position::After(at) => (Some(read(at)?), false, 0),
        Position::Before(at) => (Some(read(at)?), true, 0),
    };
    Some((Stretch { place, is_backward }, skip))
}

fn read(at: &Value) -> Option<(Place, i64)> {
    let (tier, word, other, recency): (usize, String, String, i64) = serde_json::from_value(at.clone()).ok()?;
    Some((Place { tier: Tier::of_code(tier)?, word, other }, recency))
}

async fn folded(conn: &mut AsyncPgConnection, words: &[String]) -> QueryResult<Vec<String>> {
    // What Unicode says of other letters, the database says of names too.
    if words.iter().all(|word| word.is_ascii()) {
        return Ok(words.iter().map(|word| word.to_ascii_lowercase()).collect());
    }
    diesel::select(fold_words(words.to_vec())).get_result(conn).await
}

impl Search<'_> {
    async fn answer(
        &self,
        conn: &mut AsyncPgConnection,
        words: &[String],
        request: &PageRequest<Filters>,
        from: Stretch,
        skip: usize,
    ) -> QueryResult<Option<(Vec<Found>, Count)>> {
        let wanted = usize::try_from(request.size).unwrap_or_default() + 1;
        let is_first = request.position == Position::First;
        let (exact, similar): (Vec<Tier>, Vec<Tier>) =
            self.tiers().into_iter().partition(|tier| *tier != Tier::Similar);
        let mut rows = Vec::new();
        let mut walk = Walk { from, skip, wanted, is_whole: is_first, met: HashSet::new() };
        if walk.from.is_backward {
            self.walk(conn, &mut walk, &similar, &mut rows).await?;
            self.walk(conn, &mut walk, &exact.into_iter().rev().collect::<Vec<_>>(), &mut rows).await?;
        } else {
            self.walk(conn, &mut walk, &exact, &mut rows).await?;
            let is_nobody = rows.is_empty()
                && walk.from.place.is_none()
                && (is_first || self.count_of(conn, &self.tiers(), 1).await?.0 == 0);
            if is_nobody && words.iter().all(|word| has_trigram(word)) {
                // In anything that is known: across words, in e-mail addresses whole.
                let rows = query::rows(conn, self.scope, request).await?;
                if !rows.is_empty() {
                    return Ok(Some((rows, query::count(conn, self.scope, self.filters).await?)));
                }
            }
            self.walk(conn, &mut walk, &similar, &mut rows).await?;
        }
        let count = if walk.is_whole && rows.len() < wanted {
            Count { rows: i64::try_from(rows.len()).unwrap_or(i64::MAX), estimated: false }
        } else {
            self.count(conn).await?
        };
        Ok(Some((rows, count)))
    }

    /// Walks tiers until there are rows enough.
    async fn walk(
        &self,
        conn: &mut AsyncPgConnection,
        walk: &mut Walk,
        tiers: &[Tier],
        rows: &mut Vec<Found>,
    ) -> QueryResult<()> {
        for tier in tiers {
            let at = walk.from.place.as_ref().map(|(place, _)| place.tier);
            let is_past = at.is_some_and(|at| if walk.from.is_backward { *tier > at } else { *tier < at });
            if is_past || rows.len() >= walk.wanted {
                continue;
            }
            if self.plan.is_for_few(*tier) && at.is_none_or(|at| at < *tier) && !self.is_few(conn, walk, rows).await? {
                continue;
            }
            if *tier == Tier::Elsewhere && at != Some(*tier) && !self.may_be_elsewhere(conn).await? {
                continue;
            }
            let mut from =
                Stretch { place: walk.from.place.clone().filter(|_| at == Some(*tier)), ..walk.from.clone() };
            loop {
                // Those who stand in a better tier are hit again: as many as are wanted in all, or it would go on by ones and twos.
                let most = (walk.wanted + walk.skip).clamp(1, BATCH);
                let mut hits = self.hits(conn, *tier, &from, most).await?;
                let is_last = hits.len() < most;
                from.place = hits.last().map(|(place, recency)| (place.clone(), *recency));
                hits.retain(|(_, recency)| !walk.met.contains(recency));
                let mut found = self.placed(conn, *tier, hits, walk.has_met_the_better()).await?;
                walk.met.extend(found.iter().map(|found| -found.patient.id));
                let skipped = walk.skip.min(found.len());
                walk.skip -= skipped;
                rows.extend(found.drain(skipped..));
                if is_last || rows.len() >= walk.wanted {
                    rows.truncate(walk.wanted);
                    break;
                }
            }
        }
        Ok(())
    }

    async fn hits(
        &self,
        conn: &mut AsyncPgConnection,
        tier: Tier,
        from: &Stretch,
        most: usize,
    ) -> QueryResult<Vec<(Place, i64)>> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let statement: Statement<Hit> = tiers::walk(&self.plan, tier, from, most, self.condition(tier));
        let hits: Vec<(String, String, i64)> = statement.load(conn).await?;
        Ok(hits.into_iter().map(|(word, other, recency)| (Place { tier, word, other }, recency)).collect())
    }

    /// The patients of some hits, without those who stand elsewhere; `of_no_better`: who stands in a better tier is not among them.
    async fn placed(
        &self,
        conn: &mut AsyncPgConnection,
        tier: Tier,
        hits: Vec<(Place, i64)>,
        of_no_better: bool,
    ) -> QueryResult<Vec<Found>> {
        if hits.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<i64> = hits.iter().map(|(_, recency)| -recency).collect();
        let theirs = visible_to(self.scope).filter(patients::id.eq_any(ids));
        type Row = (Patient, String, String, Vec<String>, Vec<String>);
        let (named, former) = ((Patient::as_select(), patients::sort_name, patients::search_text), self.former());
        let is_with_mail = self.scope.shows_details();
        let is_by_mail = matches!(tier, Tier::StartOfMail | Tier::PartOfMail);
        let is_mail_told = is_by_mail || (tier > Tier::StartOfMail && !of_no_better);
        // PostgreSQL makes a patient's words of an address from the address, which takes longer than to read the patient.
        let rows: Vec<Row> = if !is_mail_told || !is_with_mail {
            let no_mails = Vec::<String>::new().into_sql::<Array<Text>>();
            theirs.select((named.0, named.1, named.2, no_mails, former)).load(conn).await?
        } else {
            let mails = mail_words(patients::email, name_words(patients::first_name, patients::last_name));
            theirs.select((named.0, named.1, named.2, mails, former)).load(conn).await?
        };
        let mut theirs: HashMap<i64, Row> = rows.into_iter().map(|row| (row.0.id, row)).collect();
        let mut found = Vec::new();
        for (place, recency) in hits {
            let Some((patient, sort_name, text, mails, former)) = theirs.get(&-recency) else { continue };
            let numbers = numbers(patient, former);
            let text = if is_with_mail { Cow::Borrowed(text.as_str()) } else { without_mail(text, patient) };
            let known = Known {
                names: sort_name.split(' ').filter(|word| !word.is_empty()).collect(),
                mails: mails.iter().map(String::as_str).collect(),
                numbers: numbers.iter().map(String::as_str).collect(),
                text: &text,
            };
            if self.plan.place(&known).as_ref() != Some(&place) {
                continue;
            }
            let is_similar = tier == Tier::Similar;
            let position = json!([tier.code(), place.word, place.other, recency]);
            if let Some((patient, ..)) = theirs.remove(&-recency) {
                found.push(Found { patient, position, is_similar });
            }
        }
        Ok(found)
    }

    /// The patient's numbers of those who were merged into a patient, where a number is looked for.
    fn former(&self) -> SqlLiteral<Array<Text>> {
        sql(match &self.plan {
            Plan::Digits(_) | Plan::Number(_) => {
                "ARRAY(SELECT former.patient_id FROM patients AS former WHERE former.merged_into = patients.id)"
            }
            Plan::Word(_) | Plan::Words { .. } => "'{}'::text[]",
        })
    }

    /// What a hit must satisfy beyond its words; `None` where that is nothing.
    fn condition(&self, tier: Tier) -> Option<Condition> {
        let (lead, rest): (&str, &[String]) = match &self.plan {
            Plan::Words { lead, rest, .. } => (lead, rest),
            _ => ("", &[]),
        };
        let is_free = self.scope.is_of_all() && self.filters.gender.is_none() && self.filters.is_active.is_none();
        // Words are of patients whom everybody's scope shows; a phone or an e-mail address may be of any row.
        let of_rows = match (&self.plan, tier) {
            (Plan::Digits(digits), Tier::Part) => Some(digits),
            _ => None,
        };
        if tier != Tier::Elsewhere && is_free && rest.is_empty() && of_rows.is_none() {
            return None;
        }
        let mut theirs = query::narrowed(self.scope, self.filters).filter(sql::<Bool>("patients.id = -hit.recency"));
        if tier == Tier::Elsewhere {
            return Some(Box::new(scalar(theirs)));
        }
        if let Some(digits) = of_rows.filter(|_| !self.scope.shows_details()) {
            theirs = theirs.filter(Mentions::of(digits, self.scope));
        }
        if tier == Tier::StartOfMail {
            for word in rest {
                theirs = theirs.filter(Mentions::of(word, self.scope));
            }
            return Some(Box::new(scalar(theirs)));
        }
        let is_row_needed = !is_free || of_rows.is_some();
        let first = if is_row_needed { scalar(theirs) } else { Statement::new("true") };
        let condition = rest.iter().fold(Statement::<Bool>::new("").then(first), |condition, word| {
            condition.sql(" AND ").then(tiers::beside(tier, lead, word))
        });
        Some(Box::new(condition))
    }

    /// Whether few match as written.
    async fn is_few(&self, conn: &mut AsyncPgConnection, walk: &Walk, rows: &[Found]) -> QueryResult<bool> {
        if walk.is_whole && walk.from.place.is_none() {
            return Ok(i64::try_from(rows.len()).is_ok_and(|rows| rows <= FEW));
        }
        Ok(self.count_of(conn, &self.surely(), FEW + 1).await?.0 <= FEW)
    }

    /// Whether anybody may stand in the tier of what is elsewhere in an e-mail address. Beside words of names hardly anybody
    /// does, and the few words that addresses have are soon looked through.
    async fn may_be_elsewhere(&self, conn: &mut AsyncPgConnection) -> QueryResult<bool> {
        if !matches!(self.plan, Plan::Words { .. }) {
            return Ok(true);
        }
        let parts = self.plan.parts_beside();
        Ok(!parts.is_empty() && tiers::mails_with(&parts).get_result::<i64>(conn).await? > 0)
    }

    /// The tiers that can answer: of e-mail addresses, only to who is shown them.
    fn tiers(&self) -> Vec<Tier> {
        let of_mails = [Tier::StartOfMail, Tier::PartOfMail, Tier::Elsewhere];
        let is_shown = |tier: &Tier| self.scope.shows_details() || !of_mails.contains(tier);
        self.plan.tiers().into_iter().filter(is_shown).collect()
    }

    /// The tiers that are looked at in any case.
    fn surely(&self) -> Vec<Tier> {
        self.tiers().into_iter().filter(|tier| !self.plan.is_for_few(*tier)).collect()
    }

    async fn count(&self, conn: &mut AsyncPgConnection) -> QueryResult<Count> {
        let estimate = self.estimate(conn).await?;
        if let Some(rows) = estimate.filter(|rows| *rows >= SURELY_MANY) {
            return Ok(Count { rows, estimated: true });
        }
        if estimate.is_none_or(|rows| rows < SOON_COUNTED) {
            let (rows, hits, some) = self.few_of(conn).await?;
            if hits < SOON_COUNTED {
                let rows = if rows > FEW { rows } else { rows.saturating_add(self.count_beyond(conn, some).await?) };
                return Ok(Count { rows, estimated: rows > EXACT_COUNT });
            }
        }
        let (rows, hits) = self.count_first(conn).await?;
        if hits < COUNTED {
            return Ok(Count { rows, estimated: rows > EXACT_COUNT });
        }
        if rows > EXACT_COUNT {
            return Ok(Count { rows: rows.max(estimate.unwrap_or_default()), estimated: true });
        }
        // Many are hit twice.
        let (rows, hits) = self.count_of(conn, &self.surely(), MOST_COUNTED).await?;
        Ok(Count { rows, estimated: rows > EXACT_COUNT || hits >= MOST_COUNTED })
    }

    /// As [`count_of`](Self::count_of) those tiers that are looked at in any case, but of all of them together the first hits only.
    async fn count_first(&self, conn: &mut AsyncPgConnection) -> QueryResult<(i64, i64)> {
        Statement::<(BigInt, BigInt)>::new("SELECT count(DISTINCT hits.recency), count(*) FROM (SELECT hits.recency")
            .then(self.hits_in(&self.surely(), COUNTED))
            .sql(" LIMIT ")
            .number(COUNTED)
            .sql(") AS hits")
            .get_result(conn)
            .await
    }

    /// How many patients stand in some tiers, of each tier `most` at most; and how many hits they are, for some are hit twice.
    async fn count_of(&self, conn: &mut AsyncPgConnection, tiers: &[Tier], most: i64) -> QueryResult<(i64, i64)> {
        // A tier's hits come nearly in order, which is quicker to sort than to hash.
        Statement::<(BigInt, BigInt)>::new("SELECT count(DISTINCT hits.recency), count(*)")
            .then(self.hits_in(tiers, most))
            .get_result(conn)
            .await
    }

    /// As [`count_of`](Self::count_of) those tiers that are looked at in any case, and the recency of some.
    async fn few_of(&self, conn: &mut AsyncPgConnection) -> QueryResult<(i64, i64, Vec<i64>)> {
        Statement::<(BigInt, BigInt, Array<BigInt>)>::new("SELECT count(DISTINCT hits.recency), count(*), ")
            .sql("coalesce((array_agg(DISTINCT hits.recency))[:")
            .number(FEW)
            .sql("], '{}')")
            .then(self.hits_in(&self.surely(), SOON_COUNTED))
            .get_result(conn)
            .await
    }

    /// How many others stand in the tiers that are for few.
    async fn count_beyond(&self, conn: &mut AsyncPgConnection, some: Vec<i64>) -> QueryResult<i64> {
        let mut tiers: Vec<Tier> = self.tiers().into_iter().filter(|tier| self.plan.is_for_few(*tier)).collect();
        if tiers.contains(&Tier::Elsewhere) && !self.may_be_elsewhere(conn).await? {
            tiers.retain(|tier| *tier != Tier::Elsewhere);
        }
        if tiers.is_empty() {
            return Ok(0);
        }
        Statement::<BigInt>::new("SELECT count(DISTINCT hits.recency)")
            .then(self.hits_in(&tiers, COUNTED))
            .sql(" WHERE hits.recency NOT IN (SELECT unnest(")
            .ids(some)
            .sql("))")
            .get_result(conn)
            .await
    }

    /// ` FROM (…) AS hits`.
    fn hits_in(&self, tiers: &[Tier], most: i64) -> Statement<()> {
        let mut statement = Statement::new(" FROM (");
        for (at, tier) in tiers.iter().enumerate() {
            statement = statement
                .sql(if at == 0 { "(" } else { " UNION ALL (" })
                .then(tiers::everybody(&self.plan, *tier, most, self.condition(*tier)))
                .sql(")");
        }
        statement.sql(") AS hits")
    }

    /// PostgreSQL's estimate of how many words begin so, where one word is searched among all patients. Of four digits and more
    /// so few begin that counting them takes less than asking.
    async fn estimate(&self, conn: &mut AsyncPgConnection) -> QueryResult<Option<i64>> {
        let word = match &self.plan {
            Plan::Word(word) => word,
            Plan::Digits(digits) if digits.len() < plan::PART_OF_PHONE => digits,
            _ => return Ok(None),
        };
        if self.condition(Tier::Start).is_some() || !has_statistics(conn).await? {
            return Ok(None);
        }
        let (low, high) = range(word);
        let plan: Value = Statement::<Json>::explain("SELECT FROM patient_words WHERE word >= ")
            .known(low)
            .sql(" AND word < ")
            .known(high)
            .get_result(conn)
            .await?;
        Ok(plan.pointer("/0/Plan/Plan Rows").and_then(Value::as_i64))
    }
}

/// Whether PostgreSQL has looked at the words yet: before that its estimates are guesses. Once it has, it stays so.
async fn has_statistics(conn: &mut AsyncPgConnection) -> QueryResult<bool> {
    static HAS: OnceLock<()> = OnceLock::new();
    if HAS.get().is_some() {
        return Ok(true);
    }
    let has: bool = Statement::<Bool>::new(
        "SELECT EXISTS (SELECT FROM pg_stats WHERE schemaname = current_schema() AND tablename = 'patient_words' AND attname = 'word')",
    )
    .get_result(conn)
    .await?;
    if has {
        HAS.get_or_init(|| ());
    }
    Ok(has)
}

/// How far a walk has come.
struct Walk {
    from: Stretch,
    /// Rows to leave out yet.
    skip: usize,
    wanted: usize,
    /// Whether all tiers were walked from their beginnings to their ends, so that the rows are all there are.
    is_whole: bool,
    /// The recency of everybody who was found so far, left out or not: nobody stands in two tiers.
    met: HashSet<i64>,
}

impl Walk {
    /// Whether everybody was met who stands in a tier before the one at hand: each was walked from its beginning to its end.
    fn has_met_the_better(&self) -> bool {
        !self.from.is_backward && self.from.place.is_none()
    }
}

fn scalar(theirs: patients::BoxedQuery<'static, Pg>) -> Statement<Bool> {
    let theirs: Condition = Box::new(theirs.select(sql::<Bool>("true")));
    Statement::new("(").condition(theirs).sql(")")
}

/// A patient's text without their e-mail address.
fn without_mail<'t>(text: &'t str, patient: &Patient) -> Cow<'t, str> {
    match &patient.facts.email {
        Some(email) => Cow::Owned(text.replace(&format!(" {} ", email.expose().to_lowercase()), " ")),
        None => Cow::Borrowed(text),
    }
}

/// A patient's numbers, as search knows them, those too by which the merged were known.
fn numbers(patient: &Patient, former: &[String]) -> Vec<String> {
    let numbers = std::iter::once(&patient.patient_id).chain(former);
    let numbers = numbers.filter_map(|number| number.strip_prefix('P')).flat_map(plan::number_words);
    let phone = patient.facts.phone.as_ref().map(|phone| {
        let phone = phone.expose().as_str();
        phone.strip_prefix("+91").unwrap_or_else(|| phone.trim_start_matches('+')).to_owned()
    });
    numbers.chain(phone).collect()
}
