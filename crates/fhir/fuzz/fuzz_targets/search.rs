//! Any text as the parameters of a search for patients: read or refused, within its bounds, and the same after a cursor.
#![no_main]

use chrono::FixedOffset;
use fhir::search::{
    Criterion, LARGEST_COUNT, MOST_ALTERNATIVES, MOST_PARAMETERS, MOST_WORDS, PatientSearch, Prefix, parse,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let query = String::from_utf8_lossy(bytes);
    let Some(zone) = FixedOffset::east_opt(19_800) else { return };
    match parse(&query, &zone) {
        Ok(search) => bounded(&search),
        Err(faults) => assert!(!faults.is_empty() && faults.len() <= MOST_PARAMETERS + 1),
    }
});

fn bounded(search: &PatientSearch) {
    assert!(search.all.len() <= MOST_PARAMETERS && search.page_size() <= LARGEST_COUNT);
    for criterion in &search.all {
        match criterion {
            Criterion::Name { any, .. } => {
                assert!(any.len() <= MOST_ALTERNATIVES);
                assert!(any.iter().all(|words| (1..=MOST_WORDS).contains(&words.len())));
            }
            Criterion::BirthDate(tests) => {
                for test in tests {
                    assert!(test.first <= test.last);
                    // Within what was said is not without it.
                    assert_eq!(test.of_days().has(test.first), !matches!(test.prefix, Prefix::Gt | Prefix::Lt));
                }
            }
            Criterion::LastUpdated(tests) => assert!(tests.iter().all(|test| test.from < test.until)),
            _ => {}
        }
    }
    let text = serde_json::to_string(search).unwrap_or_default();
    assert!(serde_json::from_str::<PatientSearch>(&text).is_ok_and(|again| again == *search));
}
