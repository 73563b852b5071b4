//! How a search is answered: by which words, in which tiers, and at which place of which tier a patient stands. Pure.
//!
//! The best tier comes first. Within one, patients are in order of the word that answers, so that a whole word stands before
//! those that begin with it, and the newest patient first. A patient may answer by several of their words and stands where
//! the first of them does: [`Plan::place`] says where, and the walk of the tiers leaves out every other.

use super::sound;

/// A part inside a word, and a sound, have at least so many letters.
const SHORTEST_PART: usize = 3;
/// From so many digits on, a part of a phone has an index of its own, and one of an e-mail address.
pub const PART_OF_PHONE: usize = 4;
/// A part of an e-mail address beside words of a name has at least so many letters.
const PART_BESIDE: usize = 4;
/// A whole number of India has so many digits: nothing longer contains it.
const WHOLE_NUMBER: usize = 10;
/// The greatest character: after every word that begins with a text stands the text with this one behind it.
const GREATEST: char = '\u{10FFFF}';

/// Whom a search is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// One word, of a name or an e-mail address.
    Word(String),
    /// Words of a name, the two longest and the others.
    Words {
        /// The longest.
        lead: String,
        /// The second.
        other: String,
        /// The rest.
        rest: Vec<String>,
    },
    /// Digits: of a phone, or a patient's number.
    Digits(String),
    /// A patient's number, whole or its beginning, without the P.
    Number(String),
}

/// Why somebody is found. The order is that of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// The digits are the patient's number, but for zeros before it.
    Number,
    /// A word begins so: of the name, or a number.
    Start,
    /// A number does, without the 91 that was typed before it.
    StartWithin,
    /// The patient's number does.
    StartOfNumber,
    /// A word of the e-mail address does, beyond the name.
    StartOfMail,
    /// A word of the name has it inside.
    Part,
    /// A word of the e-mail address has.
    PartOfMail,
    /// The e-mail address has it somewhere: its host beside a name, or digits.
    Elsewhere,
    /// A word of the name sounds so, or is its initial.
    Similar,
}

impl Tier {
    /// A tier's place is its code, which cursors have.
    const ALL: [Self; 9] = [
        Self::Number,
        Self::Start,
        Self::StartWithin,
        Self::StartOfNumber,
        Self::StartOfMail,
        Self::Part,
        Self::PartOfMail,
        Self::Similar,
        Self::Elsewhere,
    ];

    /// For a cursor.
    pub fn code(self) -> usize {
        Self::ALL.iter().position(|tier| *tier == self).unwrap_or_default()
    }

    /// From a cursor.
    pub fn of_code(code: usize) -> Option<Self> {
        Self::ALL.get(code).copied()
    }
}

/// Where somebody stands in the answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Why.
    pub tier: Tier,
    /// By which word.
    pub word: String,
    /// By which second word; empty where one is enough.
    pub other: String,
}

/// The words by which a patient is known, as the database has them.
#[derive(Clone, Debug, Default)]
pub struct Known<'a> {
    /// Of the name.
    pub names: Vec<&'a str>,
    /// Of the e-mail address beyond the name, each after an @.
    pub mails: Vec<&'a str>,
    /// The phone's digits, and the patient's number after a #.
    pub numbers: Vec<&'a str>,
    /// Everything, each word after a space.
    pub text: &'a str,
}

impl Plan {
    /// How folded words are looked for. `None`: by the text of each patient, since words of names alone do not answer.
    pub fn of(words: &[String]) -> Option<Self> {
        let mut words: Vec<&String> = words.iter().collect();
        words.sort_by_key(|word| (std::cmp::Reverse(word.chars().count()), *word));
        words.dedup();
        let is_digit = |c: char| c.is_ascii_digit();
        if words
            .iter()
            .any(|word| word.is_empty() || word.contains(|c: char| c == '@' || c == '#' || c.is_whitespace()))
        {
            return None;
        }
        match words.as_slice() {
            [] => None,
            [word] if word.chars().all(is_digit) => Some(Self::Digits((*word).clone())),
            [word] => match word.strip_prefix('p').filter(|rest| !rest.is_empty() && rest.chars().all(is_digit)) {
                Some(digits) => Some(Self::Number(digits.to_owned())),
                None => Some(Self::Word((*word).clone())),
            },
            [lead, other, rest @ ..] if !words.iter().any(|word| word.contains(is_digit)) => Some(Self::Words {
                lead: (*lead).clone(),
                other: (*other).clone(),
                rest: rest.iter().map(|word| (*word).clone()).collect(),
            }),
            _ => None,
        }
    }

    /// The tiers that can answer, the best first.
    pub fn tiers(&self) -> Vec<Tier> {
        match self {
            Self::Word(word) if is_long(word) && word.contains(|c: char| c.is_ascii_digit()) => {
                vec![Tier::Start, Tier::StartOfMail, Tier::Part, Tier::PartOfMail, Tier::Elsewhere, Tier::Similar]
            }
            Self::Word(word) if is_long(word) => {
                vec![Tier::Start, Tier::StartOfMail, Tier::Part, Tier::PartOfMail, Tier::Similar]
            }
            Self::Word(_) => vec![Tier::Start, Tier::StartOfMail],
            Self::Words { lead, .. } if is_long(lead) => {
                vec![Tier::Start, Tier::StartOfMail, Tier::Part, Tier::Elsewhere, Tier::Similar]
            }
            Self::Words { .. } => vec![Tier::Start, Tier::StartOfMail],
            Self::Digits(digits) => {
                let len = digits.len();
                let tiers = [
                    (Tier::Number, number(digits).is_some()),
                    (Tier::Start, true),
                    (Tier::StartWithin, within(digits).is_some()),
                    (Tier::StartOfNumber, len >= SHORTEST_PART),
                    (Tier::Part, (SHORTEST_PART..WHOLE_NUMBER).contains(&len)),
                    (Tier::Elsewhere, len >= PART_OF_PHONE),
                ];
                tiers.into_iter().filter_map(|(tier, can)| can.then_some(tier)).collect()
            }
            Self::Number(digits) if number(digits).is_some() => vec![Tier::Number, Tier::StartOfNumber],
            Self::Number(_) => vec![Tier::StartOfNumber],
        }
    }

    /// Whether the tier is looked at only where few stand in those before it.
    pub fn is_for_few(&self, tier: Tier) -> bool {
        match self {
            Self::Word(_) => matches!(tier, Tier::Elsewhere | Tier::Similar),
            Self::Words { .. } | Self::Digits(_) | Self::Number(_) => {
                matches!(tier, Tier::Part | Tier::Elsewhere | Tier::Similar)
            }
        }
    }

    /// The words, all of them.
    pub fn words(&self) -> Vec<&str> {
        match self {
            Self::Word(word) | Self::Digits(word) | Self::Number(word) => vec![word],
            Self::Words { lead, other, rest } => [lead, other].into_iter().chain(rest).map(String::as_str).collect(),
        }
    }

    /// The words that are long enough to be looked for in e-mail addresses beside words of names.
    pub fn parts_beside(&self) -> Vec<&str> {
        match self {
            Self::Words { .. } => {
                self.words().into_iter().filter(|word| word.chars().nth(PART_BESIDE - 1).is_some()).collect()
            }
            Self::Word(_) | Self::Digits(_) | Self::Number(_) => Vec::new(),
        }
    }

    /// Where a patient stands, if anywhere.
    pub fn place(&self, known: &Known<'_>) -> Option<Place> {
        self.tiers().into_iter().find_map(|tier| {
            let (word, other) = self.words_at(tier, known)?;
            Some(Place { tier, word: word.to_owned(), other: other.to_owned() })
        })
    }

    /// The least words that answer within a tier; of patients that the tiers before it do not have.
    fn words_at<'k>(&self, tier: Tier, known: &Known<'k>) -> Option<(&'k str, &'k str)> {
        let one = |words: &[&'k str], answers: &dyn Fn(&str) -> bool| {
            words.iter().copied().filter(|word| answers(word)).min().map(|word| (word, ""))
        };
        if tier == Tier::Elsewhere {
            return self.words().iter().all(|word| mentions(known.text, word)).then_some(("", ""));
        }
        match self {
            Self::Word(search) => match tier {
                Tier::Start => {
                    one(&[known.names.as_slice(), &known.numbers].concat(), &|word| word.starts_with(search.as_str()))
                }
                Tier::StartOfMail => one(&known.mails, &|word| after_at(word).starts_with(search.as_str())),
                Tier::Part => one(&known.names, &|word| word.contains(search.as_str())),
                Tier::PartOfMail => one(&known.mails, &|word| after_at(word).contains(search.as_str())),
                Tier::Similar => one(&known.names, &|word| sounds_alike(search, word)),
                _ => None,
            },
            Self::Words { lead, other, rest } => two_words(tier, known, lead, other, rest),
            Self::Digits(digits) => match tier {
                Tier::Number => one(&known.numbers, &|word| is_number(digits, word)),
                Tier::Start => {
                    one(&[known.names.as_slice(), &known.numbers].concat(), &|word| word.starts_with(digits.as_str()))
                }
                Tier::StartWithin => one(&[known.names.as_slice(), &known.numbers].concat(), &|word| {
                    within(digits).is_some_and(|digits| word.starts_with(digits))
                }),
                Tier::StartOfNumber => one(&known.numbers, &|word| number_starts(digits, word)),
                Tier::Part if digits.len() < PART_OF_PHONE => known.text.contains(digits.as_str()).then_some(("", "")),
                Tier::Part => known.numbers.iter().any(|word| phone_has(word, digits)).then_some(("", "")),
                _ => None,
            },
            Self::Number(digits) => match tier {
                Tier::Number => one(&known.numbers, &|word| is_number(digits, word)),
                Tier::StartOfNumber => one(&known.numbers, &|word| number_starts(digits, word)),
                _ => None,
            },
        }
    }
}

fn two_words<'k>(
    tier: Tier,
    known: &Known<'k>,
    lead: &str,
    other: &str,
    rest: &[String],
) -> Option<(&'k str, &'k str)> {
    let pairs = |one: &[&'k str], two: &[&'k str], answers: &dyn Fn(&str, &str) -> bool| {
        let all = one.iter().flat_map(|one| two.iter().map(move |two| (*one, *two)));
        all.filter(|(one, two)| one != two && answers(one, two)).min()
    };
    let (names, mails) = (known.names.as_slice(), known.mails.as_slice());
    let starts = |one: &str, two: &str| after_at(one).starts_with(lead) && after_at(two).starts_with(other);
    // Each of the rest beside a word that answers the first.
    let beside = |answers: &dyn Fn(&str, &str) -> bool| {
        rest.iter().all(|word| pairs(names, names, &|one, third| answers(one, lead) && answers(third, word)).is_some())
    };
    match tier {
        Tier::Start if beside(&|name, start| name.starts_with(start)) => pairs(names, names, &starts),
        Tier::StartOfMail if rest.iter().all(|word| mentions(known.text, word)) => {
            let paired: Vec<&str> = mails.iter().copied().filter(|word| !is_host(word)).collect();
            pairs(names, &paired, &starts).into_iter().chain(pairs(&paired, names, &starts)).min()
        }
        Tier::Part if beside(&has_part) => pairs(names, names, &|one, two| has_part(one, lead) && has_part(two, other)),
        Tier::Similar => pairs(names, names, &|one, two| {
            !(is_initial(one) && is_initial(two))
                && is_similar(lead, one)
                && is_similar(other, two)
                && rest
                    .iter()
                    .all(|word| names.iter().any(|name| name != &one && name != &two && is_similar(word, name)))
        }),
        _ => None,
    }
}

/// From where to where the words lie that begin with a text: the second is beyond them.
pub fn range(start: &str) -> (String, String) {
    (start.to_owned(), format!("{start}{GREATEST}"))
}

/// Whether a text has a word: a part of it from three characters on, the start of a word below that.
pub fn mentions(text: &str, word: &str) -> bool {
    if is_long(word) { text.contains(word) } else { text.contains(&format!(" {word}")) }
}

/// Whether an index of trigrams can look for a word: it has three letters or digits in a row, or one at a beginning.
pub fn has_trigram(word: &str) -> bool {
    let letters: Vec<bool> = word.chars().map(char::is_alphanumeric).collect();
    letters.windows(3).any(|three| three.iter().all(|is_letter| *is_letter))
        || letters.windows(2).any(|two| matches!(two, [false, true]))
        || (!is_long(word) && letters.first() == Some(&true))
}

/// Whether a word of a name answers a searched one by its sound, as its initial, or, below three letters, by its start.
pub fn is_similar(search: &str, word: &str) -> bool {
    if !is_long(search) {
        return word.starts_with(search);
    }
    sounds_alike(search, word) || initials(search).iter().any(|initial| initial == word)
}

/// The words that stand for one: its initial as it is written, and as it is heard.
pub fn initials(search: &str) -> Vec<String> {
    let first = |word: &str| word.chars().take(1).collect::<String>();
    let mut initials = vec![first(search), first(&sound::of(search))];
    initials.dedup();
    initials
}

/// The patient's number that digits are, with as many zeros as ours have: `12` is `#00012`.
pub fn number(digits: &str) -> Option<String> {
    let is_any = digits.contains(|digit| digit != '0');
    is_any.then(|| with_our_zeros(digits))
}

/// The words that a patient's number is, as `number_words` in the database makes them: as it is written, and with as many zeros
/// as ours have.
pub fn number_words(digits: &str) -> Vec<String> {
    let mut words = vec![format!("#{digits}"), with_our_zeros(digits)];
    words.dedup();
    words
}

fn with_our_zeros(digits: &str) -> String {
    format!("#{:0>5}", digits.trim_start_matches('0'))
}

fn is_number(digits: &str, word: &str) -> bool {
    number(digits).is_some_and(|number| number == word)
}

/// The parts of a phone that all have, which have some digits in them, as `phone_parts` in the database makes them.
pub fn phone_parts(digits: &str) -> Vec<i32> {
    let size = digits.len().min(PART_OF_PHONE + 1);
    let starts = 0..=digits.len().saturating_sub(size);
    starts.filter_map(|at| format!("1{}", digits.get(at..at + size)?).parse().ok()).collect()
}

/// The digits without the 91 before them.
pub fn within(digits: &str) -> Option<&str> {
    digits.strip_prefix("91").filter(|rest| !rest.is_empty())
}

/// Whether a word is long enough for parts and sounds.
pub fn is_long(word: &str) -> bool {
    word.chars().nth(SHORTEST_PART - 1).is_some()
}

fn sounds_alike(search: &str, word: &str) -> bool {
    let (low, high) = sounds(search);
    (low..high).contains(&sound::of(word)) && !is_initial(word)
}

/// From which sound to which a word's lie: those that begin so. Of a word that sounds shorter than it is written (`zoo`), no
/// other sound.
pub fn sounds(search: &str) -> (String, String) {
    let sound = sound::of(search);
    if is_long(&sound) { range(&sound) } else { (sound.clone(), format!("{sound}\u{1}")) }
}

fn has_part(word: &str, part: &str) -> bool {
    if is_long(part) { word.contains(part) } else { word.starts_with(part) }
}

fn number_starts(digits: &str, word: &str) -> bool {
    word.strip_prefix('#').is_some_and(|number| number.starts_with(digits))
}

fn phone_has(word: &str, digits: &str) -> bool {
    !word.starts_with('#') && (word.contains(digits) || format!("91{word}").contains(digits))
}

fn is_initial(word: &str) -> bool {
    word.chars().nth(1).is_none()
}

fn is_host(word: &str) -> bool {
    word.contains('.')
}

fn after_at(word: &str) -> &str {
    word.strip_prefix('@').unwrap_or(word)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;

    fn plan(search: &str) -> Option<Plan> {
        Plan::of(&search.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    fn place(search: &str, names: &'static str) -> Option<(Tier, String, String)> {
        let text = format!(" {names} ");
        let known = Known { names: names.split(' ').collect(), text: &text, ..Known::default() };
        plan(search).unwrap().place(&known).map(|place| (place.tier, place.word, place.other))
    }

    #[test]
    fn what_is_looked_for() {
        assert_eq!(plan("lakshmi"), Some(Plan::Word("lakshmi".to_owned())));
        assert_eq!(plan("98765"), Some(Plan::Digits("98765".to_owned())));
        assert_eq!(plan("p00012"), Some(Plan::Number("00012".to_owned())));
        let (lead, other, rest) = ("lakshmi".to_owned(), "raman".to_owned(), vec!["r".to_owned()]);
        assert_eq!(plan("raman r lakshmi"), Some(Plan::Words { lead, other, rest }));
        assert_eq!(plan("ravi ravi"), plan("ravi"));
        for text in ["ravi@example.in", "ravi 98765", ""] {
            assert_eq!(plan(text), None, "{text}");
        }
    }

    #[test]
    fn somebody_stands_where_their_best_word_does() {
        let one = |tier, word: &str| Some((tier, word.to_owned(), String::new()));
        assert_eq!(place("ram", "ramesh ram sriram"), one(Tier::Start, "ram"));
        assert_eq!(place("ram", "sriram"), one(Tier::Part, "sriram"));
        assert_eq!(place("laxmi", "lakshmi"), one(Tier::Similar, "lakshmi"));
        assert_eq!(place("laxm", "lakshmi"), one(Tier::Similar, "lakshmi"));
        assert_eq!(place("la", "sheela"), None);
        assert_eq!(place("zoo", "su"), one(Tier::Similar, "su"));
        assert_eq!(place("zoo", "sunita"), None);
        assert_eq!(place("zzz", "sunita s"), None);
        let two = |tier, word: &str, other: &str| Some((tier, word.to_owned(), other.to_owned()));
        assert_eq!(place("raman lakshmi", "lakshmi raman"), two(Tier::Start, "lakshmi", "raman"));
        assert_eq!(place("aman lakshmi", "lakshmi raman"), two(Tier::Part, "lakshmi", "raman"));
        assert_eq!(place("raman laxmi", "lakshmi raman"), two(Tier::Similar, "lakshmi", "raman"));
        assert_eq!(place("raman lakshmi", "lakshmi r"), two(Tier::Similar, "lakshmi", "r"));
        assert_eq!(place("raman lakshmi", "l r"), None, "two initials are nobody");
        assert_eq!(place("raman laxmi iyer", "lakshmi r iyer"), two(Tier::Similar, "lakshmi", "r"));
        assert_eq!(place("ram ram", "ram kumar"), one(Tier::Start, "ram"));
    }

    #[test]
    fn numbers_in_every_form() {
        let known = Known {
            numbers: vec!["#00912", "9876543210"],
            text: " p00912 9876543210 919876543210 ",
            ..Known::default()
        };
        for (search, tier) in [
            ("912", Some(Tier::Number)),
            ("000912", Some(Tier::Number)),
            ("98765", Some(Tier::Start)),
            ("9198765", Some(Tier::StartWithin)),
            ("009", Some(Tier::StartOfNumber)),
            ("p009", Some(Tier::StartOfNumber)),
            ("p0912", Some(Tier::Number)),
            ("43210", Some(Tier::Part)),
            ("10", None),
        ] {
            assert_eq!(plan(search).unwrap().place(&known).map(|place| place.tier), tier, "{search}");
        }
    }

    #[test]
    fn a_number_with_more_zeros_than_ours_is_two_words() {
        assert_eq!(number_words("00012345"), ["#00012345", "#12345"]);
        assert_eq!(number_words("0000012"), ["#0000012", "#00012"]);
        assert_eq!(number_words("00012"), ["#00012"]);
        assert_eq!(number_words("123456"), ["#123456"]);
        let words = number_words("00012345");
        let known = Known { numbers: words.iter().map(String::as_str).collect(), ..Known::default() };
        for (search, tier) in [
            ("12345", Tier::Number),
            ("0012345", Tier::Number),
            ("p12345", Tier::Number),
            ("p0012345", Tier::Number),
            ("123", Tier::StartOfNumber),
            ("p000123", Tier::StartOfNumber),
        ] {
            assert_eq!(plan(search).unwrap().place(&known).map(|place| place.tier), Some(tier), "{search}");
        }
    }

    #[test]
    fn parts_of_phones() {
        assert_eq!(phone_parts("0012"), [10_012]);
        assert_eq!(phone_parts("43210"), [143_210]);
        assert_eq!(phone_parts("543210"), [154_321, 143_210]);
    }

    #[test]
    fn an_index_is_asked_only_for_what_it_has() {
        for word in ["ram", "r", "ra", "a_b", "&co", "लक्ष्मी"] {
            assert!(has_trigram(word), "{word}");
        }
        for word in ["%", "%%%", "_", "😀😀😀", "a%%%"] {
            assert!(!has_trigram(word), "{word}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_words_have_a_plan_that_finds_who_is_named_so(words in proptest::collection::vec("[a-z\u{900}-\u{97f}]{1,9}", 1..5)) {
            let mut names: Vec<&str> = words.iter().map(String::as_str).collect();
            names.sort_unstable();
            names.dedup();
            let text = format!(" {} ", names.join(" "));
            let known = Known { names: names.clone(), text: &text, ..Known::default() };
            let place = Plan::of(&words).unwrap().place(&known).unwrap();
            proptest::prop_assert_eq!(place.tier, Tier::Start);
        }
    }
}
