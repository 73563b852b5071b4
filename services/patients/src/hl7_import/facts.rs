//! From what a message says to what is kept. Pure. A sender cannot mend what does not fit, so it becomes a warning and
//! the rest is taken.

use chassis::phi::Phi;
use chassis::strict_json::Fault;
use chrono::NaiveDate;
use hl7::adt::{Address as SaidAddress, Change, Contact, Death, Identifier, IdentifierKind, Name, PatientFacts};
use hl7::{PartialDate, Precision};

use super::kept;
use crate::fields::abha::{self, AbhaAddress, AbhaNumber};
use crate::fields::contact::{Email, Language, PostalCode, fits_country};
use crate::fields::phone::Phone;
use crate::fields::words::{AddressLine, FirstName, LastName, PlaceName};
use crate::fields::{Rule, aadhaar, birth_date, checked};
use crate::patient::{Address, EmergencyContact, Facts};

/// A number by which the sender, or somebody else, knows the patient.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Known {
    /// Who gave the number.
    pub authority: String,
    /// The number.
    pub value: String,
    /// Its type from HL7 table 0203.
    pub type_code: String,
}

/// Types of numbers that are a visit's or a bill's, not a person's.
const NOT_A_PERSONS: [&str; 6] = ["AN", "ANON", "BA", "VN", "WP", "XX"];
/// The longest name of an authority, in characters, as long as HL7 lets it be.
const LONGEST_AUTHORITY: usize = 227;
/// Identifiers that are kept of one message at most.
const MOST_IDENTIFIERS: usize = 20;

/// The numbers by which a patient is recognised; those without an authority are the sending facility's.
pub fn identifiers(said: &PatientFacts, facility: &str, warnings: &mut Vec<String>) -> Vec<Known> {
    known_by(&said.identifiers, facility, "PID-3", warnings)
}

/// The same of any list of numbers, which stands in `place`.
pub fn known_by(identifiers: &[Identifier], facility: &str, place: &str, warnings: &mut Vec<String>) -> Vec<Known> {
    let mut known: Vec<Known> = Vec::new();
    for identifier in identifiers {
        let type_code = identifier.type_code.clone().unwrap_or_default();
        let of_person = matches!(identifier.kind(), IdentifierKind::MedicalRecord | IdentifierKind::Other);
        if !of_person || NOT_A_PERSONS.contains(&type_code.as_str()) {
            continue;
        }
        if is_aadhaar(identifier, &type_code) {
            warnings.push(format!("{place}: an Aadhaar number was left out; it may not be kept"));
            continue;
        }
        if identifier.value.contains('\0') || identifier.value.chars().count() > 100 || known.len() >= MOST_IDENTIFIERS
        {
            warnings.push(format!("{place}: an identifier was left out; it is too long, or one too many"));
            continue;
        }
        let authority = identifier.authority.as_deref().or(identifier.authority_id.as_deref()).unwrap_or(facility);
        // Cut short it could be another's.
        if authority.chars().count() > LONGEST_AUTHORITY {
            warnings.push(format!("{place}: an identifier was left out; the name of its authority is too long"));
            continue;
        }
        let authority = authority.to_owned();
        known.push(Known { authority, value: identifier.value.clone(), type_code });
    }
    known.sort();
    known.dedup_by(|one, other| one.authority == other.authority && one.value == other.value);
    known
}

/// What is left of an Aadhaar number, or what looks like one and is none of the sender's own.
fn is_aadhaar(identifier: &Identifier, type_code: &str) -> bool {
    let authorities = [&identifier.authority, &identifier.authority_id].into_iter().flatten();
    let authority = authorities.map(String::as_str).collect::<Vec<_>>().join(" ");
    let is_own = kept::is_hospitals_own(&identifier.value, type_code, &authority);
    aadhaar::is_crossed_out(&identifier.value) || (aadhaar::is_within(&identifier.value) && !is_own)
}

/// The facts after a message: those known before, changed by what it says.
///
/// # Errors
/// In words for the sender, when somebody new has no usable name.
pub fn after(
    known: Option<&Facts>,
    said: &PatientFacts,
    today: NaiveDate,
    warnings: &mut Vec<String>,
) -> Result<Facts, &'static str> {
    let mut facts = named(known, &said.name, warnings)?;
    match &said.birth_date {
        Change::Keep => {}
        Change::Delete => (facts.date_of_birth, facts.date_of_birth_estimated) = (None, false),
        Change::Set(date) => born(&mut facts, date, today, warnings),
    }
    match &said.gender {
        Change::Keep => {}
        Change::Delete => "UNKNOWN".clone_into(&mut facts.gender),
        Change::Set(gender) => gender.as_str().clone_into(&mut facts.gender),
    }
    match &said.phones {
        Change::Keep => {}
        Change::Delete => facts.phone = None,
        Change::Set(phones) => match phones.iter().find_map(|phone| checked::<Phone>(&phone.number).ok()) {
            Some(phone) => facts.phone = Some(phone),
            None => warnings.push("PID-13: no phone number that can be dialled; left as it is".to_owned()),
        },
    }
    set::<Email>(&mut facts.email, &said.email, "PID-13 (e-mail)", warnings);
    set::<Language>(&mut facts.preferred_language, &said.language, "PID-15", warnings);
    match &said.address {
        Change::Keep => {}
        Change::Delete => facts.address = Address::default(),
        Change::Set(address) => facts.address = lives(address, warnings),
    }
    match &said.contact {
        Change::Keep => {}
        Change::Delete => facts.emergency_contact = None,
        Change::Set(contact) => call(&mut facts, contact, warnings),
    }
    abha(&mut facts, said, warnings);
    if matches!(said.death, Change::Set(Death::Deceased(_))) {
        warnings.push("PID-30: a death is not kept in the patient's record yet; the message is".to_owned());
    }
    Ok(facts)
}

/// Warns where a message that names a known patient gives another birth date or gender: the number may be another person's.
pub fn compare(known: &Facts, said: &PatientFacts, warnings: &mut Vec<String>) {
    let born =
        said.birth_date.value().filter(|date| date.precision() == Precision::Day).and_then(PartialDate::first_day);
    if let (Some(born), Some(known), false) = (born, known.date_of_birth, known.date_of_birth_estimated)
        && born != known
    {
        warnings.push("PID-7: differs from the known birth date; left as it is".to_owned());
    }
    let gender = said.gender.value().map(|gender| gender.as_str());
    if gender.is_some_and(|gender| gender != "UNKNOWN" && known.gender != "UNKNOWN" && gender != known.gender) {
        warnings.push("PID-8: differs from the known gender; left as it is".to_owned());
    }
}

fn named(known: Option<&Facts>, name: &Change<Name>, warnings: &mut Vec<String>) -> Result<Facts, &'static str> {
    let usable = name.value().map(|name| (whole::<FirstName>(&name.first_name()), last_name(name, warnings)));
    match (known, usable) {
        (Some(known), Some((Ok(first_name), last_name))) => Ok(Facts { first_name, last_name, ..known.clone() }),
        (Some(known), unusable) => {
            if unusable.is_some() || *name == Change::Delete {
                warnings.push("PID-5: a name cannot be taken away or replaced by none; left as it is".to_owned());
            }
            Ok(known.clone())
        }
        (None, Some((Ok(first_name), last_name))) => Ok(Facts::of(first_name, last_name)),
        (None, _) => Err("PID-5: a new patient needs a name"),
    }
}

fn last_name(name: &Name, warnings: &mut Vec<String>) -> Phi<String> {
    part::<LastName>(&name.family, "PID-5 (family name)", warnings).unwrap_or_default()
}

/// A date of which only the year or the month is known is kept as its first day, and as an estimate; but for the known one, where
/// that lies within it.
fn born(facts: &mut Facts, date: &PartialDate, today: NaiveDate, warnings: &mut Vec<String>) {
    let is_less_exact = date.precision() < Precision::Day;
    if let Some(known) = facts.date_of_birth.filter(|_| is_less_exact)
        && PartialDate::Day(known).at_most(date.precision()) == *date
    {
        if !facts.date_of_birth_estimated {
            warnings
                .push("PID-7: is less exact than the known birth date, which agrees with it; left as it is".to_owned());
        }
        return;
    }
    match date.first_day().map(|day| birth_date::within(day, today)) {
        Some(Ok(day)) => {
            facts.date_of_birth = Some(day);
            facts.date_of_birth_estimated = is_less_exact;
        }
        Some(Err(fault)) => warnings.push(warning("PID-7", &fault)),
        None => warnings.push("PID-7: is no date; left as it is".to_owned()),
    }
}

fn lives(said: &SaidAddress, warnings: &mut Vec<String>) -> Address {
    let country = part::<PlaceName>(&said.country, "PID-11 (country)", warnings);
    let named = country.as_ref().map_or("", |country| country.expose());
    let pin_code = part::<PostalCode>(&said.postal_code, "PID-11 (postal code)", warnings).filter(|code| {
        let fits = fits_country(code.expose(), named);
        warnings.extend(fits.as_ref().err().map(|fault| warning("PID-11 (postal code)", fault)));
        fits.is_ok()
    });
    Address {
        line1: part::<AddressLine>(&said.line1, "PID-11 (street)", warnings),
        line2: part::<AddressLine>(&said.line2, "PID-11 (locality)", warnings),
        city: part::<PlaceName>(&said.city, "PID-11 (city)", warnings),
        district: part::<PlaceName>(&said.district, "PID-11 (district)", warnings),
        state: part::<PlaceName>(&said.state, "PID-11 (state)", warnings),
        pin_code,
        country,
    }
}

fn call(facts: &mut Facts, contact: &Contact, warnings: &mut Vec<String>) {
    let Some(name) = part::<FirstName>(&contact.name, "NK1-2", warnings) else { return };
    let relationship = part::<PlaceName>(&contact.relationship, "NK1-3", warnings);
    let phone = part::<Phone>(&contact.phone, "NK1-5", warnings);
    facts.emergency_contact = Some(EmergencyContact { name, relationship, phone });
}

/// A known ABHA number is not overwritten: another one means another person until somebody has looked.
fn abha(facts: &mut Facts, said: &PatientFacts, warnings: &mut Vec<String>) {
    if let Some(number) =
        said.abha_number().and_then(|number| part::<AbhaNumber>(&number, "PID-3 (ABHA number)", warnings))
    {
        if !abha::passes_luhn(number.expose()) {
            warnings.push("PID-3: the ABHA number's last digit is not the expected check digit".to_owned());
        }
        match &facts.abha_number {
            Some(known) if *known != number => {
                warnings.push("PID-3: differs from the known ABHA number; left as it is".to_owned())
            }
            _ => facts.abha_number = Some(number),
        }
    }
    if let Some(address) =
        said.abha_address().and_then(|address| part::<AbhaAddress>(address, "PID-3 (ABHA address)", warnings))
    {
        facts.abha_address = Some(address);
    }
}

fn set<R: Rule>(field: &mut Option<Phi<String>>, said: &Change<String>, place: &str, warnings: &mut Vec<String>) {
    match said {
        Change::Keep => {}
        Change::Delete => *field = None,
        Change::Set(text) => {
            if let Some(value) = part::<R>(text, place, warnings) {
                *field = Some(value);
            }
        }
    }
}

fn part<R: Rule>(text: &str, place: &str, warnings: &mut Vec<String>) -> Option<Phi<String>> {
    if text.trim().is_empty() {
        return None;
    }
    whole::<R>(text).map_err(|fault| warnings.push(warning(place, &fault))).ok()
}

/// A text in which nothing was crossed out: what is left of a number is no part of a name or an address.
fn whole<R: Rule>(text: &str) -> Result<Phi<String>, Fault> {
    if aadhaar::is_crossed_out(text) { Err(aadhaar::refused()) } else { checked::<R>(text) }
}

fn warning(place: &str, fault: &Fault) -> String {
    format!("{place}: {}; left out", fault.message)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn said(pid: &str) -> PatientFacts {
        let message = format!("MSH|^~\\&|HIS|APOLLO|EHS|EHS|20261123||ADT^A08|1|P|2.5\rPID|1||{pid}\r");
        hl7::adt::read(&hl7::parse(message.as_bytes()).unwrap()).unwrap().patient
    }

    fn apply(known: Option<&Facts>, pid: &str) -> (Facts, Vec<String>) {
        let mut warnings = Vec::new();
        let today = NaiveDate::from_ymd_opt(2026, 11, 23).unwrap();
        (after(known, &said(pid), today, &mut warnings).unwrap(), warnings)
    }

    #[test]
    fn empty_keeps_and_quotes_delete() {
        let (first, warnings) =
            apply(None, "1^^^A^MR||Raman^Lakshmi||19800412|F|||12 MG Road^^Chennai^TN^600001^IN||9876543210");
        assert_eq!(warnings, Vec::<String>::new());
        assert_eq!(first.phone.as_ref().unwrap().expose(), "+919876543210");
        let (kept, _) = apply(Some(&first), "1^^^A^MR||||||||||");
        assert!(kept == first);
        let (gone, _) = apply(Some(&first), "1^^^A^MR||||\"\"||||\"\"||\"\"");
        assert!(gone.phone.is_none() && gone.date_of_birth.is_none() && gone.address == Address::default());
    }

    #[test]
    fn what_does_not_fit_is_a_warning_and_the_rest_is_taken() {
        let (facts, warnings) = apply(
            None,
            "1^^^A^MR||DUCK^DONALD^D||19241010|M|||111 DUCK ST^^FOWL^CA^999990000^^M||8885551212x||KLINGON",
        );
        assert_eq!(facts.first_name.expose(), "DONALD D");
        assert_eq!(facts.address.city.unwrap().expose(), "FOWL");
        assert!(facts.phone.is_none() && facts.address.pin_code.is_none());
        assert_eq!(warnings.len(), 3, "{warnings:?}");
        assert!(!warnings.join(" ").contains("DUCK"), "{warnings:?}");
    }

    #[test]
    fn precision_is_kept_as_an_estimate() {
        let (facts, _) = apply(None, "1^^^A^MR||Kumar^Ravi||1975");
        assert_eq!(facts.date_of_birth.unwrap().to_string(), "1975-01-01");
        assert!(facts.date_of_birth_estimated);
    }

    #[test]
    fn a_less_exact_birth_date_takes_nothing_from_the_known_one() {
        let born = |known: &str, said: &str| {
            let (before, _) = apply(None, &format!("1^^^A^MR||Kumar^Ravi||{known}"));
            let (after, warnings) = apply(Some(&before), &format!("1^^^A^MR||Kumar^Ravi||{said}"));
            (after.date_of_birth.unwrap().to_string(), after.date_of_birth_estimated, warnings.len())
        };
        assert_eq!(born("19800412", "1980"), ("1980-04-12".to_owned(), false, 1));
        assert_eq!(born("19800412", "198004"), ("1980-04-12".to_owned(), false, 1));
        assert_eq!(born("198004", "1980"), ("1980-04-01".to_owned(), true, 0), "nor from a month");
        // One that does not agree is news.
        assert_eq!(born("19800412", "1981"), ("1981-01-01".to_owned(), true, 0));
        assert_eq!(born("19800412", "198005"), ("1980-05-01".to_owned(), true, 0));
        assert_eq!(born("1980", "19800412"), ("1980-04-12".to_owned(), false, 0));
    }

    #[test]
    fn numbers_of_persons_only_and_no_aadhaar() {
        let mut warnings = Vec::new();
        let facts = said("7^^^A^MR~V1^^^A^VN~234123412346^^^UIDAI^NI~8||Kumar^Ravi");
        let known = identifiers(&facts, "APOLLO", &mut warnings);
        let pairs: Vec<_> = known.iter().map(|k| (k.authority.as_str(), k.value.as_str())).collect();
        assert_eq!(pairs, [("A", "7"), ("APOLLO", "8")]);
        assert_eq!(warnings.len(), 1);
    }

    #[test]
    fn a_number_that_only_looks_like_an_aadhaar_number_is_the_hospitals() {
        let mut warnings = Vec::new();
        let facts = said("202611279999^^^A^MR~202611279999^^^UIDAI^MR~202611279999~XXXXXXXX2346^^^A^MR||Kumar^Ravi");
        let known = identifiers(&facts, "APOLLO", &mut warnings);
        let pairs: Vec<_> = known.iter().map(|k| (k.authority.as_str(), k.value.as_str())).collect();
        assert_eq!(pairs, [("A", "202611279999")]);
        assert_eq!(warnings.len(), 2, "the bare one says no more than the first: {warnings:?}");
    }

    #[test]
    fn what_is_left_of_a_number_is_in_no_name_and_no_address() {
        let (facts, warnings) = apply(None, "1^^^A^MR||XXXX XXXX 2346^Ravi||||||XXXX XXXX 2346^^Salem");
        assert_eq!((facts.first_name.expose().as_str(), facts.last_name.expose().as_str()), ("Ravi", ""));
        assert!(facts.address.line1.is_none() && facts.address.city.is_some());
        assert_eq!(warnings.len(), 2, "{warnings:?}");
    }
}
