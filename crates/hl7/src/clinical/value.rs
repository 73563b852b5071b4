//! OBX-5: what was found, by the type that OBX-2 declares.

use serde::Serialize;

use crate::datatype::{Coded, Decimal, TimeOfDay};
use crate::masked::masked;
use crate::message::Repetition;
use crate::text::{filled, one_line};
use crate::timestamp::Timestamp;

/// What was found. The unit stands beside it, in the observation.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// NM, and SN with or without a comparator.
    Quantity {
        /// `<5` is known no better than that.
        comparator: Option<Comparator>,
        /// The number.
        number: Decimal,
    },
    /// SN `^1^-^4`, NR.
    Range {
        /// From.
        low: Option<Decimal>,
        /// To.
        high: Option<Decimal>,
    },
    /// SN `^1^:^128`.
    Ratio {
        /// Above.
        numerator: Decimal,
        /// Below.
        denominator: Decimal,
    },
    /// CE, CWE, CNE, CF, IS, ID.
    Coded(Coded),
    /// ST, TX, FT, and whatever could not be read as its type says.
    Text(String),
    /// DT, TS, DTM.
    Time(Timestamp),
    /// TM.
    TimeOfDay(TimeOfDay),
    /// DR.
    Period {
        /// From.
        start: Option<Timestamp>,
        /// To.
        end: Option<Timestamp>,
    },
    /// RP: a document elsewhere.
    Pointer(String),
}

masked!(Value);

/// How a number is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Comparator {
    /// Below it.
    #[serde(rename = "<")]
    Below,
    /// At most.
    #[serde(rename = "<=")]
    AtMost,
    /// Above it.
    #[serde(rename = ">")]
    Above,
    /// At least.
    #[serde(rename = ">=")]
    AtLeast,
}

impl Comparator {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "<" => Some(Self::Below),
            "<=" => Some(Self::AtMost),
            ">" => Some(Self::Above),
            ">=" => Some(Self::AtLeast),
            _ => None,
        }
    }
}

/// The value, and whether it had to be taken as text although its type says otherwise.
pub(super) fn value(declared: &str, raw: &Repetition<'_>) -> Option<(Value, bool)> {
    let words = filled(raw.whole_text())?;
    let typed = match declared {
        "NM" => number(&words),
        "SN" => structured(raw),
        "NR" => range(raw),
        "CE" | "CWE" | "CNE" | "CF" | "IS" | "ID" => Coded::read(raw).map(Value::Coded),
        "DT" | "TS" | "DTM" => Timestamp::parse(&raw.component(1).text()).map(Value::Time),
        "TM" => TimeOfDay::parse(&words).map(Value::TimeOfDay),
        "DR" => period(raw),
        "RP" => filled(one_line(&raw.component(1).text())).map(Value::Pointer),
        "ST" | "TX" | "FT" | "" => return Some((Value::Text(words), false)),
        _ => None,
    };
    Some(typed.map_or((Value::Text(words), true), |value| (value, false)))
}

/// A number; laboratories write `<5` in it too.
fn number(words: &str) -> Option<Value> {
    if let Some(number) = Decimal::parse(words) {
        return Some(Value::Quantity { comparator: None, number });
    }
    let digits = words.trim_start_matches(['<', '>', '=']);
    let comparator = Comparator::parse(words.strip_suffix(digits)?)?;
    Some(Value::Quantity { comparator: Some(comparator), number: Decimal::parse(digits)? })
}

fn structured(sn: &Repetition<'_>) -> Option<Value> {
    let part = |number| one_line(&sn.component(number).text());
    let (comparator, first, separator, second) = (part(1), Decimal::parse(&part(2)), part(3), Decimal::parse(&part(4)));
    match (separator.as_str(), first, second) {
        ("", Some(number), None) if comparator.is_empty() || comparator == "=" => {
            Some(Value::Quantity { comparator: None, number })
        }
        ("", Some(number), None) => Some(Value::Quantity { comparator: Some(Comparator::parse(&comparator)?), number }),
        ("-", low, high) if comparator.is_empty() && (low.is_some() || high.is_some()) => {
            Some(Value::Range { low, high })
        }
        (":" | "/", Some(numerator), Some(denominator)) if comparator.is_empty() => {
            Some(Value::Ratio { numerator, denominator })
        }
        _ => None,
    }
}

fn range(nr: &Repetition<'_>) -> Option<Value> {
    let (low, high) = (Decimal::parse(&nr.component(1).text()), Decimal::parse(&nr.component(2).text()));
    (low.is_some() || high.is_some()).then_some(Value::Range { low, high })
}

fn period(dr: &Repetition<'_>) -> Option<Value> {
    let (start, end) = (Timestamp::parse(&dr.component(1).text()), Timestamp::parse(&dr.component(2).text()));
    (start.is_some() || end.is_some()).then_some(Value::Period { start, end })
}
