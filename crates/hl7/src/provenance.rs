//! Where in a message a fact was found. Holds places only, nothing of what stands there.

use std::fmt;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// A place in a message: `PID-5`, `PID-3[2].1`, `OBX[4]-5[2].1`. Numbers count from 1; a 1 in brackets is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The segment's name.
    segment: [u8; 3],
    /// Which of the segments of this name.
    pub occurrence: usize,
    /// The field's number.
    pub field: usize,
    /// Which of the field's repetitions.
    pub repetition: usize,
    /// The component's number; 0 where the fact is the whole field.
    pub component: usize,
}

impl Place {
    /// A field of the first segment of this name.
    pub fn new(segment: &str, field: usize) -> Self {
        let mut name = [b' '; 3];
        name.iter_mut().zip(segment.bytes()).for_each(|(to, from)| *to = from);
        Self { segment: name, occurrence: 1, field, repetition: 1, component: 0 }
    }

    /// The same in another segment of this name.
    pub fn occurrence(self, occurrence: usize) -> Self {
        Self { occurrence, ..self }
    }

    /// The same in another repetition.
    pub fn repetition(self, repetition: usize) -> Self {
        Self { repetition, ..self }
    }

    /// One component of it.
    pub fn component(self, component: usize) -> Self {
        Self { component, ..self }
    }

    /// The segment's name: `PID`.
    pub fn segment(&self) -> &str {
        std::str::from_utf8(&self.segment).unwrap_or("").trim_end()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.segment())?;
        if self.occurrence > 1 {
            write!(f, "[{}]", self.occurrence)?;
        }
        write!(f, "-{}", self.field)?;
        if self.repetition > 1 {
            write!(f, "[{}]", self.repetition)?;
        }
        if self.component > 0 { write!(f, ".{}", self.component) } else { Ok(()) }
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Which places filled which facts of a record. A fact is named as the record's field is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sources(Vec<(&'static str, Place)>);

impl Sources {
    /// The places that filled a fact.
    pub fn of(&self, fact: &str) -> impl Iterator<Item = Place> {
        self.0.iter().filter(move |(name, _)| *name == fact).map(|(_, place)| *place)
    }

    /// All facts with their places, in the order in which they were read.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Place)> {
        self.0.iter().copied()
    }

    pub(crate) fn add(&mut self, fact: &'static str, place: Place) {
        self.0.push((fact, place));
    }
}

/// `{"name": ["PID-5"], …}`.
impl Serialize for Sources {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut facts: Vec<&'static str> = Vec::new();
        for (fact, _) in &self.0 {
            if !facts.contains(fact) {
                facts.push(fact);
            }
        }
        let mut map = serializer.serialize_map(Some(facts.len()))?;
        for fact in facts {
            map.serialize_entry(fact, &self.of(fact).collect::<Vec<_>>())?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_as_people_write_it() {
        let place = Place::new("PID", 5);
        assert_eq!(place.to_string(), "PID-5");
        assert_eq!(place.component(1).to_string(), "PID-5.1");
        assert_eq!(place.repetition(2).component(1).to_string(), "PID-5[2].1");
        assert_eq!(Place::new("OBX", 5).occurrence(3).to_string(), "OBX[3]-5");
    }

    #[test]
    fn a_fact_may_have_several_places() {
        let mut sources = Sources::default();
        sources.add("phones", Place::new("PID", 13));
        sources.add("name", Place::new("PID", 5));
        sources.add("phones", Place::new("PID", 14));
        let shown: Vec<String> = sources.of("phones").map(|place| place.to_string()).collect();
        assert_eq!(shown, ["PID-13", "PID-14"]);
    }
}
