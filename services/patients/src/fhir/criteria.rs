//! What the criteria of a search for patients are to PostgreSQL: each is served by an index.

use chassis::problem::Problem;
use chassis::strict_json::{Fault, Faults};
use chrono::{DateTime, Utc};
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::{Array, BigInt, Bool, Date, Text, Timestamptz};
use fhir::search::{Criterion, DateTest, DayWindow, InstantTest, Match, NamePart, Prefix, Token};
use fhir::{Gender, nrces};

use crate::fields::abha::{AbhaAddress, AbhaNumber};
use crate::fields::phone::Phone;
use crate::fields::{self, Rule};
use crate::schema::patients;

/// A criterion, in the form in which this hospital's columns are compared with it.
#[derive(Clone)]
pub enum Condition {
    /// Words of names.
    Names(NamePart, Match, Vec<Vec<String>>),
    /// Numbers, by the column that holds them.
    Numbers(Vec<(Column, String)>),
    /// E.164.
    Phones(Vec<String>),
    /// In lower case.
    Emails(Vec<String>),
    /// Windows of days of birth.
    Births(Vec<Births>),
    /// Words of the contract.
    Genders(Vec<&'static str>),
    /// Keys.
    Ids(Vec<i64>),
    /// Times of change.
    Changes(Vec<InstantTest>),
}

/// Which days of birth pass.
#[derive(Clone)]
pub struct Births {
    /// All besides them.
    negated: bool,
    /// What either window holds, for the index.
    hull: DayWindow,
    /// For whom the day is known.
    days: DayWindow,
    /// For whom only the year is.
    years: DayWindow,
}

impl Births {
    fn of(test: &DateTest) -> Self {
        let (days, years) = (test.of_days(), test.of_years());
        let hull = DayWindow {
            from: days.from.zip(years.from).map(|(day, year)| day.min(year)),
            to: days.to.zip(years.to).map(|(day, year)| day.max(year)),
        };
        Self { negated: test.prefix == Prefix::Ne, hull, days, years }
    }
}

/// Where a number is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// The hospital's number.
    PatientId,
    /// 14 digits.
    AbhaNumber,
    /// `name@abdm`
    AbhaAddress,
}

/// Criteria as conditions.
///
/// # Errors
/// 400 for a telephone number that is none.
pub fn conditions(criteria: &[Criterion], patient_id_system: &str) -> Result<Vec<Condition>, Problem> {
    let mut faults = Faults::new();
    let mut conditions = Vec::with_capacity(criteria.len());
    for criterion in criteria {
        conditions.push(match criterion {
            Criterion::Name { part, how, any } => Condition::Names(*part, *how, any.clone()),
            Criterion::Identifier(tokens) => {
                Condition::Numbers(tokens.iter().flat_map(|token| numbers(token, patient_id_system)).collect())
            }
            Criterion::Phone(typed) => {
                let mut phones = Vec::new();
                for number in typed {
                    match phone(number) {
                        Ok(phone) => phones.push(phone),
                        Err(fault) => faults.0.push(fault.at("phone")),
                    }
                }
                Condition::Phones(phones)
            }
            Criterion::Email(addresses) => Condition::Emails(addresses.clone()),
            Criterion::BirthDate(tests) => Condition::Births(tests.iter().map(Births::of).collect()),
            Criterion::Gender(genders) => Condition::Genders(genders.iter().map(|gender| word(*gender)).collect()),
            Criterion::Id(ids) => Condition::Ids(ids.clone()),
            Criterion::LastUpdated(tests) => Condition::Changes(tests.clone()),
        });
    }
    faults.check()?;
    Ok(conditions)
}

/// The columns in which a token's value may be; none where the system is nobody's here, or the value cannot be one of it. All
/// numbers here have a system: one that is said to have none (`|P00012`) is nobody's.
fn numbers(token: &Token, patient_id_system: &str) -> Vec<(Column, String)> {
    let is_of = |known: &str| token.system.as_deref().is_none_or(|system| system == known);
    let (ours, abha) = (is_of(patient_id_system), is_of(nrces::ABHA_SYSTEM));
    let value = token.value.trim();
    let patient_id = ours.then(|| value.to_ascii_uppercase()).filter(|number| {
        number
            .strip_prefix('P')
            .is_some_and(|digits| (5..=19).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()))
    });
    let number = abha.then(|| AbhaNumber::canonical(value).ok()).flatten();
    let address = abha.then(|| AbhaAddress::canonical(value).ok()).flatten();
    let found = [(Column::PatientId, patient_id), (Column::AbhaNumber, number), (Column::AbhaAddress, address)];
    found.into_iter().filter_map(|(column, value)| Some((column, value?))).collect()
}

/// A number in any notation; one whose `+` was lost on the way too.
fn phone(typed: &str) -> Result<String, Fault> {
    let read = fields::checked::<Phone>(typed);
    let read = read.or_else(|fault| fields::checked::<Phone>(&format!("+{typed}")).map_err(|_second| fault));
    read.map(chassis::phi::Phi::into_inner)
}

fn word(gender: Gender) -> &'static str {
    match gender {
        Gender::Male => "MALE",
        Gender::Female => "FEMALE",
        Gender::Other => "OTHER",
        Gender::Unknown => "UNKNOWN",
    }
}

type Out<'a, 'b> = AstPass<'a, 'b, Pg>;

impl QueryFragment<Pg> for Condition {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("(");
        match self {
            Self::Names(part, how, any) => alternatives(&mut out, any, |out, words| names(out, *part, *how, words))?,
            Self::Numbers(numbers) => alternatives(&mut out, numbers, |out, (column, value)| {
                answering(out, |out| {
                    out.push_sql(match column {
                        Column::PatientId => "named.patient_id = ",
                        Column::AbhaNumber => "named.abha_number = ",
                        Column::AbhaAddress => "named.abha_address = ",
                    });
                    out.push_bind_param::<Text, _>(value)
                })
            })?,
            Self::Phones(phones) => one_of(&mut out, "patients.phone", phones)?,
            Self::Emails(emails) => one_of(&mut out, "patients.email", emails)?,
            Self::Genders(genders) => one_of(&mut out, "patients.gender", genders)?,
            Self::Ids(ids) => answering(&mut out, |out| one_of_ids(out, ids))?,
            Self::Births(tests) => alternatives(&mut out, tests, births)?,
            Self::Changes(tests) => alternatives(&mut out, tests, changes)?,
        }
        out.push_sql(")");
        Ok(())
    }
}

/// One of them holds; none holds where there is none.
fn alternatives<'b, T>(
    out: &mut Out<'_, 'b>,
    all: &'b [T],
    mut each: impl FnMut(&mut Out<'_, 'b>, &'b T) -> QueryResult<()>,
) -> QueryResult<()> {
    if all.is_empty() {
        out.push_sql("FALSE");
    }
    for (at, one) in all.iter().enumerate() {
        out.push_sql(if at == 0 { "(" } else { " OR (" });
        each(out, one)?;
        out.push_sql(")");
    }
    Ok(())
}

/// Who answers for those that a condition on `named` finds: by what somebody was known who was merged into another, the other
/// is found.
fn answering<'b>(out: &mut Out<'_, 'b>, named: impl FnOnce(&mut Out<'_, 'b>) -> QueryResult<()>) -> QueryResult<()> {
    out.push_sql("patients.id = ANY(ARRAY(SELECT coalesce(named.merged_into, named.id) FROM patients AS named WHERE ");
    named(out)?;
    out.push_sql("))");
    Ok(())
}

fn one_of_ids<'b>(out: &mut Out<'_, 'b>, ids: &'b Vec<i64>) -> QueryResult<()> {
    out.push_sql("named.id = ANY(");
    out.push_bind_param::<Array<BigInt>, _>(ids)?;
    out.push_sql(")");
    Ok(())
}

/// One value has a text of its own: PostgreSQL expects ten of several, and for so many would rather walk everybody by id; and by one
/// an index gives rows in the order of the next column.
fn one_of<'b, T: ToSql<Text, Pg>>(out: &mut Out<'_, 'b>, column: &str, values: &'b Vec<T>) -> QueryResult<()> {
    out.push_sql(column);
    if let [only] = values.as_slice() {
        out.push_sql(" = ");
        return out.push_bind_param::<Text, _>(only);
    }
    out.push_sql(" = ANY(");
    out.push_bind_param::<Array<Text>, _>(values)?;
    out.push_sql(")");
    Ok(())
}

/// Every word is one of the names. The index over `search_text` finds who has it anywhere; the names decide.
fn names<'b>(out: &mut Out<'_, 'b>, part: NamePart, how: Match, words: &'b [String]) -> QueryResult<()> {
    let (folded, pieces) = match part {
        NamePart::Any => {
            ("patients.sort_name", "string_to_array(patients.first_name || ' ' || patients.last_name, ' ')")
        }
        NamePart::Family => ("fold_name(patients.last_name)", "string_to_array(patients.last_name, ' ')"),
        NamePart::Given => ("fold_name(patients.first_name)", "string_to_array(patients.first_name, ' ')"),
    };
    for (at, word) in words.iter().enumerate() {
        if at > 0 {
            out.push_sql(" AND ");
        }
        let pattern = if how == Match::Contains { "(SELECT '%' || name_part(" } else { "(SELECT name_start(" };
        out.push_sql("patients.search_text LIKE ");
        out.push_sql(pattern);
        out.push_bind_param::<Text, _>(word)?;
        out.push_sql(")) AND ");
        if how == Match::Exact {
            out.push_bind_param::<Text, _>(word)?;
            out.push_sql(" = ANY(");
            out.push_sql(pieces);
        } else {
            out.push_sql("(' ' || ");
            out.push_sql(folded);
            out.push_sql(") LIKE ");
            out.push_sql(pattern);
            out.push_bind_param::<Text, _>(word)?;
            out.push_sql(")");
        }
        out.push_sql(")");
    }
    Ok(())
}

fn births<'b>(out: &mut Out<'_, 'b>, births: &'b Births) -> QueryResult<()> {
    if births.negated {
        out.push_sql("patients.date_of_birth IS NOT NULL AND NOT (");
    } else {
        within(out, &births.hull)?;
        out.push_sql(" AND (");
    }
    out.push_sql("(NOT patients.date_of_birth_estimated AND ");
    within(out, &births.days)?;
    out.push_sql(") OR (patients.date_of_birth_estimated AND ");
    within(out, &births.years)?;
    out.push_sql("))");
    Ok(())
}

fn within<'b>(out: &mut Out<'_, 'b>, window: &'b DayWindow) -> QueryResult<()> {
    out.push_sql("TRUE");
    let bounds = [(" AND patients.date_of_birth >= ", &window.from), (" AND patients.date_of_birth <= ", &window.to)];
    for (words, bound) in bounds {
        if let Some(bound) = bound {
            out.push_sql(words);
            out.push_bind_param::<Date, _>(bound)?;
        }
    }
    Ok(())
}

fn changes<'b>(out: &mut Out<'_, 'b>, test: &'b InstantTest) -> QueryResult<()> {
    let (from, until) = (&test.from, &test.until);
    let mut compare = |words: &str, time: &'b DateTime<Utc>| {
        out.push_sql(words);
        out.push_bind_param::<Timestamptz, _>(time)
    };
    match test.prefix {
        Prefix::Eq => {
            compare("patients.updated_at >= ", from)?;
            compare(" AND patients.updated_at < ", until)
        }
        Prefix::Ne => {
            compare("patients.updated_at < ", from)?;
            compare(" OR patients.updated_at >= ", until)
        }
        Prefix::Gt => compare("patients.updated_at >= ", until),
        Prefix::Lt => compare("patients.updated_at < ", from),
        Prefix::Ge => compare("patients.updated_at >= ", from),
        Prefix::Le => compare("patients.updated_at < ", until),
    }
}

impl Expression for Condition {
    type SqlType = Bool;
}

impl QueryId for Condition {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl ValidGrouping<()> for Condition {
    type IsAggregate = is_aggregate::No;
}

impl AppearsOnTable<patients::table> for Condition {}
impl SelectableExpression<patients::table> for Condition {}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn found(system: Option<&str>, value: &str) -> Vec<(Column, String)> {
        numbers(&Token { system: system.map(str::to_owned), value: value.to_owned() }, "urn:ours")
    }

    #[test]
    fn a_number_is_looked_for_where_it_can_be() {
        assert_eq!(found(None, "p00012"), [(Column::PatientId, "P00012".to_owned())]);
        assert_eq!(found(Some("urn:ours"), "P00012"), [(Column::PatientId, "P00012".to_owned())]);
        assert_eq!(found(None, "91-1234-5678-9012"), [(Column::AbhaNumber, "91123456789012".to_owned())]);
        assert_eq!(found(Some(nrces::ABHA_SYSTEM), "R.Kumar@ABDM"), [(Column::AbhaAddress, "r.kumar@abdm".to_owned())]);
        for (system, value) in [
            (Some("urn:other"), "P00012"),
            (Some(""), "P00012"),
            (Some(""), "91123456789012"),
            (Some(nrces::ABHA_SYSTEM), "P00012"),
            (Some("urn:ours"), "91123456789012"),
            (None, "' OR 1=1"),
        ] {
            assert_eq!(found(system, value), [], "{value}");
        }
    }

    #[test]
    fn a_phone_is_read_without_its_plus_too() {
        assert_eq!(phone("98765 43210").unwrap(), "+919876543210");
        assert_eq!(phone("442079460958").unwrap(), "+442079460958");
        assert!(phone("12").is_err());
    }
}
