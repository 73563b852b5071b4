//! Identifiers (CX) and names (XPN).

use super::{Change, Identifier, Name, Warnings, filled, one_line};
use crate::message::{Field, Repetition, Segment};
use crate::provenance::{Place, Sources};

/// All identifiers of PID, each once.
pub(super) fn identifiers(pid: &Segment<'_>, sources: &mut Sources) -> Vec<Identifier> {
    let mut found = Vec::new();
    for number in [3, 2, 4] {
        collect(&mut found, &pid.field(number), Place::new("PID", number), sources);
    }
    for (number, type_code) in [(19, "SB"), (20, "DL")] {
        let value = one_line(&pid.field(number).text());
        let new = Identifier { value, authority: None, authority_id: None, type_code: Some(type_code.to_owned()) };
        push(&mut found, new, Place::new("PID", number), sources);
    }
    found
}

/// Adds the identifiers of a field.
pub(super) fn collect(found: &mut Vec<Identifier>, field: &Field<'_>, place: Place, sources: &mut Sources) {
    for repetition in field.repetitions() {
        if let Some(identifier) = Identifier::read(&repetition) {
            push(found, identifier, place.repetition(repetition.number()), sources);
        }
    }
}

/// Unless it is empty, or there already; one that says no more than its value adds nothing to the same value.
fn push(found: &mut Vec<Identifier>, new: Identifier, place: Place, sources: &mut Sources) {
    let bare = new.authority.is_none() && new.authority_id.is_none() && new.type_code.is_none();
    let known = found.iter().any(|old| *old == new || (bare && old.value == new.value));
    if !new.value.is_empty() && !known {
        found.push(new);
        sources.add("identifiers", place);
    }
}

/// Of several names the first that is in use: the standard has the primary or legal name come first.
pub(super) fn name(field: &Field<'_>, sources: &mut Sources, warnings: &mut Warnings) -> Change<Name> {
    if field.is_delete() {
        sources.add("name", Place::new("PID", 5));
        return Change::Delete;
    }
    let names = field.repetitions().filter_map(|repetition| Some((repetition.number(), one_name(&repetition)?)));
    match names.min_by_key(|(_, name)| rank(name)) {
        Some((number, name)) => {
            sources.add("name", Place::new("PID", 5).repetition(number));
            Change::Set(name)
        }
        None => {
            warnings.add("PID-5", "holds no name; left as it is");
            Change::Keep
        }
    }
}

/// All names: of PID-5, and the aliases of PID-9.
pub(super) fn names(pid: &Segment<'_>, sources: &mut Sources) -> Vec<Name> {
    let mut found = Vec::new();
    for number in [5, 9] {
        for repetition in pid.field(number).repetitions() {
            if let Some(name) = one_name(&repetition).filter(|name| !found.contains(name)) {
                found.push(name);
                sources.add("names", Place::new("PID", number).repetition(repetition.number()));
            }
        }
    }
    found
}

pub(super) fn one_name(xpn: &Repetition<'_>) -> Option<Name> {
    let part = |number| one_line(&xpn.component(number).text());
    let mut name = Name {
        family: part(1),
        given: part(2),
        middle: part(3),
        suffix: one_line(&format!("{} {} {}", part(4), part(6), part(14))),
        prefix: part(5),
        called: filled(part(15)),
        type_code: filled(part(7)),
    };
    // A name of one word stands in either place; it is what the person is called.
    for from in [&mut name.middle, &mut name.family] {
        if name.given.is_empty() {
            name.given = std::mem::take(from);
        }
    }
    (!name.given.is_empty()).then_some(name)
}

fn rank(name: &Name) -> u8 {
    match name.type_code.as_deref().unwrap_or("") {
        "A" | "NB" | "TEMP" | "NAV" | "B" => 1,
        "N" | "M" | "F" | "P" | "S" | "K" | "REL" | "T" | "I" => 2,
        "BAD" | "NOUSE" | "MSK" => 3,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    fn read(pid5: &str) -> (String, String, String) {
        let message = parse(format!("MSH|^~\\&|\rPID|||||{pid5}").as_bytes()).unwrap();
        let field = message.segment("PID").unwrap().field(5);
        let name = name(&field, &mut Sources::default(), &mut Warnings::default()).into_value().unwrap_or_default();
        (name.given, name.middle, name.family)
    }

    fn parts(given: &str, middle: &str, family: &str) -> (String, String, String) {
        (given.to_owned(), middle.to_owned(), family.to_owned())
    }

    #[test]
    fn names_of_every_shape_are_read() {
        assert_eq!(read("SHARMA^RAJESH^KUMAR^^Shri^^L"), parts("RAJESH", "KUMAR", "SHARMA"));
        assert_eq!(read("LAKSHMI"), parts("LAKSHMI", "", ""));
        assert_eq!(read("^LAKSHMI"), parts("LAKSHMI", "", ""));
        assert_eq!(read("NAIR^^SUDHA"), parts("SUDHA", "", "NAIR"));
        assert_eq!(read("R^LAKSHMI"), parts("LAKSHMI", "", "R"));
        assert_eq!(read("VAN DEN BERG&VAN DEN&BERG^ANNA"), parts("ANNA", "", "VAN DEN BERG"));
    }

    #[test]
    fn of_several_names_the_first_in_use_counts() {
        assert_eq!(read("OLD^NAME^^^^^M~NEW^NAME^^^^^L").2, "NEW");
        assert_eq!(read("FIRST^A^^^^^D~SECOND^B^^^^^L").2, "FIRST");
        assert_eq!(read("WRONG^A^^^^^BAD").2, "WRONG");
    }
}
