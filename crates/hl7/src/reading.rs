//! One segment while its facts are read: what is found is noted down with its place.

use crate::adt::{Change, Identifier};
use crate::datatype::{Coded, EntityId, Location, Organization, Person};
use crate::message::{Message, Repetition, Segment};
use crate::provenance::{Place, Sources};
use crate::text::{filled, one_line};
use crate::timestamp::Timestamp;
use crate::warning::Warnings;

/// A segment, and which of its name it is, from 1.
#[derive(Clone, Copy)]
pub(crate) struct Numbered<'m> {
    pub segment: Segment<'m>,
    pub occurrence: usize,
}

/// The segments of a message's first patient: what follows a second PID is another person's.
pub(crate) fn numbered(message: &Message) -> Vec<Numbered<'_>> {
    let mut seen: Vec<(&str, usize)> = message.before.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    let mut all = Vec::new();
    let mut patients = 0_usize;
    for segment in message.segments() {
        let occurrence = match seen.iter_mut().find(|(name, _)| *name == segment.name()) {
            Some((_, count)) => {
                *count += 1;
                *count
            }
            None => {
                seen.push((segment.name(), 1));
                1
            }
        };
        patients += usize::from(segment.name() == "PID");
        if patients > 1 {
            break;
        }
        all.push(Numbered { segment, occurrence });
    }
    all
}

pub(crate) struct Reading<'m, 'w> {
    of: Numbered<'m>,
    pub sources: Sources,
    pub warnings: &'w mut Warnings,
}

impl<'m, 'w> Reading<'m, 'w> {
    pub fn new(of: Numbered<'m>, warnings: &'w mut Warnings) -> Self {
        Self { of, sources: Sources::default(), warnings }
    }

    pub fn segment(&self) -> &Segment<'m> {
        &self.of.segment
    }

    pub fn place(&self, field: usize) -> Place {
        Place::new(self.of.segment.name(), field).occurrence(self.of.occurrence)
    }

    pub fn warn(&mut self, field: usize, message: &'static str) {
        self.warnings.add(self.place(field), message);
    }

    /// The first component on one line.
    pub fn text(&mut self, fact: &'static str, field: usize) -> Option<String> {
        let text = filled(one_line(&self.of.segment.field(field).text()))?;
        self.sources.add(fact, self.place(field));
        Some(text)
    }

    /// All repetitions, each whole; line breaks stay.
    pub fn texts(&mut self, fact: &'static str, field: usize) -> Vec<String> {
        self.each(fact, field, |repetition| filled(repetition.whole_text()))
    }

    pub fn coded(&mut self, fact: &'static str, field: usize) -> Option<Coded> {
        self.first(fact, field, Coded::read)
    }

    pub fn codes(&mut self, fact: &'static str, field: usize) -> Vec<Coded> {
        self.each(fact, field, Coded::read)
    }

    pub fn person(&mut self, fact: &'static str, field: usize) -> Option<Person> {
        self.first(fact, field, Person::read)
    }

    pub fn people(&mut self, fact: &'static str, field: usize) -> Vec<Person> {
        self.each(fact, field, Person::read)
    }

    pub fn location(&mut self, fact: &'static str, field: usize) -> Option<Location> {
        self.first(fact, field, Location::read)
    }

    pub fn organization(&mut self, fact: &'static str, field: usize) -> Option<Organization> {
        self.first(fact, field, Organization::read)
    }

    pub fn entity(&mut self, fact: &'static str, field: usize) -> Option<EntityId> {
        self.first(fact, field, EntityId::read)
    }

    pub fn identifier(&mut self, fact: &'static str, field: usize) -> Option<Identifier> {
        self.first(fact, field, |cx| Identifier::read(cx).filter(|identifier| !identifier.value.is_empty()))
    }

    /// A time; one that cannot be read is a warning and nothing.
    pub fn time(&mut self, fact: &'static str, field: usize) -> Option<Timestamp> {
        let text = filled(self.of.segment.field(field).text())?;
        let time = Timestamp::parse(&text);
        match time {
            Some(_) => self.sources.add(fact, self.place(field)),
            None => self.warn(field, "is not a time of the form YYYYMMDDHHMM; left out"),
        }
        time
    }

    /// A time that the message may take back with `""`.
    pub fn time_change(&mut self, fact: &'static str, field: usize) -> Change<Timestamp> {
        if self.of.segment.field(field).is_delete() {
            self.sources.add(fact, self.place(field));
            return Change::Delete;
        }
        self.time(fact, field).map_or(Change::Keep, Change::Set)
    }

    pub fn first<T>(
        &mut self,
        fact: &'static str,
        field: usize,
        read: impl Fn(&Repetition<'m>) -> Option<T>,
    ) -> Option<T> {
        let (number, value) =
            self.of.segment.field(field).repetitions().find_map(|one| Some((one.number(), read(&one)?)))?;
        self.sources.add(fact, self.place(field).repetition(number));
        Some(value)
    }

    pub fn each<T>(&mut self, fact: &'static str, field: usize, read: impl Fn(&Repetition<'m>) -> Option<T>) -> Vec<T> {
        let place = self.place(field);
        let sources = &mut self.sources;
        let found = self.of.segment.field(field).repetitions().filter_map(|one| Some((one.number(), read(&one)?)));
        found
            .map(|(number, value)| {
                sources.add(fact, place.repetition(number));
                value
            })
            .collect()
    }
}
