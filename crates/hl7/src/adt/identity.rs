//! Identifiers (CX) and names (XPN).

use super::{Change, Identifier, Name, Warnings, filled, one_line};
use crate::message::{Field, Repetition, Segment};

/// All identifiers of PID, each once.
pub(super) fn identifiers(pid: &Segment<'_>) -> Vec<Identifier> {
    let mut found = Vec::new();
    for number in [3, 2, 4] {
        collect(&mut found, &pid.field(number));
    }
    for (number, type_code) in [(19, "SB"), (20, "DL")] {
        let value = one_line(&pid.field(number).text());
        push(
            &mut found,
            Identifier { value, authority: None, authority_id: None, type_code: Some(type_code.to_owned()) },
        );
    }
    found
}

/// Adds the identifiers of a field.
pub(super) fn collect(found: &mut Vec<Identifier>, field: &Field<'_>) {
    for repetition in field.repetitions() {
        push(found, identifier(&repetition));
    }
}

fn identifier(cx: &Repetition<'_>) -> Identifier {
    let authority = cx.component(4);
    Identifier {
        value: one_line(&cx.component(1).text()),
        authority: filled(one_line(&authority.subcomponent(1))),
        authority_id: filled(one_line(&authority.subcomponent(2))),
        type_code: filled(one_line(&cx.component(5).text())),
    }
}

/// Unless it is empty, or there already; one that says no more than its value adds nothing to the same value.
fn push(found: &mut Vec<Identifier>, new: Identifier) {
    let bare = new.authority.is_none() && new.authority_id.is_none() && new.type_code.is_none();
    let known = found.iter().any(|old| *old == new || (bare && old.value == new.value));
    if !new.value.is_empty() && !known {
        found.push(new);
    }
}

/// Of several names the first that is in use: the standard has the primary or legal name come first.
pub(super) fn name(field: &Field<'_>, warnings: &mut Warnings) -> Change<Name> {
    if field.is_delete() {
        return Change::Delete;
    }
    match field.repetitions().filter_map(|repetition| one_name(&repetition)).min_by_key(rank) {
        Some(name) => Change::Set(name),
        None => {
            warnings.add("PID-5", "holds no name; left as it is");
            Change::Keep
        }
    }
}

pub(super) fn one_name(xpn: &Repetition<'_>) -> Option<Name> {
    let part = |number| one_line(&xpn.component(number).text());
    let mut name = Name {
        family: part(1),
        given: part(2),
        middle: part(3),
        suffix: part(4),
        prefix: part(5),
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
        let name = name(&field, &mut Warnings::default()).into_value().unwrap_or_default();
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
