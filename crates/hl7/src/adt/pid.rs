//! PID to [`PatientFacts`], by the official v2-to-FHIR mapping.

use super::{Address, Change, Death, Gender, PatientFacts, Warnings, filled, identity, one_line, telecom};
use crate::message::{Field, Repetition, Segment};
use crate::provenance::{Place, Sources};
use crate::timestamp::{PartialDate, Precision, Timestamp};

/// What PID says.
pub(super) fn facts(pid: &Segment<'_>, warnings: &mut Warnings) -> PatientFacts {
    let mut sources = Sources::default();
    let facts = PatientFacts {
        identifiers: identity::identifiers(pid, &mut sources),
        name: identity::name(&pid.field(5), &mut sources, warnings),
        names: identity::names(pid, &mut sources),
        birth_date: birth_date(&pid.field(7), warnings),
        gender: gender(&pid.field(8), warnings),
        address: address(pid, &mut sources, warnings),
        addresses: addresses(pid, &mut sources),
        language: language(&pid.field(15)),
        death: death(pid, warnings),
        contact: Change::Keep,
        contacts: Vec::new(),
        ..telecom::telecoms(pid, &mut sources, warnings)
    };
    let single = [
        ("birth_date", 7, facts.birth_date != Change::Keep),
        ("gender", 8, facts.gender != Change::Keep),
        ("language", 15, facts.language != Change::Keep),
        ("death", 29, facts.death != Change::Keep && !pid.field(29).is_empty()),
        ("death", 30, facts.death != Change::Keep && !pid.field(30).is_empty()),
    ];
    for (fact, field, _) in single.into_iter().filter(|(_, _, said)| *said) {
        sources.add(fact, Place::new("PID", field));
    }
    PatientFacts { sources, ..facts }
}

fn birth_date(field: &Field<'_>, warnings: &mut Warnings) -> Change<PartialDate> {
    if field.is_delete() {
        return Change::Delete;
    }
    let text = field.text();
    if text.is_empty() {
        return Change::Keep;
    }
    if let Some(timestamp) = Timestamp::parse(&text) {
        return Change::Set(timestamp.date.at_most(declared_precision(field)));
    }
    // Older systems write zeros for what they do not know.
    let known = text.strip_suffix("0000").or_else(|| text.strip_suffix("00")).filter(|known| known.len() < 8);
    if let Some(date) = known.and_then(PartialDate::parse) {
        warnings.add("PID-7", "month or day is zero, and was read as unknown");
        return Change::Set(date);
    }
    warnings.add("PID-7", "is not a date of the form YYYYMMDD; left as it is");
    Change::Keep
}

/// The degree of precision that versions before 2.6 may give beside a time.
fn declared_precision(field: &Field<'_>) -> Precision {
    match field.component(2).text().as_str() {
        "Y" => Precision::Year,
        "L" => Precision::Month,
        _ => Precision::Second,
    }
}

fn gender(field: &Field<'_>, warnings: &mut Warnings) -> Change<Gender> {
    if field.is_delete() {
        return Change::Delete;
    }
    match field.text().to_ascii_uppercase().as_str() {
        "" => Change::Keep,
        "M" | "MALE" => Change::Set(Gender::Male),
        "F" | "FEMALE" => Change::Set(Gender::Female),
        "O" | "A" | "N" | "OTHER" => Change::Set(Gender::Other),
        "U" | "UNKNOWN" => Change::Set(Gender::Unknown),
        "T" => {
            warnings.add("PID-8", "is not in HL7 table 0001; T was read as other");
            Change::Set(Gender::Other)
        }
        _ => {
            warnings.add("PID-8", "is not in HL7 table 0001; left as it is");
            Change::Keep
        }
    }
}

fn address(pid: &Segment<'_>, sources: &mut Sources, warnings: &mut Warnings) -> Change<Address> {
    let (field, district) = (pid.field(11), one_line(&pid.field(12).text()));
    if field.is_delete() {
        sources.add("address", Place::new("PID", 11));
        return Change::Delete;
    }
    let Some((_, number, mut address)) = lived_at(&field).min_by_key(|(rank, _, _)| *rank) else {
        if !field.is_empty() {
            warnings.add("PID-11", "holds no address that is lived at; left as it is");
        }
        return Change::Keep;
    };
    sources.add("address", Place::new("PID", 11).repetition(number));
    if address.district.is_empty() && !district.is_empty() {
        address.district = district;
        sources.add("address", Place::new("PID", 12));
    }
    Change::Set(address)
}

fn addresses(pid: &Segment<'_>, sources: &mut Sources) -> Vec<Address> {
    let found = lived_at(&pid.field(11));
    found
        .map(|(_, number, address)| {
            sources.add("addresses", Place::new("PID", 11).repetition(number));
            address
        })
        .collect()
}

/// The addresses that somebody may live at, each with its rank and its repetition.
fn lived_at<'m>(field: &Field<'m>) -> impl Iterator<Item = (u8, usize, Address)> + use<'m> {
    field
        .repetitions()
        .filter_map(|xad| Some((rank(&xad)?, xad.number(), one_address(&xad))))
        .filter(|(_, _, address)| *address != Address::default())
}

/// Where somebody lives before where they work; where they were born is no address of theirs.
fn rank(xad: &Repetition<'_>) -> Option<u8> {
    match xad.component(7).text().as_str() {
        "BA" | "BDL" | "BR" | "F" | "N" => None,
        "B" | "O" | "BI" | "S" | "SH" | "TM" | "V" => Some(1),
        _ => Some(0),
    }
}

fn one_address(xad: &Repetition<'_>) -> Address {
    let part = |number| one_line(&xad.component(number).text());
    let street = |number| xad.component(1).subcomponent(number);
    Address {
        line1: one_line(&format!("{} {} {}", street(1), street(2), street(3))),
        line2: one_line(&format!("{} {}", part(2), part(19))),
        city: part(3),
        state: part(4),
        postal_code: part(5),
        country: part(6),
        district: filled(part(9)).unwrap_or_else(|| one_line(&xad.component(9).subcomponent(2))),
    }
}

fn language(field: &Field<'_>) -> Change<String> {
    if field.is_delete() {
        return Change::Delete;
    }
    [1, 4, 2]
        .into_iter()
        .find_map(|number| filled(one_line(&field.component(number).text())))
        .map_or(Change::Keep, Change::Set)
}

fn death(pid: &Segment<'_>, warnings: &mut Warnings) -> Change<Death> {
    let (at, indicator) = (pid.field(29), pid.field(30));
    let said = indicator.text().to_ascii_uppercase();
    if !at.is_empty() && !at.is_delete() {
        if matches!(said.as_str(), "N" | "NO") {
            warnings.add("PID-30", "says the patient lives while PID-29 gives a time of death, which was followed");
        }
        let time = Timestamp::parse(&at.text());
        if time.is_none() {
            warnings.add("PID-29", "is not a time of the form YYYYMMDDHHMM; the death was read without it");
        }
        return Change::Set(Death::Deceased(time));
    }
    match said.as_str() {
        "Y" | "YES" => Change::Set(Death::Deceased(None)),
        "N" | "NO" => Change::Set(Death::Alive),
        _ if at.is_delete() || indicator.is_delete() => Change::Delete,
        "" => Change::Keep,
        _ => {
            warnings.add("PID-30", "is neither Y nor N; left as it is");
            Change::Keep
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    fn read(pid: &str) -> (PatientFacts, Vec<String>) {
        let message = parse(format!("MSH|^~\\&|\r{pid}").as_bytes()).unwrap();
        let mut warnings = Warnings::default();
        let facts = facts(&message.segment("PID").unwrap(), &mut warnings);
        (facts, warnings.locations())
    }

    fn born(pid7: &str) -> (Option<String>, bool) {
        let (facts, warnings) = read(&format!("PID|||7||A^B||{pid7}"));
        (facts.birth_date.value().map(ToString::to_string), !warnings.is_empty())
    }

    #[test]
    fn a_birth_date_is_as_precise_as_it_was_written() {
        assert_eq!(born("19750412"), (Some("1975-04-12".to_owned()), false));
        assert_eq!(born("197504120915+0215"), (Some("1975-04-12".to_owned()), false));
        assert_eq!(born("1975"), (Some("1975".to_owned()), false));
        assert_eq!(born("19750000"), (Some("1975".to_owned()), true));
        assert_eq!(born("19750400"), (Some("1975-04".to_owned()), true));
        assert_eq!(born("19750101^Y"), (Some("1975".to_owned()), false));
        for wrong in ["00000000", "12/04/1975", "19750431", "20301345", "unknown"] {
            assert_eq!(born(wrong), (None, true), "{wrong}");
        }
    }

    #[test]
    fn sex_follows_table_0001() {
        let sex = |code: &str| read(&format!("PID|||7||A^B|||{code}")).0.gender.into_value().map(Gender::as_str);
        assert_eq!(
            ["M", "f", "O", "A", "N", "U", "T"].map(sex).map(Option::unwrap),
            ["MALE", "FEMALE", "OTHER", "OTHER", "OTHER", "UNKNOWN", "OTHER"]
        );
        assert_eq!((sex(""), sex("9")), (None, None));
    }

    #[test]
    fn death_may_be_told_in_two_fields() {
        let death = |rest: &str| read(&format!("PID|||7||A^B{}{rest}", "|".repeat(23))).0.death;
        assert_eq!(death("|"), Change::Keep);
        assert_eq!(death("||Y"), Change::Set(Death::Deceased(None)));
        assert_eq!(death("||N"), Change::Set(Death::Alive));
        assert_eq!(death("|20261120|Y"), Change::Set(Death::Deceased(Timestamp::parse("20261120"))));
        assert_eq!(death("|soon|"), Change::Set(Death::Deceased(None)));
        assert_eq!(death("|\"\"|\"\""), Change::Delete);
        assert_eq!(death("|\"\"|N"), Change::Set(Death::Alive));
    }

    #[test]
    fn an_address_is_where_somebody_lives() {
        let (facts, _) = read(
            "PID|||7||A^B||||||HOSPITAL^^MADURAI^^^^BDL~12&Anna Salai^Teynampet^Chennai^TN^600018^IND^H^^\"\"|Chennai",
        );
        let address = facts.address.into_value().unwrap();
        assert_eq!((address.line1.as_str(), address.line2.as_str()), ("12 Anna Salai", "Teynampet"));
        assert_eq!((address.district.as_str(), address.postal_code.as_str()), ("Chennai", "600018"));
        let (facts, warnings) = read("PID|||7||A^B||||||HOSPITAL^^MADURAI^^^^BDL");
        assert_eq!((facts.address, warnings), (Change::Keep, vec!["PID-11".to_owned()]));
    }
}
