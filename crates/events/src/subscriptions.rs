//! Who hears what: `proto-schemas/subscriptions.yaml`, built into the program.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, LazyLock},
};

use serde::Deserialize;

const COMMITTED: &str = include_str!("../../../proto-schemas/subscriptions.yaml");

/// Event → subscribers.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subscriptions {
    events: BTreeMap<String, Vec<String>>,
}

impl Subscriptions {
    /// The file as it was when the program was built.
    #[expect(clippy::expect_used, reason = "the file is part of the program, and a test reads it")]
    pub fn committed() -> Arc<Self> {
        static READ: LazyLock<Arc<Subscriptions>> =
            LazyLock::new(|| Arc::new(Subscriptions::parse(COMMITTED).expect("subscriptions.yaml is valid")));
        Arc::clone(&READ)
    }

    /// Reads the file's form.
    pub fn parse(yaml: &str) -> Result<Self, serde_yaml_ng::Error> {
        serde_yaml_ng::from_str(yaml)
    }

    /// Who hears this event.
    pub fn of(&self, event_type: &str) -> &[String] {
        self.events.get(event_type).map_or(&[], Vec::as_slice)
    }

    /// Every event that the file names.
    pub fn events(&self) -> impl Iterator<Item = &str> {
        self.events.keys().map(String::as_str)
    }

    /// Everyone who hears anything: each has a queue.
    pub fn subscribers(&self) -> BTreeSet<&str> {
        self.events.values().flatten().map(String::as_str).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::envelope::EVENT_TYPES;

    #[test]
    fn every_event_stands_in_the_file_and_nothing_else() {
        let known: BTreeSet<&str> = EVENT_TYPES.iter().copied().collect();
        assert_eq!(Subscriptions::committed().events().collect::<BTreeSet<_>>(), known);
    }

    #[test]
    fn subscribers_are_named_once_per_event_and_fit_a_queue_name() {
        let committed = Subscriptions::committed();
        for event in committed.events() {
            let names = committed.of(event);
            assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{event}");
        }
        for name in committed.subscribers() {
            assert!(name.len() <= 40 && name.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{name}");
        }
    }

    #[test]
    fn an_event_that_is_not_there_has_no_subscribers() {
        let subscriptions = Subscriptions::parse("events: { Known: [a] }").unwrap();
        assert_eq!(subscriptions.of("Known"), ["a"]);
        assert!(subscriptions.of("Unknown").is_empty());
        assert!(Subscriptions::parse("event: {}").is_err());
    }
}
