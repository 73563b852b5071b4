//! Aadhaar numbers: found in order to be refused or crossed out, since the law lets almost nobody keep them (Aadhaar Act, 2016;
//! at most the last four digits may be). Pure, and in one pass over the text.

use std::ops::Range;

use chrono::NaiveDateTime;

use crate::strict_json::Fault;

/// Characters between two groups of a number at most.
const LONGEST_GAP: usize = 8;
/// Groups of this many digits are the usual way to write a number.
const USUAL: usize = 4;
/// Digits of an Aadhaar number.
const DIGITS: usize = 12;
/// Digits of it that are crossed out.
const HIDDEN: usize = 8;

/// The fault of a field in which an Aadhaar number turned up.
pub fn refused() -> Fault {
    Fault::new("aadhaar", "must not contain an Aadhaar number; leave it out")
}

/// Whether a text contains an Aadhaar number: twelve digits of any script, the first from 2 to 9, with a right Verhoeff check
/// digit; plain, in three groups of four however they are parted, or, where no other number stands beside them, in up to three
/// groups or in groups of one length. Phone numbers with `+` or a country code that stands apart, ABHA numbers, years and times
/// to the minute are none.
pub fn is_within(text: &str) -> bool {
    !Numbers::of(text.as_bytes()).found().is_empty()
}

/// A text with the first eight digits of each number that [`is_within`] finds crossed out, so that the last four are kept.
/// Bytes that are no UTF-8 are read as Latin-1 and left as they are.
pub fn crossed_out(bytes: &[u8]) -> Vec<u8> {
    without(bytes, &places(bytes))
}

/// Where the digits stand that [`crossed_out`] crosses out: ranges of bytes, in order.
pub fn places(bytes: &[u8]) -> Vec<Range<usize>> {
    let numbers = Numbers::of(bytes);
    let hidden = numbers.found().into_iter().flat_map(|first| first..first.saturating_add(HIDDEN));
    let mut places: Vec<Range<usize>> =
        hidden.filter_map(|at| numbers.digits.get(at)).map(|digit| digit.place.clone()).collect();
    places.sort_unstable_by_key(|place| place.start);
    places.dedup();
    places
}

/// A text with an `X` for each of these places, which [`places`] gave.
pub fn without(bytes: &[u8], places: &[Range<usize>]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(bytes.len());
    let mut from = 0;
    for place in places {
        kept.extend(bytes.get(from..place.start).unwrap_or_default());
        kept.push(b'X');
        from = place.end;
    }
    kept.extend(bytes.get(from..).unwrap_or_default());
    kept
}

/// Whether a text contains what [`crossed_out`] leaves of a number: eight times `X` and four digits, in groups or not.
pub fn is_crossed_out(text: &str) -> bool {
    let (mut hidden, mut shown) = (0_usize, 0_usize);
    text.chars().any(|c| {
        match (c, digit(c)) {
            ('X', _) => (hidden, shown) = (if shown == 0 { hidden.saturating_add(1) } else { 1 }, 0),
            (_, Some(_)) if hidden >= HIDDEN => shown = shown.saturating_add(1),
            (c, None) if is_space(c) || mark(c).is_some() => {}
            _ => (hidden, shown) = (0, 0),
        }
        shown == DIGITS - HIDDEN
    })
}

/// Whether these are the twelve digits of an Aadhaar number.
pub fn is_number(digits: &[u8]) -> bool {
    digits.len() == DIGITS && digits.first().is_some_and(|first| *first >= 2) && verhoeff(digits)
}

/// The digits of a text, and the groups in which they stand.
#[derive(Default)]
struct Numbers {
    digits: Vec<Digit>,
    groups: Vec<Group>,
}

/// A digit, and its bytes.
struct Digit {
    value: u8,
    place: Range<usize>,
}

/// Digits with nothing between them: places of [`Numbers::digits`].
struct Group {
    digits: Range<usize>,
    /// What parts it from the group before.
    gap: Gap,
    /// Whether that is one character.
    is_close: bool,
    after_plus: bool,
}

/// What stands between two groups. Gaps that are alike are equal.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gap {
    /// Something that is in no number, or too much.
    Break,
    Space,
    Line,
    /// A mark, once or several times, with or without space around it.
    Mark(char),
}

/// A gap while it is read.
#[derive(Clone, Copy)]
struct Between {
    gap: Gap,
    length: usize,
}

impl Between {
    const NOTHING: Self = Self { gap: Gap::Space, length: 0 };
    /// Before the first group.
    const START: Self = Self { gap: Gap::Break, length: 0 };

    fn and(self, c: char) -> Self {
        let length = self.length.saturating_add(1);
        let gap = match (self.gap, mark(c)) {
            _ if length > LONGEST_GAP => Gap::Break,
            (Gap::Space | Gap::Line, Some(mark)) => Gap::Mark(mark),
            (Gap::Mark(before), Some(mark)) if before == mark => self.gap,
            (Gap::Space | Gap::Line, None) if matches!(c, '\n' | '\r') => Gap::Line,
            (Gap::Space | Gap::Line | Gap::Mark(_), None) if is_space(c) => self.gap,
            _ => Gap::Break,
        };
        Self { gap, length }
    }

    fn is_close(self) -> bool {
        self.length == 1 && matches!(self.gap, Gap::Space | Gap::Mark('-' | '.' | '_'))
    }
}

impl Group {
    fn len(&self) -> usize {
        self.digits.len()
    }
}

impl Numbers {
    fn of(bytes: &[u8]) -> Self {
        let mut numbers = Self::default();
        let (mut between, mut before) = (Between::START, ' ');
        for (place, c) in characters(bytes) {
            if let Some(value) = digit(c) {
                let at = numbers.digits.len();
                numbers.digits.push(Digit { value, place });
                match numbers.groups.last_mut() {
                    Some(group) if between.length == 0 => group.digits.end = at.saturating_add(1),
                    _ => numbers.groups.push(Group {
                        digits: at..at.saturating_add(1),
                        gap: between.gap,
                        is_close: between.is_close(),
                        after_plus: before == '+',
                    }),
                }
                between = Between::NOTHING;
            } else {
                between = between.and(c);
            }
            before = c;
        }
        numbers
    }

    /// The first digit of each Aadhaar number.
    fn found(&self) -> Vec<usize> {
        let plain = self.groups.iter().filter(|group| self.is_plain(group)).map(|group| group.digits.start);
        let usual = (0..self.groups.len()).filter(|at| self.is_usual(*at)).filter_map(|at| self.groups.get(at));
        let usual = usual.map(|group| group.digits.start);
        let close = self.groups.chunk_by(|_, next| next.is_close).filter(|run| self.is_otherwise_grouped(run));
        let close = close.filter_map(|run| run.first()).map(|group| group.digits.start);
        plain.chain(usual).chain(close).collect()
    }

    /// `234123412346`
    fn is_plain(&self, group: &Group) -> bool {
        let digits = self.values(&group.digits);
        is_number(&digits) && !group.after_plus && !is_time(&digits)
    }

    /// `2341 2341 2346`, `2341 - 2341 - 2346`, `2341/2341/2346`: with gaps alike, or else with no other four digits beside them,
    /// since `2345 6789, 2345 6790` are phone numbers.
    fn is_usual(&self, at: usize) -> bool {
        let Some([first, second, third]) = self.groups.get(at..).and_then(|tail| tail.first_chunk()) else {
            return false;
        };
        let in_fours = [first, second, third].iter().all(|group| group.len() == USUAL);
        if !in_fours || second.gap == Gap::Break || third.gap == Gap::Break || first.after_plus {
            return false;
        }
        let digits = self.values(&(first.digits.start..third.digits.end));
        let before = at.checked_sub(1).and_then(|at| self.groups.get(at)).filter(|_| first.gap != Gap::Break);
        let after = self.groups.get(at.saturating_add(3)).filter(|group| group.gap != Gap::Break);
        let alike = second.gap == third.gap;
        let alone = [before, after].into_iter().flatten().all(|group| group.len() != USUAL);
        let is_abha = alike && first.gap == second.gap && before.is_some_and(|group| group.len() == 2);
        is_number(&digits) && (alike || alone) && !is_abha && !are_years(&digits)
    }

    /// `23 4123412346`, `2 3 4 1 2 3 4 1 2 3 4 6`: all the groups that stand close together.
    fn is_otherwise_grouped(&self, run: &[Group]) -> bool {
        let (Some(first), Some(last)) = (run.first(), run.last()) else { return false };
        let regular = run.iter().all(|group| group.len() == first.len())
            && run.iter().skip(2).zip(run.iter().skip(1)).all(|(one, other)| one.gap == other.gap);
        let place = first.digits.start..last.digits.end;
        if place.len() != DIGITS || run.len() < 2 || !(run.len() <= 3 || regular) {
            return false;
        }
        let digits = self.values(&place);
        let in_fours = run.iter().all(|group| group.len() == USUAL);
        let is_phone = first.after_plus || (first.len() == 2 && is_indian_phone(&digits));
        is_number(&digits) && !in_fours && !is_phone && !is_time(&digits)
    }

    fn values(&self, place: &Range<usize>) -> Vec<u8> {
        self.digits.get(place.clone()).unwrap_or_default().iter().take(DIGITS + 1).map(|digit| digit.value).collect()
    }
}

/// The characters of a text and the bytes that each is; a byte that is no UTF-8 is a character of Latin-1.
fn characters(bytes: &[u8]) -> impl Iterator<Item = (Range<usize>, char)> {
    let mut at = 0_usize;
    let texts = bytes.utf8_chunks().flat_map(|chunk| {
        let invalid = chunk.invalid().iter().map(|byte| (1, char::from(*byte)));
        chunk.valid().chars().map(|c| (c.len_utf8(), c)).chain(invalid)
    });
    texts.map(move |(length, c)| {
        let from = at;
        at = at.saturating_add(length);
        (from..at, c)
    })
}

/// 91, and a number as mobile and other phones have.
fn is_indian_phone(digits: &[u8]) -> bool {
    matches!(digits, [9, 1, 6..=9, ..])
}

/// `202611230915`, in this century.
fn is_time(digits: &[u8]) -> bool {
    let text: String = digits.iter().map(|digit| char::from(b'0'.saturating_add(*digit))).collect();
    text.starts_with("20") && NaiveDateTime::parse_from_str(&text, "%Y%m%d%H%M").is_ok()
}

/// `2019 2020 2021`
fn are_years(digits: &[u8]) -> bool {
    digits.chunks(USUAL).all(|year| matches!(year, [1, 9, ..] | [2, 0, ..]))
}

/// White space, and what is not seen at all.
fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}')
}

/// A mark that people put between groups; all dashes are one.
fn mark(c: char) -> Option<char> {
    match c {
        '-' | '\u{ad}' | '\u{2010}'..='\u{2015}' | '\u{2212}' => Some('-'),
        '.' | '_' | '/' | '\\' | ',' | ':' | ';' | '*' | '\u{b7}' | '\u{2022}' => Some(c),
        _ => None,
    }
}

/// The zeros of the digits in which numbers are written in India: Latin, the scripts of its languages, Arabic's two, and the
/// wide ones of input methods. Nine others follow each.
const ZEROS: [char; 13] = [
    '0', '\u{660}', '\u{6f0}', '\u{966}', '\u{9e6}', '\u{a66}', '\u{ae6}', '\u{b66}', '\u{be6}', '\u{c66}', '\u{ce6}',
    '\u{d66}', '\u{ff10}',
];

/// The value of a digit in whichever of these scripts.
fn digit(c: char) -> Option<u8> {
    let above = |zero: char| u32::from(c).checked_sub(u32::from(zero)).filter(|value| *value < 10);
    let zeros = if c.is_ascii() { ZEROS.get(..1) } else { ZEROS.get(1..) };
    zeros?.iter().copied().find_map(above).and_then(|value| u8::try_from(value).ok())
}

const PRODUCT: [[u8; 10]; 10] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    [1, 2, 3, 4, 0, 6, 7, 8, 9, 5],
    [2, 3, 4, 0, 1, 7, 8, 9, 5, 6],
    [3, 4, 0, 1, 2, 8, 9, 5, 6, 7],
    [4, 0, 1, 2, 3, 9, 5, 6, 7, 8],
    [5, 9, 8, 7, 6, 0, 4, 3, 2, 1],
    [6, 5, 9, 8, 7, 1, 0, 4, 3, 2],
    [7, 6, 5, 9, 8, 2, 1, 0, 4, 3],
    [8, 7, 6, 5, 9, 3, 2, 1, 0, 4],
    [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
];

const PERMUTATION: [[u8; 10]; 8] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    [1, 5, 7, 6, 2, 8, 3, 0, 9, 4],
    [5, 8, 0, 3, 7, 9, 6, 1, 4, 2],
    [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],
    [9, 4, 5, 3, 1, 2, 6, 8, 7, 0],
    [4, 2, 8, 6, 5, 7, 3, 9, 0, 1],
    [2, 7, 9, 3, 8, 0, 6, 4, 1, 5],
    [7, 0, 4, 6, 9, 1, 3, 2, 5, 8],
];

/// Verhoeff's check over digits, the check digit last.
pub fn verhoeff(digits: &[u8]) -> bool {
    let check = digits.iter().rev().enumerate().try_fold(0_u8, |sum, (place, digit)| {
        let permuted = PERMUTATION.get(place % 8)?.get(usize::from(*digit))?;
        PRODUCT.get(usize::from(sum))?.get(usize::from(*permuted)).copied()
    });
    check == Some(0)
}

#[cfg(test)]
#[path = "aadhaar_tests.rs"]
mod tests;
