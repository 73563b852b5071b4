//! Codes of SNOMED CT, LOINC, ICD-10 and others: which systems there are, and whether a code can be one of theirs. Only its
//! form is checked; whether the code exists, a terminology server knows. Pure.

use chassis::phi::Phi;
use chassis::strict_json::{Fault, Faults};
use deserr::Deserr;
use serde::Serialize;
use utoipa::ToSchema;

use crate::fields::{self, Rule, aadhaar};

const SNOMED_CT: &str = "http://snomed.info/sct";
const LOINC: &str = "http://loinc.org";
const ICD_10: &str = "http://hl7.org/fhir/sid/icd-10";
const ICD_10_CM: &str = "http://hl7.org/fhir/sid/icd-10-cm";
const CVX: &str = "http://hl7.org/fhir/sid/cvx";
const RXNORM: &str = "http://www.nlm.nih.gov/research/umls/rxnorm";

/// The systems that are known, under the names that people and messages give them.
const KNOWN: [(&str, &[&str]); 6] = [
    (SNOMED_CT, &["SNOMED CT", "SNOMED-CT", "SNOMED", "SCT", "urn:oid:2.16.840.1.113883.6.96"]),
    (LOINC, &["LOINC", "LN", "urn:oid:2.16.840.1.113883.6.1"]),
    (ICD_10, &["ICD-10", "ICD10", "I10", "urn:oid:2.16.840.1.113883.6.3"]),
    (ICD_10_CM, &["ICD-10-CM", "ICD10CM", "I10C", "urn:oid:2.16.840.1.113883.6.90"]),
    (CVX, &["CVX", "urn:oid:2.16.840.1.113883.12.292"]),
    (RXNORM, &["RxNorm", "urn:oid:2.16.840.1.113883.6.88"]),
];

/// What an entry is about, as sent. `system` and `code` come together; `display` alone is a finding in words.
#[derive(Clone, Default, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct CodeInput {
    /// `SNOMED CT`, `LOINC`, `ICD-10`, `ICD-10-CM`, `CVX`, `RxNorm`, or the absolute URI of any code system.
    #[deserr(default)]
    #[schema(max_length = 255)]
    pub system: Option<String>,
    /// Of the known systems the form is checked: digits and check digits of SNOMED CT and LOINC, the pattern of ICD-10.
    #[deserr(default)]
    #[schema(max_length = 100)]
    pub code: Option<String>,
    /// In words.
    #[deserr(default)]
    #[schema(max_length = 300)]
    pub display: Option<String>,
}

/// What an entry is about.
#[derive(Clone, Serialize, ToSchema)]
pub struct CodeView {
    /// The code system's URI.
    pub system: Option<String>,
    /// The code.
    #[schema(value_type = Option<String>)]
    pub code: Option<Phi<String>>,
    /// In words.
    #[schema(value_type = Option<String>)]
    pub display: Option<Phi<String>>,
}

/// A code that passed: `system` and `code` are there together or not at all.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Code {
    /// The code system's URI.
    pub system: Option<String>,
    /// The code in canonical form.
    pub code: Option<Phi<String>>,
    /// In words.
    pub display: Option<Phi<String>>,
}

impl CodeInput {
    /// Checks system, code and words; the faults are those of `code.system`, `code.code` and `code.display`.
    pub fn check(self, faults: &mut Faults) -> Code {
        let mut note = |field: &str, fault: Fault| faults.0.push(fault.at(format!("code.{field}")));
        let display = fields::optional::<Display>(self.display).unwrap_or_else(|fault| {
            note("display", fault);
            None
        });
        let given = |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let (system, code) = match (given(self.system), given(self.code)) {
            (None, None) => (None, None),
            (Some(_), None) => {
                note("code", Fault::new("required", "is required with system"));
                (None, None)
            }
            (None, Some(_)) => {
                note("system", Fault::new("required", "is required with code"));
                (None, None)
            }
            (Some(system), Some(code)) => match system_of(&system) {
                Ok(system) => match code_of(&system, &code) {
                    Ok(code) => (Some(system), Some(Phi::new(code))),
                    Err(fault) => {
                        note("code", fault);
                        (None, None)
                    }
                },
                Err(fault) => {
                    note("system", fault);
                    (None, None)
                }
            },
        };
        Code { system, code, display }
    }
}

struct Display;

impl Rule for Display {
    fn canonical(text: &str) -> Result<String, Fault> {
        chassis::text::line(text, 300)
    }
}

/// The URI of a system, given that or one of its names.
fn system_of(text: &str) -> Result<String, Fault> {
    let is_it = |(uri, names): &&(&str, &[&str])| {
        text.eq_ignore_ascii_case(uri) || names.iter().any(|name| text.eq_ignore_ascii_case(name))
    };
    if let Some((uri, _)) = KNOWN.iter().find(is_it) {
        return Ok((*uri).to_owned());
    }
    let (scheme, rest) = text.split_once(':').unwrap_or_default();
    let scheme_is = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    let rest_is = !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_graphic() && !b"<>\"{}|\\^`".contains(&b));
    if scheme_is && rest_is && text.len() <= 255 && !aadhaar::is_within(text) {
        return Ok(text.to_owned());
    }
    Err(Fault::new("unknown_system", "must be SNOMED CT, LOINC, ICD-10, ICD-10-CM, CVX, RxNorm, or an absolute URI"))
}

fn code_of(system: &str, text: &str) -> Result<String, Fault> {
    let wrong = |message: &str| Fault::new("invalid_code", message.to_owned());
    match system {
        SNOMED_CT if is_snomed_concept(text) => Ok(text.to_owned()),
        SNOMED_CT => Err(wrong("must be the id of a SNOMED CT concept: 6 to 18 digits, the last a check digit")),
        LOINC if is_loinc(text) => Ok(text.to_owned()),
        LOINC => Err(wrong("must be a LOINC code: digits, a hyphen and the check digit, as 718-7")),
        ICD_10 | ICD_10_CM => icd_10(text, system == ICD_10_CM).ok_or_else(|| {
            wrong("must be an ICD-10 code: a letter, two digits, and behind a dot up to four more, as E11.9")
        }),
        CVX | RXNORM if (1..=8).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()) => {
            Ok(text.to_owned())
        }
        CVX | RXNORM => Err(wrong("must be a number")),
        _ => {
            let code = chassis::text::line(text, 100)?;
            let single = !code.contains("  ") && !code.chars().any(|c| c.is_whitespace() && c != ' ');
            match (aadhaar::is_within(&code), single) {
                (true, _) => Err(aadhaar::refused()),
                (_, false) => Err(wrong("must have single spaces only")),
                _ => Ok(code),
            }
        }
    }
}

/// Partition 00 or 10 before the check digit: a concept, and no description or relationship.
fn is_snomed_concept(text: &str) -> bool {
    let Some(digits) = digits(text) else { return false };
    let of_concept = digits.iter().rev().nth(1) == Some(&0) && digits.iter().rev().nth(2).is_some_and(|d| *d <= 1);
    (6..=18).contains(&digits.len()) && digits.first() != Some(&0) && of_concept && aadhaar::verhoeff(&digits)
}

/// The check digit is Luhn's (mod 10).
fn is_loinc(text: &str) -> bool {
    let Some((number, check)) = text.split_once('-') else { return false };
    let (Some(number), Some(check)) = (digits(number), digits(check)) else { return false };
    if !(1..=7).contains(&number.len()) || check.len() != 1 || number.first() == Some(&0) {
        return false;
    }
    let doubled = |(place, digit): (usize, &u8)| match (place % 2, digit * 2) {
        (0, twice) if twice > 9 => u32::from(twice - 9),
        (0, twice) => u32::from(twice),
        _ => u32::from(*digit),
    };
    let sum: u32 = number.iter().rev().enumerate().map(doubled).sum();
    (sum + check.iter().map(|digit| u32::from(*digit)).sum::<u32>()).is_multiple_of(10)
}

/// In capitals and with its dot, which messages often leave out.
fn icd_10(text: &str, cm: bool) -> Option<String> {
    let code: Vec<u8> = text.to_ascii_uppercase().into_bytes();
    let plain: Vec<u8> = match code.get(3) {
        Some(b'.') => code.iter().copied().enumerate().filter_map(|(at, b)| (at != 3).then_some(b)).collect(),
        _ => code.clone(),
    };
    let [letter, first, second, more @ ..] = plain.as_slice() else { return None };
    let later = |b: &u8| b.is_ascii_digit() || (cm && b.is_ascii_uppercase());
    let fits = letter.is_ascii_uppercase() && first.is_ascii_digit() && later(second) && more.iter().all(later);
    if !fits || more.len() > 4 || (more.is_empty() && code.len() > 3) {
        return None;
    }
    let (category, more) =
        (String::from_utf8(vec![*letter, *first, *second]).ok()?, String::from_utf8(more.to_vec()).ok()?);
    Some(if more.is_empty() { category } else { format!("{category}.{more}") })
}

fn digits(text: &str) -> Option<Vec<u8>> {
    let digit = |c: char| c.to_digit(10).and_then(|digit| u8::try_from(digit).ok());
    if text.is_empty() { None } else { text.chars().map(digit).collect() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn checked(system: &str, code: &str) -> Result<(String, String), Vec<String>> {
        let mut faults = Faults::new();
        let input = CodeInput { system: Some(system.into()), code: Some(code.into()), display: None };
        let found = input.check(&mut faults);
        match (found.system, found.code) {
            (Some(system), Some(code)) => Ok((system, code.into_inner())),
            _ => Err(faults.0.into_iter().map(|fault| fault.field).collect()),
        }
    }

    #[test]
    fn codes_of_the_known_systems() {
        for (system, code) in [
            ("SNOMED CT", "44054006"),
            ("http://snomed.info/sct", "371530004"),
            ("sct", "41000179103"),
            ("snomed", "840539006"),
            ("LOINC", "718-7"),
            ("http://loinc.org", "2345-7"),
            ("ln", "8480-6"),
            ("loinc", "94500-6"),
            ("ICD-10", "E11.9"),
            ("icd10", "I10"),
            ("ICD-10", "U07.1"),
            ("ICD-10-CM", "S72.001A"),
            ("ICD-10-CM", "C4A.9"),
            ("CVX", "208"),
            ("https://example.in/codes", "A 1"),
            ("urn:oid:1.2.3", "x"),
        ] {
            assert!(checked(system, code).is_ok(), "{system} {code}: {:?}", checked(system, code));
        }
        assert_eq!(checked("ICD-10", "e119").unwrap(), (ICD_10.to_owned(), "E11.9".to_owned()));
    }

    #[test]
    fn what_is_no_code_of_theirs() {
        for (system, code) in [
            ("SNOMED CT", "44054007"),
            ("SNOMED CT", "12345"),
            ("SNOMED CT", "04405400"),
            ("SNOMED CT", "751689013"),
            ("SNOMED CT", "٤٤٠٥٤٠٠٦"),
            ("SNOMED CT", "1234567890123456789"),
            ("LOINC", "718-8"),
            ("LOINC", "7187"),
            ("LOINC", "LP1234-5"),
            ("LOINC", "718-77"),
            ("ICD-10", "E1"),
            ("ICD-10", "E11."),
            ("ICD-10", "E11.90000"),
            ("ICD-10", "11.9"),
            ("ICD-10", "C4A.9"),
            ("ICD-10", "É11"),
            ("CVX", "x"),
            ("urn:x", "a  b"),
            ("urn:x", "2341 2341 2346"),
            ("urn:x", "<b>x</b>"),
        ] {
            assert_eq!(checked(system, code).unwrap_err(), ["code.code"], "{system} {code}");
        }
        for system in ["Read", "/relative", "http://with space", "1x:y", "x:"] {
            assert_eq!(checked(system, "1").unwrap_err(), ["code.system"], "{system}");
        }
    }
}
