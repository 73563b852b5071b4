//! The parameters of a search for patients, from a query string to criteria. Pure: what a criterion means to a database is
//! not here.
//!
//! As R4 has it (3.1.1.4): a parameter given twice must hold twice, values between commas are alternatives, `\` escapes
//! `\`, `,`, `|` and `$`. What is not known is refused, with everything else that is wrong. [`PatientSearch`] says whom
//! somebody looks for: its `Debug` does not show it.

mod date;
mod token;

use std::fmt;

use chrono::TimeZone;
use serde::{Deserialize, Serialize};

pub use date::{DateTest, DayWindow, InstantTest, Prefix};
pub use token::Token;

use crate::record::Gender;

/// Parameters at most.
pub const MOST_PARAMETERS: usize = 16;
/// Alternatives of one parameter at most.
pub const MOST_ALTERNATIVES: usize = 10;
/// Characters of one value at most.
pub const LONGEST_VALUE: usize = 200;
/// Words of one name at most.
pub const MOST_WORDS: usize = 8;
/// Resources on a page unless asked otherwise.
pub const DEFAULT_COUNT: u32 = 20;
/// Resources on a page at most; who asks for more gets so many.
pub const LARGEST_COUNT: u32 = 100;

/// The parameters, with what `CapabilityStatement.rest.resource.searchParam` says of them.
pub const PARAMETERS: [(&str, &str, &str); 10] = [
    ("name", "string", "Words that names begin with, in any order, whatever their case and accents"),
    ("family", "string", "As name, of the family name alone"),
    ("given", "string", "As name, of the given names alone"),
    ("identifier", "token", "The hospital's number, an ABHA number or an ABHA address; [system]|[value] or [value]"),
    ("phone", "token", "A telephone number in any notation"),
    ("email", "token", "An e-mail address, whatever its case"),
    ("birthdate", "date", "With eq, ne, gt, lt, ge or le; an estimated date is good for its year"),
    ("gender", "token", "male, female, other or unknown"),
    ("_id", "token", "The logical id"),
    ("_lastUpdated", "date", "With eq, ne, gt, lt, ge or le; the answer is then in order of change"),
];

/// What is looked for.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PatientSearch {
    /// All of them hold.
    pub all: Vec<Criterion>,
    /// `_count`; none of the patients, and how many there are, where it is 0.
    pub count: Option<u32>,
    /// `_cursor`, from a page's `next` link: stands alone or with `_count`.
    pub cursor: Option<String>,
}

impl fmt::Debug for PatientSearch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PatientSearch").field("criteria", &self.all.len()).finish_non_exhaustive()
    }
}

/// One parameter; one of its alternatives holds.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub enum Criterion {
    /// `name`, `family`, `given`
    Name {
        /// Of which names.
        part: NamePart,
        /// How a word is compared.
        how: Match,
        /// Alternatives, each of words that all are found.
        any: Vec<Vec<String>>,
    },
    /// `identifier`
    Identifier(Vec<Token>),
    /// `phone`, as it was typed.
    Phone(Vec<String>),
    /// `email`, in lower case.
    Email(Vec<String>),
    /// `birthdate`
    BirthDate(Vec<DateTest>),
    /// `gender`
    Gender(Vec<Gender>),
    /// `_id`; what can be nobody's id is left out, so that it may be empty.
    Id(Vec<i64>),
    /// `_lastUpdated`
    LastUpdated(Vec<InstantTest>),
}

/// Of which names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NamePart {
    /// All of them.
    Any,
    /// The family name.
    Family,
    /// The given names.
    Given,
}

/// How a word is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Match {
    /// A name begins with it, whatever case and accents.
    Starts,
    /// `:contains`: it is somewhere in a name; at least three characters.
    Contains,
    /// `:exact`: it is a name, as it stands.
    Exact,
}

/// What is wrong with a parameter. Never repeats its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The parameter, shortened.
    pub parameter: String,
    /// What, for programs.
    pub code: &'static str,
    /// What, for people.
    pub message: String,
}

impl Fault {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { parameter: String::new(), code, message: message.into() }
    }
}

/// Reads a query string, or a form. `zone` is what a time without one is in.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse<Z: TimeZone>(query: &str, zone: &Z) -> Result<PatientSearch, Vec<Fault>> {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query)
        .map_err(|_why| vec![Fault::new("invalid", "the parameters cannot be read")])?;
    if pairs.len() > MOST_PARAMETERS {
        return Err(vec![Fault::new("too_many", format!("at most {MOST_PARAMETERS} parameters are taken"))]);
    }
    let mut search = PatientSearch::default();
    let mut faults = Vec::new();
    for (name, value) in pairs {
        if let Err(fault) = search.take(&name, &value, zone) {
            faults.push(Fault { parameter: name.chars().filter(|c| !c.is_control()).take(40).collect(), ..fault });
        }
    }
    if search.cursor.is_some() && !search.all.is_empty() {
        let fault = Fault::new("not_alone", "stands alone or with _count: it carries the other parameters");
        faults.push(Fault { parameter: "_cursor".to_owned(), ..fault });
    }
    if faults.is_empty() { Ok(search) } else { Err(faults) }
}

impl PatientSearch {
    /// Whether it looks for somebody: by a number, an address, an id, or by a name of three characters at least.
    pub fn is_for_somebody(&self) -> bool {
        self.all.iter().any(|criterion| match criterion {
            Criterion::Name { any, .. } => any.iter().all(|words| words.iter().any(|word| word.chars().count() >= 3)),
            Criterion::Identifier(_) | Criterion::Phone(_) | Criterion::Email(_) | Criterion::Id(_) => true,
            Criterion::BirthDate(_) | Criterion::Gender(_) | Criterion::LastUpdated(_) => false,
        })
    }

    /// Whether the answer is in order of change, as who follows changes needs it.
    pub fn is_by_change(&self) -> bool {
        self.all.iter().any(|criterion| matches!(criterion, Criterion::LastUpdated(_)))
    }

    /// How many resources a page has.
    pub fn page_size(&self) -> u32 {
        self.count.unwrap_or(DEFAULT_COUNT).min(LARGEST_COUNT)
    }

    fn take<Z: TimeZone>(&mut self, name: &str, value: &str, zone: &Z) -> Result<(), Fault> {
        if value.chars().count() > LONGEST_VALUE && name != "_cursor" {
            return Err(Fault::new("too_long", format!("must have at most {LONGEST_VALUE} characters")));
        }
        // Bytes that are no UTF-8 were replaced on the way here, and no database stores a NUL.
        if value.contains(['\u{FFFD}', '\0']) {
            return Err(Fault::new("invalid", "is not UTF-8, or contains NUL"));
        }
        let (name, modifier) = name.split_once(':').map_or((name, None), |(name, modifier)| (name, Some(modifier)));
        match name {
            "name" => return self.names(NamePart::Any, modifier, value),
            "family" => return self.names(NamePart::Family, modifier, value),
            "given" => return self.names(NamePart::Given, modifier, value),
            _ => {}
        }
        let known =
            PARAMETERS.iter().any(|(known, ..)| *known == name) || ["_count", "_cursor", "_format"].contains(&name);
        if modifier.is_some() && known {
            return Err(Fault::new("unknown_modifier", "takes no modifier here"));
        }
        let criterion = match name {
            "identifier" => Criterion::Identifier(each(value, Token::read)?),
            "phone" => Criterion::Phone(each(value, phone)?),
            "email" => Criterion::Email(each(value, |value| Ok(bare(value, "email")?.to_lowercase()))?),
            "birthdate" => Criterion::BirthDate(each(value, |value| DateTest::read(&plain(value)))?),
            "gender" => Criterion::Gender(each(value, gender)?),
            "_id" => Criterion::Id(each(value, |value| Ok(id(value)))?.into_iter().flatten().collect()),
            "_lastUpdated" => Criterion::LastUpdated(each(value, |value| InstantTest::read(&plain(value), zone))?),
            "_count" => return self.counted(value),
            "_format" => return format(value),
            "_cursor" => return once(&mut self.cursor, value.to_owned()),
            _ => return Err(Fault::new("unknown_parameter", format!("is not known here; known: {}", known_ones()))),
        };
        self.all.push(criterion);
        Ok(())
    }

    fn names(&mut self, part: NamePart, modifier: Option<&str>, value: &str) -> Result<(), Fault> {
        let how = match modifier {
            None => Match::Starts,
            Some("contains") => Match::Contains,
            Some("exact") => Match::Exact,
            Some(_) => return Err(Fault::new("unknown_modifier", "takes the modifiers exact and contains")),
        };
        let any = each(value, |value| words(&plain(value), how))?;
        self.all.push(Criterion::Name { part, how, any });
        Ok(())
    }

    fn counted(&mut self, value: &str) -> Result<(), Fault> {
        let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
        let count = value.parse::<u64>().ok().filter(|_| digits && value.len() <= 9);
        let count = count.ok_or_else(|| Fault::new("invalid", "must be a whole number"))?;
        once(&mut self.count, u32::try_from(count).unwrap_or(LARGEST_COUNT).min(LARGEST_COUNT))
    }
}

fn known_ones() -> String {
    let names: Vec<&str> = PARAMETERS.iter().map(|(name, ..)| *name).chain(["_count", "_format"]).collect();
    names.join(", ")
}

fn once<T>(place: &mut Option<T>, value: T) -> Result<(), Fault> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Fault::new("repeated", "is given more than once")),
    }
}

/// The alternatives of a value, each read.
fn each<T>(value: &str, read: impl Fn(&str) -> Result<T, Fault>) -> Result<Vec<T>, Fault> {
    let alternatives = token::split(value, ',');
    if alternatives.len() > MOST_ALTERNATIVES {
        return Err(Fault::new("too_many", format!("takes at most {MOST_ALTERNATIVES} alternatives")));
    }
    let there: Vec<&str> = alternatives.into_iter().filter(|value| !value.trim().is_empty()).collect();
    if there.is_empty() {
        return Err(Fault::new("required", "must have a value"));
    }
    there.into_iter().map(|value| read(value.trim())).collect()
}

fn plain(value: &str) -> String {
    token::unescape(value)
}

/// The words of a name; what `fold_name` parts in a database parts them here.
fn words(value: &str, how: Match) -> Result<Vec<String>, Fault> {
    let parts = |c: char| c.is_whitespace() || (how != Match::Exact && ".,-/()".contains(c));
    let without = |word: &str| word.chars().filter(|c| how == Match::Exact || !"'\u{2019}`".contains(*c)).collect();
    let is_word = |word: &String| word.chars().any(char::is_alphanumeric);
    let words: Vec<String> = value.split(parts).map(without).filter(is_word).collect();
    let shortest = words.iter().map(|word| word.chars().count()).min();
    match shortest {
        None => Err(Fault::new("required", "must have a letter")),
        Some(shortest) if how == Match::Contains && shortest < 3 => {
            Err(Fault::new("too_short", "must have words of at least three characters with contains"))
        }
        Some(_) if words.len() > MOST_WORDS => Err(Fault::new("too_many", format!("takes at most {MOST_WORDS} words"))),
        Some(_) => Ok(words),
    }
}

/// A telecom's token: `9876543210`, or `phone|9876543210` as some clients send it. A `+` that was not encoded came as a space.
fn phone(value: &str) -> Result<String, Fault> {
    let number = bare(value, "phone")?;
    Ok(number.strip_prefix("tel:").map(str::to_owned).unwrap_or(number))
}

fn bare(value: &str, system: &str) -> Result<String, Fault> {
    let token = Token::read(value)?;
    match token.system.as_deref() {
        None | Some("") => Ok(token.value),
        Some(given) if given == system || given.ends_with("/contact-point-system") => Ok(token.value),
        Some(_) => Err(Fault::new("unknown_system", format!("takes the system {system}, or none"))),
    }
}

fn gender(value: &str) -> Result<Gender, Fault> {
    const SYSTEM: &str = "http://hl7.org/fhir/administrative-gender";
    let token = Token::read(value)?;
    let system = token.system.as_deref().is_none_or(|system| system.is_empty() || system == SYSTEM);
    let gender = match token.value.to_ascii_lowercase().as_str() {
        "male" => Some(Gender::Male),
        "female" => Some(Gender::Female),
        "other" => Some(Gender::Other),
        "unknown" => Some(Gender::Unknown),
        _ => None,
    };
    gender.filter(|_| system).ok_or_else(|| Fault::new("unknown_value", "must be male, female, other or unknown"))
}

fn id(value: &str) -> Option<i64> {
    let value = value.strip_prefix("Patient/").unwrap_or(value);
    let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
    value.parse().ok().filter(|id| digits && *id > 0)
}

fn format(value: &str) -> Result<(), Fault> {
    // A `+` that was not encoded came as a space.
    let known = ["json", "application/json", "application/fhir+json", "application/fhir json"];
    if known.contains(&value) {
        Ok(())
    } else {
        Err(Fault::new("not_supported", "must be json: there is no other format"))
    }
}

#[cfg(test)]
mod tests;
