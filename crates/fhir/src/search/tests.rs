use chrono::{FixedOffset, NaiveDate};
use proptest::prelude::*;

use super::*;

fn zone() -> FixedOffset {
    FixedOffset::east_opt(5 * 3600 + 1800).unwrap()
}

fn read(query: &str) -> PatientSearch {
    parse(query, &zone()).unwrap_or_else(|faults| panic!("{query}: {faults:?}"))
}

fn faults(query: &str) -> Vec<(String, &'static str)> {
    let faults = parse(query, &zone()).expect_err(query);
    faults.into_iter().map(|fault| (fault.parameter, fault.code)).collect()
}

fn only(query: &str) -> Criterion {
    let mut all = read(query).all;
    assert_eq!(all.len(), 1, "{query}");
    all.remove(0)
}

#[test]
fn a_whole_search() {
    let search =
        read("name=Lakshmi%20R.&family:exact=Raman&birthdate=ge1980&birthdate=lt1990&gender=female,male&_count=5");
    assert_eq!((search.all.len(), search.count, search.page_size()), (5, Some(5), 5));
    assert!(search.is_for_somebody() && !search.is_by_change());
    let Some(Criterion::Name { part, how, any }) = search.all.first() else { panic!("names first") };
    assert_eq!((*part, *how, any), (NamePart::Any, Match::Starts, &vec![vec!["Lakshmi".to_owned(), "R".to_owned()]]));
    assert!(format!("{search:?}").contains("criteria: 5") && !format!("{search:?}").contains("Lakshmi"));
    assert_eq!(read("").page_size(), DEFAULT_COUNT);
    assert_eq!(read("_count=100000").page_size(), LARGEST_COUNT);
    assert_eq!(read("_count=0").page_size(), 0);
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let told =
        faults("nme=x&birthdate=soon&gender=m&_count=-1&name:missing=true&identifier=a|b|c&_format=xml&phone:exact=1");
    let expected = [
        ("nme", "unknown_parameter"),
        ("birthdate", "unknown_prefix"),
        ("gender", "unknown_value"),
        ("_count", "invalid"),
        ("name:missing", "unknown_modifier"),
        ("identifier", "invalid"),
        ("_format", "not_supported"),
        ("phone:exact", "unknown_modifier"),
    ];
    assert_eq!(told, expected.map(|(parameter, code)| (parameter.to_owned(), code)));
    for (query, code) in [
        ("name=", "required"),
        ("name=,", "required"),
        ("name=.", "required"),
        ("given:contains=ab", "too_short"),
        ("identifier=urn:x|", "required"),
        ("birthdate=ap1980", "unknown_prefix"),
        ("birthdate=1980-13", "invalid_date"),
        ("birthdate=2023-02-29", "invalid_date"),
        ("birthdate=+980", "invalid_date"),
        ("_lastUpdated=2026-11-23T25:00:00Z", "invalid_date"),
        ("_lastUpdated=2026-11-23T10:00:00.Z", "invalid_date"),
        ("_lastUpdated=2026-11T10:00:00Z", "invalid_date"),
        ("_count=1&_count=2", "repeated"),
        ("name=x&_cursor=y", "not_alone"),
        ("email=phone|a@b.in", "unknown_system"),
        ("name=%ff", "invalid"),
        ("name=a%00", "invalid"),
        ("name=1,2,3,4,5,6,7,8,9,10,11", "too_many"),
        ("name=a b c d e f g h i", "too_many"),
    ] {
        assert_eq!(faults(query).first().map(|(_, code)| *code), Some(code), "{query}");
    }
    assert_eq!(faults(&format!("name={}", "x".repeat(201))).first().unwrap().1, "too_long");
    assert_eq!(faults(&"name=x&".repeat(17)).first().unwrap().1, "too_many");
}

#[test]
fn values_can_be_escaped() {
    let Criterion::Identifier(tokens) = only(r"identifier=urn:a|1\,2,3\|4,|5") else { panic!() };
    let told: Vec<_> = tokens.iter().map(|token| (token.system.as_deref(), token.value.as_str())).collect();
    assert_eq!(told, [(Some("urn:a"), "1,2"), (None, "3|4"), (Some(""), "5")]);
}

#[test]
fn telecoms_as_clients_send_them() {
    let Criterion::Phone(numbers) = only("phone=%2B919876543210,+919876543211,tel:98765,phone|44") else { panic!() };
    assert_eq!(numbers, ["+919876543210", "919876543211", "98765", "44"]);
    let Criterion::Email(addresses) = only("email=A.B@Example.in") else { panic!() };
    assert_eq!(addresses, ["a.b@example.in"]);
}

#[test]
fn ids_that_can_be_nobodys_find_nobody() {
    for (query, ids) in [("_id=7,Patient/8,x,0,-1,99999999999999999999", vec![7, 8]), ("_id=x", vec![])] {
        let Criterion::Id(found) = only(query) else { panic!() };
        assert_eq!(found, ids);
    }
}

fn test_of(query: &str) -> DateTest {
    let Criterion::BirthDate(mut tests) = only(&format!("birthdate={query}")) else { panic!() };
    tests.remove(0)
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// Day known; only the year known.
fn born(query: &str, date: &str) -> (bool, bool) {
    let test = test_of(query);
    let negated = test.prefix == Prefix::Ne;
    (test.of_days().has(day(date)) != negated, test.of_years().has(day(date)) != negated)
}

#[test]
fn a_birth_date_is_compared_as_exactly_as_it_is_known() {
    for (query, date, passes) in [
        ("1980", "1980-04-12", (true, true)),
        ("1980-04", "1980-04-12", (true, false)),
        ("1980-04-12", "1980-04-12", (true, false)),
        ("1980-04-13", "1980-04-12", (false, false)),
        ("ne1980", "1980-04-12", (false, false)),
        ("ne1980-04-12", "1980-04-12", (false, true)),
        ("gt1980-04-11", "1980-04-12", (true, true)),
        ("gt1980-04-12", "1980-04-12", (false, true)),
        ("gt1980", "1980-04-12", (false, false)),
        ("gt1979", "1980-04-12", (true, true)),
        ("gt1980-12-31", "1980-04-12", (false, false)),
        ("ge1980", "1980-04-12", (true, true)),
        ("ge1980-04-12", "1980-04-12", (true, true)),
        ("ge1980-12-31", "1980-04-12", (false, false)),
        ("ge1981", "1980-04-12", (false, false)),
        ("lt1980-04-13", "1980-04-12", (true, true)),
        ("lt1980-01-01", "1980-04-12", (false, false)),
        ("lt1980", "1980-04-12", (false, false)),
        ("le1980", "1980-04-12", (true, true)),
        ("le1980-01-01", "1980-04-12", (false, false)),
        ("le1980-01-02", "1980-04-12", (false, true)),
        ("le1979-12-31", "1980-04-12", (false, false)),
    ] {
        assert_eq!(born(query, date), passes, "{query} of {date}");
    }
}

fn updated(query: &str) -> InstantTest {
    let Criterion::LastUpdated(mut tests) = only(&format!("_lastUpdated={query}")) else { panic!() };
    tests.remove(0)
}

#[test]
fn a_time_is_as_long_as_it_was_said() {
    for (query, from, until) in [
        ("2026-11-23", "2026-11-22T18:30:00Z", "2026-11-23T18:30:00Z"),
        ("2026", "2025-12-31T18:30:00Z", "2026-12-31T18:30:00Z"),
        ("2026-11-23T10:00Z", "2026-11-23T10:00:00Z", "2026-11-23T10:01:00Z"),
        ("2026-11-23T10:00:00Z", "2026-11-23T10:00:00Z", "2026-11-23T10:00:01Z"),
        ("2026-11-23T10:00:00.12Z", "2026-11-23T10:00:00.120Z", "2026-11-23T10:00:00.130Z"),
        ("2026-11-23T10:00:00%2B05:30", "2026-11-23T04:30:00Z", "2026-11-23T04:30:01Z"),
        ("2026-11-23T10:00:00+05:30", "2026-11-23T04:30:00Z", "2026-11-23T04:30:01Z"),
        ("2026-11-23T10:00:00-05:00", "2026-11-23T15:00:00Z", "2026-11-23T15:00:01Z"),
        ("2026-11-23T10:00:00", "2026-11-23T04:30:00Z", "2026-11-23T04:30:01Z"),
    ] {
        let test = updated(query);
        assert_eq!((test.from, test.until), (from.parse().unwrap(), until.parse().unwrap()), "{query}");
    }
    let test = updated("gt2026-11-23");
    assert!(
        !test.passes("2026-11-23T18:29:59Z".parse().unwrap()) && test.passes("2026-11-23T18:30:00Z".parse().unwrap())
    );
}

/// What R4 says of two ranges of days, word for word.
fn as_r4_says(test: &DateTest, (low, high): (NaiveDate, NaiveDate)) -> bool {
    let contains = test.first <= low && high <= test.last;
    match test.prefix {
        Prefix::Eq => contains,
        Prefix::Ne => !contains,
        Prefix::Gt => high > test.last,
        Prefix::Lt => low < test.first,
        Prefix::Ge => high > test.last || contains,
        Prefix::Le => low < test.first || contains,
    }
}

proptest! {
    #[test]
    fn windows_are_what_r4_says(
        prefix in prop::sample::select(vec!["", "eq", "ne", "gt", "lt", "ge", "le"]),
        (year, month, at) in (1900..2030_i32, 1..13_u32, 1..29_u32),
        precision in 0..3_u8,
        off in -800..800_i64,
    ) {
        let said = NaiveDate::from_ymd_opt(year, month, at).unwrap();
        let text = match precision { 0 => said.format("%Y"), 1 => said.format("%Y-%m"), _ => said.format("%Y-%m-%d") };
        let test = test_of(&format!("{prefix}{text}"));
        let born = said + chrono::TimeDelta::days(off);
        let negated = test.prefix == Prefix::Ne;
        prop_assert_eq!(test.of_days().has(born) != negated, as_r4_says(&test, (born, born)));
        let year = chrono::Datelike::year(&born);
        let whole = (NaiveDate::from_ymd_opt(year, 1, 1).unwrap(), NaiveDate::from_ymd_opt(year, 12, 31).unwrap());
        prop_assert_eq!(test.of_years().has(born) != negated, as_r4_says(&test, whole), "{} {}", text, born);
    }

    #[test]
    fn any_query_is_read_or_refused(query in "\\PC{0,80}") {
        let _ = parse(&query, &zone());
    }

    #[test]
    fn any_value_of_any_parameter_is_read_or_refused(
        name in prop::sample::select(vec!["name", "family:contains", "given:exact", "identifier", "phone", "email", "birthdate",
            "gender", "_id", "_lastUpdated", "_count", "_cursor", "_format"]),
        value in "\\PC{0,60}",
    ) {
        let query = serde_urlencoded::to_string([(name, &value)]).unwrap();
        if let Ok(search) = parse(&query, &zone()) {
            prop_assert!(search.all.len() <= 1);
            let again: PatientSearch = serde_json::from_value(serde_json::to_value(&search).unwrap()).unwrap();
            prop_assert!(again == search, "it travels in a cursor as it is");
        }
    }
}
