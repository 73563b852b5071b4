//! A row becomes a patient, or the list of what is wrong with it. Pure: what a row may say is what a caller may say over HTTP,
//! by the same type and the same rules.

use chassis::strict_json::{Fault, Faults};
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Map, Value, json};

use super::source::Raw;
use crate::error::Error;
use crate::fields::aadhaar;
use crate::patient::Facts;
use crate::registration::input::PatientInput;

/// The columns that are known. Several names of one thing stand for the schemas that dumps come in.
pub const KNOWN: [&str; 45] = [
    "id",
    "pk",
    "patient_id",
    "first_name",
    "last_name",
    "date_of_birth",
    "dob",
    "date_of_birth_estimated",
    "gender",
    "sex",
    "email",
    "phone",
    "phone_number",
    "mobile",
    "blood_group",
    "address",
    "address_line1",
    "address_line2",
    "line1",
    "line2",
    "city",
    "district",
    "state",
    "pin_code",
    "pincode",
    "postal_code",
    "zip_code",
    "country",
    "abha_number",
    "abha_address",
    "emergency_contact",
    "emergency_contact_name",
    "emergency_contact_relationship",
    "emergency_contact_phone",
    "preferred_language",
    "language",
    "primary_doctor",
    "primary_doctor_id",
    "user",
    "user_id",
    "is_active",
    "active",
    "created_at",
    "registered_at",
    "updated_at",
];

/// Digits of a patient number at most: who is registered next gets the number after the highest, so that one slip of the pen
/// would make all numbers long.
pub const DIGITS: usize = 9;
/// The same where the older system's numbers are known to be so long.
pub const DIGITS_OF_LONG: usize = 15;
/// Characters of a key at most.
const LONGEST_KEY: usize = 100;
/// Characters of an address line at most, as the rule of the field has it.
const ADDRESS_LINE: usize = 200;

/// A row that passed the rules.
pub struct Checked {
    /// The line on which it begins.
    pub line: u64,
    /// The older system's id of the patient.
    pub key: String,
    /// The number that people know the patient by, where it goes on to hold.
    pub patient_id: Option<String>,
    /// When the patient was registered there.
    pub created_at: Option<DateTime<Utc>>,
    /// The patient.
    pub facts: Facts,
}

/// A row that is left out.
#[derive(Debug)]
pub struct Refused {
    /// The line on which it begins.
    pub line: u64,
    /// Its key, if it has one.
    pub key: Option<String>,
    /// Why, without the values.
    pub faults: Vec<Fault>,
}

/// Whether a column of this name is known.
pub fn is_known(name: &str) -> bool {
    KNOWN.contains(&name)
}

/// The columns of an object: its members, or those of its `fields` where Django's `dumpdata` wrote it.
///
/// # Errors
/// When it is no object, or has members that are not known.
pub fn columns(value: Value, ignored: &[String]) -> Result<Map<String, Value>, Fault> {
    let Value::Object(mut members) = value else { return Err(Fault::new("invalid_json", "is not a JSON object")) };
    if let (Some(Value::Object(_)), true) = (members.get("fields"), members.contains_key("model")) {
        let key = members.remove("pk");
        if let Some(Value::Object(fields)) = members.remove("fields") {
            members = fields;
        }
        members.extend(key.map(|key| ("pk".to_owned(), key)));
    }
    members.retain(|name, _| !ignored.contains(name));
    let unknown: Vec<String> = members.keys().filter(|name| !is_known(name)).map(|name| shortened(name)).collect();
    if unknown.is_empty() {
        Ok(members)
    } else {
        Err(Fault::new("unknown_field", format!("has columns that are not known: {}", unknown.join(", "))))
    }
}

/// Checks a row, whose patient number has so many digits at most.
///
/// # Errors
/// With everything that is wrong with it.
pub fn check(raw: Raw, digits_at_most: usize, today: NaiveDate) -> Result<Checked, Refused> {
    let line = raw.line;
    let mut columns = match raw.columns {
        Ok(columns) => columns,
        Err(fault) => return Err(Refused { line, key: None, faults: vec![fault] }),
    };
    let mut faults = Faults::new();
    let key = key(&mut columns, &mut faults);
    let patient_id = text(&mut columns, &["patient_id"]).filter(|number| {
        let digits = number.strip_prefix('P').unwrap_or_default();
        let fits = (5..=digits_at_most).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
        if !fits {
            let message = format!("must be P and five to {digits_at_most} digits");
            faults.push("patient_id", "invalid_patient_id", message);
        }
        fits
    });
    let created_at = text(&mut columns, &["created_at", "registered_at"]).and_then(|text| {
        let read = text.parse::<DateTime<Utc>>().ok().filter(|at| *at <= Utc::now());
        if read.is_none() {
            faults.push("created_at", "invalid_time", "must be a time that has come, with its offset from UTC");
        }
        read
    });
    columns.remove("updated_at");
    let is_active = flag(take(&mut columns, &["is_active", "active"]));
    let sent = as_sent(columns);
    let facts = match deserr::deserialize::<PatientInput, _, Faults>(sent) {
        Ok(input) => input.for_new(today).map_err(|error| fault_of(error, &mut faults)).ok(),
        Err(more) => {
            faults.0.extend(more.0);
            None
        }
    };
    let is_active = match is_active {
        Value::Null => Some(true),
        Value::Bool(is_active) => Some(is_active),
        _ => {
            faults.push("is_active", "wrong_type", "must be true or false");
            None
        }
    };
    match (key, facts, is_active) {
        (Some(key), Some(facts), Some(is_active)) if faults.0.is_empty() => {
            Ok(Checked { line, key, patient_id, created_at, facts: Facts { is_active, ..facts } })
        }
        (key, ..) => Err(Refused { line, key, faults: faults.0 }),
    }
}

fn key(columns: &mut Map<String, Value>, faults: &mut Faults) -> Option<String> {
    let key = text(columns, &["id", "pk"]);
    let fault = match &key {
        None => Fault::new("required", "is required: the row's key"),
        Some(key) if key.chars().count() > LONGEST_KEY => Fault::new("too_long", "must have at most 100 characters"),
        Some(key) if aadhaar::is_within(key) => aadhaar::refused(),
        Some(_) => return key,
    };
    faults.0.push(fault.at("id"));
    None
}

/// The columns as the body of a POST.
fn as_sent(mut columns: Map<String, Value>) -> Value {
    let mut sent = Map::new();
    let mut put = |name: &str, value: Value| {
        if !value.is_null() {
            sent.insert(name.to_owned(), value);
        }
    };
    for name in ["first_name", "last_name", "email", "abha_number", "abha_address"] {
        put(name, take(&mut columns, &[name]));
    }
    put("date_of_birth", take(&mut columns, &["date_of_birth", "dob"]));
    put("date_of_birth_estimated", flag(take(&mut columns, &["date_of_birth_estimated"])));
    put("gender", gender(take(&mut columns, &["gender", "sex"])));
    put("phone", worded(take(&mut columns, &["phone", "phone_number", "mobile"])));
    put("blood_group", take(&mut columns, &["blood_group"]));
    put("preferred_language", take(&mut columns, &["preferred_language", "language"]));
    put("primary_doctor", number(take(&mut columns, &["primary_doctor", "primary_doctor_id"])));
    put("user", number(take(&mut columns, &["user", "user_id"])));
    put("address", address(&mut columns));
    put("emergency_contact", emergency_contact(&mut columns));
    Value::Object(sent)
}

fn address(columns: &mut Map<String, Value>) -> Value {
    let mut address = match take(columns, &["address"]) {
        Value::Object(address) => address,
        Value::String(text) => lines(&text),
        Value::Null => Map::new(),
        other => return other,
    };
    for (name, names) in [
        ("line1", &["address_line1", "line1"][..]),
        ("line2", &["address_line2", "line2"]),
        ("city", &["city"]),
        ("district", &["district"]),
        ("state", &["state"]),
        ("pin_code", &["pin_code", "pincode", "postal_code", "zip_code"]),
        ("country", &["country"]),
    ] {
        let value = worded(take(columns, names));
        if !value.is_null() {
            address.insert(name.to_owned(), value);
        }
    }
    if address.is_empty() { Value::Null } else { Value::Object(address) }
}

/// An address in one text: its first line, or as many of its parts as fit one, and the rest.
fn lines(text: &str) -> Map<String, Value> {
    let text = text.replace(['\r', '\n'], ", ");
    let parts: Vec<&str> = text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    let (mut first, mut rest) = (String::new(), String::new());
    for part in parts {
        let line = if rest.is_empty() && first.chars().count() + part.chars().count() + 2 <= ADDRESS_LINE {
            &mut first
        } else {
            &mut rest
        };
        if !line.is_empty() {
            line.push_str(", ");
        }
        line.push_str(part);
    }
    let mut lines = Map::new();
    for (name, line) in [("line1", first), ("line2", rest)] {
        if !line.is_empty() {
            lines.insert(name.to_owned(), Value::String(line));
        }
    }
    lines
}

fn emergency_contact(columns: &mut Map<String, Value>) -> Value {
    let given = take(columns, &["emergency_contact"]);
    let parts = [
        ("name", take(columns, &["emergency_contact_name"])),
        ("relationship", take(columns, &["emergency_contact_relationship"])),
        ("phone", worded(take(columns, &["emergency_contact_phone"]))),
    ];
    let mut contact = match given {
        Value::Object(contact) => contact,
        Value::Null => Map::new(),
        other => return other,
    };
    contact.extend(parts.into_iter().filter(|(_, part)| !part.is_null()).map(|(name, part)| (name.to_owned(), part)));
    if contact.is_empty() { Value::Null } else { Value::Object(contact) }
}

/// Takes a column out by the first of its names that is filled; the empty text is nothing.
fn take(columns: &mut Map<String, Value>, names: &[&str]) -> Value {
    let mut found = Value::Null;
    for name in names {
        let value = columns.remove(*name).unwrap_or_default();
        let is_empty = value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty());
        if found.is_null() && !is_empty {
            found = value;
        }
    }
    found
}

fn text(columns: &mut Map<String, Value>, names: &[&str]) -> Option<String> {
    match worded(take(columns, names)) {
        Value::String(text) => Some(text.trim().to_owned()),
        _ => None,
    }
}

/// A number where text is wanted, as JSON dumps have phones and PIN codes.
fn worded(value: Value) -> Value {
    match value {
        Value::Number(number) if !number.is_f64() => Value::String(number.to_string()),
        other => other,
    }
}

/// Text where a number is wanted, as CSV has everything.
fn number(value: Value) -> Value {
    match value.as_str().and_then(|text| text.trim().parse::<i64>().ok()) {
        Some(number) => json!(number),
        None => value,
    }
}

fn flag(value: Value) -> Value {
    match value.as_str().map(|text| text.trim().to_ascii_lowercase()).as_deref() {
        Some("true" | "t" | "1" | "yes" | "y") => Value::Bool(true),
        Some("false" | "f" | "0" | "no" | "n") => Value::Bool(false),
        _ => value,
    }
}

fn gender(value: Value) -> Value {
    let word = value.as_str().map(|text| text.trim().to_uppercase());
    match word.as_deref() {
        Some("M" | "MALE") => json!("MALE"),
        Some("F" | "FEMALE") => json!("FEMALE"),
        Some("O" | "OTHER") => json!("OTHER"),
        Some("U" | "UNKNOWN" | "N") => json!("UNKNOWN"),
        _ => value,
    }
}

fn fault_of(error: Error, faults: &mut Faults) {
    match error {
        Error::Input(fault) => faults.0.push(fault),
        Error::ReadOnly(fields) => {
            fields.into_iter().for_each(|field| faults.push(field, "read_only", "cannot be given"))
        }
        other => faults.push("", "invalid", other.to_string()),
    }
}

/// A name that somebody invented may be anything.
fn shortened(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(64).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn checked(columns: Value) -> Result<Checked, Vec<(String, &'static str)>> {
        let today = NaiveDate::from_ymd_opt(2026, 11, 27).unwrap();
        let raw = Raw { line: 2, columns: super::columns(columns, &[]) };
        check(raw, DIGITS, today).map_err(|refused| refused.faults.into_iter().map(|f| (f.field, f.code)).collect())
    }

    fn faults(columns: Value) -> Vec<(String, &'static str)> {
        match checked(columns) {
            Ok(_) => Vec::new(),
            Err(faults) => faults,
        }
    }

    #[test]
    fn a_row_of_text_and_a_row_of_a_dump_are_one_patient() {
        let text = checked(json!({
            "id": "17", "patient_id": "P00017", "first_name": "Lakshmi", "last_name": "Raman", "dob": "1980-04-12", "sex": "f",
            "phone_number": "98765 43210", "blood_group": "o+", "address": "12 MG Road\nNear SBI", "city": "Chennai",
            "pincode": "600001", "primary_doctor_id": "2", "is_active": "False", "emergency_contact_name": "Raman",
            "emergency_contact_phone": "9840012345", "created_at": "2019-05-17 10:00:00+05:30",
        }));
        let dump = checked(json!({"model": "patients.patient", "pk": 17, "fields": {
            "patient_id": "P00017", "first_name": "Lakshmi", "last_name": "Raman", "date_of_birth": "1980-04-12", "gender": "FEMALE",
            "phone": 9_876_543_210_u64, "blood_group": "O+", "address": {"line1": "12 MG Road, Near SBI", "city": "Chennai", "pin_code": "600001"},
            "primary_doctor": 2, "is_active": false, "emergency_contact": {"name": "Raman", "phone": "9840012345"},
            "created_at": "2019-05-17T04:30:00Z", "updated_at": "2020-01-01T00:00:00Z"}}));
        let (text, dump) = (text.unwrap_or_else(|f| panic!("{f:?}")), dump.unwrap_or_else(|f| panic!("{f:?}")));
        assert!(text.facts == dump.facts && text.key == dump.key && text.created_at == dump.created_at);
        assert!(!text.facts.is_active);
        assert_eq!(text.facts.phone.unwrap().expose(), "+919876543210");
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let mut found = faults(json!({
            "first_name": "", "date_of_birth": "12/04/1980", "phone": "12", "pin_code": "012345", "abha_number": "12",
            "is_active": "perhaps", "patient_id": "17", "created_at": "yesterday", "primary_doctor": "Dr Rao",
        }));
        found.sort();
        let fields: Vec<&str> = found.iter().map(|(field, _)| field.as_str()).collect();
        let expected = [
            "abha_number",
            "address.pin_code",
            "created_at",
            "date_of_birth",
            "first_name",
            "id",
            "is_active",
            "patient_id",
            "phone",
            "primary_doctor",
        ];
        assert_eq!(fields, expected);
        assert_eq!(faults(json!({"id": 1, "first_name": "Ravi", "shoe_size": 42})), [(String::new(), "unknown_field")]);
        assert_eq!(faults(json!([1])), [(String::new(), "invalid_json")]);
    }

    #[test]
    fn an_aadhaar_number_is_refused_wherever_it_turns_up() {
        let number = "2341 2341 2346";
        for column in [
            "id",
            "first_name",
            "last_name",
            "email",
            "phone",
            "address",
            "city",
            "emergency_contact_name",
            "abha_number",
        ] {
            let mut row = json!({"id": 1, "first_name": "Ravi"});
            row[column] = json!(number);
            assert!(faults(row).iter().any(|(_, code)| *code == "aadhaar"), "{column}");
        }
    }

    #[test]
    fn a_long_address_goes_on_in_the_second_line() {
        let long = format!("{}, {}, Chennai", "a".repeat(150), "b".repeat(100));
        let lines = lines(&long);
        assert_eq!(lines.get("line1").unwrap(), &json!("a".repeat(150)));
        assert_eq!(lines.get("line2").unwrap(), &json!(format!("{}, Chennai", "b".repeat(100))));
    }

    proptest::proptest! {
        #[test]
        fn any_row_is_read_without_panic(columns in proptest::collection::hash_map(proptest::sample::select(&KNOWN[..]), "\\PC{0,20}", 0..12)) {
            let columns: Map<String, Value> = columns.into_iter().map(|(name, text)| (name.to_owned(), Value::String(text))).collect();
            let _ = checked(Value::Object(columns));
        }
    }
}
