//! Telephone numbers and e-mail addresses (XTN).

use super::{Change, PatientFacts, Phone, PhoneUse, Warnings, filled, one_line};
use crate::message::{Repetition, Segment};
use crate::provenance::{Place, Sources};

/// What one repetition is.
pub(super) enum Telecom {
    Phone(Phone),
    Email(String),
    Neither,
}

/// All telephone numbers, the best to call first, and the first e-mail address.
pub(super) fn telecoms(pid: &Segment<'_>, sources: &mut Sources, warnings: &mut Warnings) -> PatientFacts {
    let (mut phones, mut email) = (Vec::<Phone>::new(), Change::Keep);
    let mut deleted = false;
    for (number, default_use) in [(13, PhoneUse::Home), (40, PhoneUse::Other), (14, PhoneUse::Work)] {
        let (field, place) = (pid.field(number), Place::new("PID", number));
        if field.is_delete() {
            deleted = true;
            sources.add("phones", place);
        }
        for xtn in field.repetitions().filter(|xtn| !xtn.is_delete()) {
            match telecom(&xtn, default_use) {
                Telecom::Phone(phone) if phones.iter().all(|known| known.number != phone.number) => {
                    phones.push(phone);
                    sources.add("phones", place.repetition(xtn.number()));
                }
                Telecom::Phone(_) => {}
                Telecom::Email(address) if email == Change::Keep => {
                    email = Change::Set(address);
                    sources.add("email", place.repetition(xtn.number()));
                }
                Telecom::Email(_) => warnings.add(place, "a further e-mail address was left out"),
                Telecom::Neither if is_email(&xtn) && deletes_address(&xtn) => {
                    email = Change::Delete;
                    sources.add("email", place.repetition(xtn.number()));
                }
                Telecom::Neither => {
                    warnings.add(place, "neither a telephone number nor an e-mail address; left out");
                }
            }
        }
    }
    phones.sort_by_key(|phone| phone.r#use);
    let phones = match (phones.is_empty(), deleted) {
        (false, _) => Change::Set(phones),
        (true, true) => Change::Delete,
        (true, false) => Change::Keep,
    };
    PatientFacts { phones, email, ..PatientFacts::default() }
}

/// One repetition, read in the order of the official mapping: XTN-12, then XTN-5 to 7, then XTN-1.
pub(super) fn telecom(xtn: &Repetition<'_>, default_use: PhoneUse) -> Telecom {
    let part = |number| one_line(&xtn.component(number).text());
    if let Some(address) = [part(4), part(1)].into_iter().find(|text| text.contains('@')) {
        return Telecom::Email(address);
    }
    if is_email(xtn) || matches!(part(3).as_str(), "FX" | "MD" | "BP" | "TDD" | "TTY") || part(2) == "BPN" {
        return Telecom::Neither;
    }
    let number = [part(12), composed(&part(5), &part(6), &part(7)), part(1)]
        .into_iter()
        .find(|number| number.chars().any(|c| c.is_ascii_digit()));
    number.map_or(Telecom::Neither, |number| {
        Telecom::Phone(Phone { number, extension: filled(part(8)), r#use: purpose(&part(2), &part(3), default_use) })
    })
}

fn composed(country: &str, area: &str, local: &str) -> String {
    if local.is_empty() {
        return String::new();
    }
    let plus = if country.is_empty() || country.starts_with('+') { "" } else { "+" };
    format!("{plus}{country}{area}{local}")
}

fn purpose(use_code: &str, equipment: &str, default_use: PhoneUse) -> PhoneUse {
    match (use_code, equipment) {
        ("EMR", _) => PhoneUse::Emergency,
        ("WPN", _) => PhoneUse::Work,
        ("PRS", _) | (_, "CP") => PhoneUse::Mobile,
        ("PRN" | "ORN" | "VHN", _) => PhoneUse::Home,
        _ => default_use,
    }
}

fn is_email(xtn: &Repetition<'_>) -> bool {
    xtn.component(2).text() == "NET" || matches!(xtn.component(3).text().as_str(), "Internet" | "X.400")
}

fn deletes_address(xtn: &Repetition<'_>) -> bool {
    xtn.component(4).is_delete() || xtn.component(1).is_delete()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    fn read(fields: &str) -> (String, Change<String>, usize) {
        let message = parse(format!("MSH|^~\\&|\rPID||||||||||||{fields}").as_bytes()).unwrap();
        let mut warnings = Warnings::default();
        let PatientFacts { phones, email, .. } =
            telecoms(&message.segment("PID").unwrap(), &mut Sources::default(), &mut warnings);
        let shown = match phones {
            Change::Set(phones) => {
                phones.iter().map(|p| format!("{:?} {}", p.r#use, p.number)).collect::<Vec<_>>().join(", ")
            }
            other => format!("{other:?}"),
        };
        (shown, email, warnings.into_vec().len())
    }

    #[test]
    fn numbers_are_found_wherever_a_version_put_them() {
        assert_eq!(read("|98765 43210").0, "Home 98765 43210");
        assert_eq!(read("|^PRN^CP^^91^^9876543210").0, "Mobile +919876543210");
        assert_eq!(read("|044-2829 0200^WPN^PH^^91^44^28290200^12").0, "Work +914428290200");
        assert_eq!(read("|1^^PH^^^^^^^^^+91 98765 43210").0, "Home +91 98765 43210");
        assert_eq!(
            read("|04428290200~9876543210^PRS^CP|04466660000").0,
            "Mobile 9876543210, Home 04428290200, Work 04466660000"
        );
        assert_eq!(read("|9876543210|9876543210").0, "Home 9876543210");
    }

    #[test]
    fn addresses_and_other_machines_are_told_apart() {
        let (phones, email, warnings) = read("|^NET^Internet^r.lakshmi@example.in~0442829^^FX~x@y.in");
        assert_eq!((phones.as_str(), email, warnings), ("Keep", Change::Set("r.lakshmi@example.in".to_owned()), 2));
    }

    #[test]
    fn a_deletion_deletes_what_it_names() {
        assert_eq!(read("|\"\"").0, "Delete");
        assert_eq!(read("|\"\"|0442829").0, "Work 0442829");
        assert_eq!(read("|9876543210~^NET^Internet^\"\"").1, Change::Delete);
        assert_eq!(read("|").0, "Keep");
    }
}
