//! Any text as a search: read into words, planned, and asked of a patient who is named so.
#![no_main]
#![allow(dead_code, missing_docs)]

use libfuzzer_sys::fuzz_target;

#[path = "../../src/search/plan.rs"]
mod plan;
#[path = "../../src/search/sound.rs"]
mod sound;
#[path = "../../src/search/words.rs"]
mod words;

use plan::{Known, Plan, Tier};

fuzz_target!(|text: &str| {
    let found = words::of(text);
    assert!(found.len() <= words::AT_MOST);
    // As the database folds what is no longer than this.
    let folded: Vec<String> = found.iter().map(|word| word.to_lowercase()).collect();
    for word in &folded {
        let _ = plan::has_trigram(word);
        assert!(sound::of(word).chars().count() <= 3 * word.chars().count() + 3);
    }
    let Some(plan) = Plan::of(&folded) else { return };
    let text = format!(" {} ", folded.join(" "));
    let mut names: Vec<&str> = folded.iter().map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    let place = plan.place(&Known { names, text: &text, ..Known::default() });
    if matches!(plan, Plan::Word(_) | Plan::Words { .. }) {
        assert_eq!(place.map(|place| place.tier), Some(Tier::Start), "who is named so is found");
    }
    assert_eq!(plan.place(&Known::default()), None, "and nobody else");
});
