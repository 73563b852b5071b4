//! The query of each tier: a stretch of an index, from a place on, in the order of the answer.

use diesel::sql_types::{BigInt, Bool, Text};

use super::plan::{self, Place, Plan, Tier};
use super::statement::{Condition, Statement};

/// A row of a tier: word, second word, recency.
pub type Hit = (Text, Text, BigInt);
/// Different words that a part or a sound stands for at most, where two are combined.
const WORDS: i64 = 200;
/// Ranks of two words that are combined, multiplied, at most: each of the two nearest with 200 others, the 20th with 20. So they
/// are some 2,000 at most, and not 40,000.
const COMBINED: i64 = 400;

/// From where a tier is walked, and in which direction.
#[derive(Clone, Debug)]
pub struct Stretch {
    /// Behind this one; else from the beginning.
    pub place: Option<(Place, i64)>,
    /// Or backwards, from the end.
    pub is_backward: bool,
}

/// The next hits of a tier.
pub fn walk(plan: &Plan, tier: Tier, from: &Stretch, most: i64, condition: Option<Condition>) -> Statement<Hit> {
    match source(plan, tier) {
        Source::Range(low, high) => range(low, high, from, most, condition),
        Source::Words(known) => words(known, from, most, condition),
        Source::Pairs(known) => pairs(known, from, most, condition),
        Source::Patients(ids) => patients(ids, from, most, condition),
    }
}

/// The recency of everybody in a tier, some more than once, in no order.
pub fn everybody(plan: &Plan, tier: Tier, most: i64, condition: Option<Condition>) -> Statement<BigInt> {
    let statement = match source(plan, tier) {
        Source::Range(low, high) => Statement::new("SELECT hit.recency FROM patient_words AS hit WHERE hit.word >= ")
            .text(low)
            .sql(" AND hit.word < ")
            .text(high)
            .and(condition),
        Source::Words(known) => Statement::new("SELECT found.recency FROM (")
            .then(known)
            .sql(") AS known CROSS JOIN LATERAL (SELECT hit.recency FROM patient_words AS hit WHERE hit.word = known.word")
            .and(condition)
            .sql(" LIMIT ")
            .number(most)
            .sql(") AS found"),
        Source::Pairs(known) => Statement::new("SELECT found.recency FROM (")
            .then(known)
            .sql(
                ") AS known CROSS JOIN LATERAL (SELECT hit.recency FROM patient_word_pairs AS hit \
                 WHERE hit.word = known.word AND hit.other >= known.low AND hit.other < known.high",
            )
            .and(condition)
            .sql(" LIMIT ")
            .number(most)
            .sql(") AS found"),
        Source::Patients(ids) => Statement::new("SELECT hit.recency FROM (")
            .then(ids)
            .sql(") AS hit WHERE true")
            .and(condition),
    };
    statement.sql(" LIMIT ").number(most)
}

/// Where a tier's hits come from.
enum Source {
    /// The words between two.
    Range(String, String),
    /// Words of the dictionary: `word`.
    Words(Statement<Text>),
    /// Words of the dictionary, each with the range of its second words: `word, low, high`.
    Pairs(Statement<Text>),
    /// Patients themselves: `recency`.
    Patients(Statement<BigInt>),
}

fn source(plan: &Plan, tier: Tier) -> Source {
    let between = |start: &str| {
        let (low, high) = plan::range(start);
        Source::Range(low, high)
    };
    match (plan, tier) {
        (Plan::Digits(digits), Tier::Elsewhere) => Source::Patients(with_mail_digits(digits)),
        (plan, Tier::Elsewhere) => Source::Patients(mentioning(&plan.words())),
        (Plan::Word(word), Tier::StartOfMail) => between(&format!("@{word}")),
        (Plan::Word(word), Tier::Part) => Source::Words(parts(word, "", " AND word NOT LIKE '@%'")),
        (Plan::Word(word), Tier::PartOfMail) => Source::Words(parts(word, "@", " AND word LIKE '@%'")),
        (Plan::Word(word), Tier::Similar) => Source::Words(sounds("SELECT word FROM search_dictionary", word)),
        (Plan::Word(word), _) => between(word),
        (Plan::Words { lead, other, .. }, Tier::StartOfMail) => Source::Pairs(mixed_starts(lead, other)),
        (Plan::Words { lead, other, .. }, tier) => Source::Pairs(names(tier, lead, other, Initials::OneAtMost)),
        (Plan::Digits(digits) | Plan::Number(digits), Tier::Number) => {
            let number = plan::number(digits).unwrap_or_default();
            Source::Range(number.clone(), format!("{number}\u{1}"))
        }
        (Plan::Digits(digits), Tier::StartWithin) => between(plan::within(digits).unwrap_or(digits)),
        (Plan::Digits(digits) | Plan::Number(digits), Tier::StartOfNumber) => between(&format!("#{digits}")),
        (Plan::Digits(digits), Tier::Part) => Source::Patients(with_digits(digits)),
        (Plan::Digits(digits) | Plan::Number(digits), _) => between(digits),
    }
}

fn range(low: String, high: String, from: &Stretch, most: i64, condition: Option<Condition>) -> Statement<Hit> {
    let select = Statement::new("SELECT hit.word, '' AS other, hit.recency FROM patient_words AS hit WHERE ");
    let (word, recency) = from.within((low.clone(), i64::MIN), (high.clone(), 0));
    if from.is_backward {
        select
            .sql("(hit.word, hit.recency) < (")
            .text(word)
            .sql(", ")
            .number(recency)
            .sql(") AND hit.word >= ")
            .text(low)
            .and(condition)
            .sql(" ORDER BY hit.word DESC, hit.recency DESC LIMIT ")
    } else {
        select
            .sql("(hit.word, hit.recency) > (")
            .text(word)
            .sql(", ")
            .number(recency)
            .sql(") AND hit.word < ")
            .text(high)
            .and(condition)
            .sql(" ORDER BY hit.word, hit.recency LIMIT ")
    }
    .number(most)
}

fn words(known: Statement<Text>, from: &Stretch, most: i64, condition: Option<Condition>) -> Statement<Hit> {
    let (word, recency) = from.within((String::new(), i64::MIN), (plan::range("").1, 0));
    let select = Statement::new("SELECT known.word, '' AS other, found.recency FROM (SELECT * FROM (").then(known);
    let [above, order, beyond, in_order, outer] = if from.is_backward {
        [
            ") AS each WHERE word <= ",
            " ORDER BY word DESC) AS known CROSS JOIN LATERAL (SELECT hit.recency FROM patient_words AS hit \
             WHERE hit.word = known.word AND hit.recency < CASE WHEN known.word = ",
            " ELSE 0 END",
            " ORDER BY hit.recency DESC LIMIT ",
            ") AS found ORDER BY known.word DESC, found.recency DESC LIMIT ",
        ]
    } else {
        [
            ") AS each WHERE word >= ",
            " ORDER BY word) AS known CROSS JOIN LATERAL (SELECT hit.recency FROM patient_words AS hit \
             WHERE hit.word = known.word AND hit.recency > CASE WHEN known.word = ",
            " ELSE -9223372036854775808 END",
            " ORDER BY hit.recency LIMIT ",
            ") AS found ORDER BY known.word, found.recency LIMIT ",
        ]
    };
    select
        .sql(above)
        .text(word.clone())
        .sql(order)
        .text(word)
        .sql(" THEN ")
        .number(recency)
        .sql(beyond)
        .and(condition)
        .sql(in_order)
        .number(most)
        .sql(outer)
        .number(most)
}

fn pairs(known: Statement<Text>, from: &Stretch, most: i64, condition: Option<Condition>) -> Statement<Hit> {
    let (word, recency) = from.within((String::new(), i64::MIN), (plan::range("").1, 0));
    let other = from.place.as_ref().map(|(place, _)| place.other.clone()).unwrap_or_default();
    let select = Statement::new("SELECT known.word, found.other, found.recency FROM (SELECT * FROM (").then(known);
    let [above, order, than, then, beyond, outer] = if from.is_backward {
        [
            ") AS each WHERE word <= ",
            " ORDER BY word DESC, low DESC) AS known CROSS JOIN LATERAL (SELECT hit.other, hit.recency FROM patient_word_pairs AS hit \
             WHERE hit.word = known.word AND hit.other >= known.low AND (hit.other, hit.recency) < (CASE WHEN known.word = ",
            " AND known.high > ",
            " ELSE known.high END, CASE WHEN known.word = ",
            " ELSE 0 END)",
            " ORDER BY hit.other DESC, hit.recency DESC LIMIT ",
        ]
    } else {
        [
            ") AS each WHERE word >= ",
            " ORDER BY word, low) AS known CROSS JOIN LATERAL (SELECT hit.other, hit.recency FROM patient_word_pairs AS hit \
             WHERE hit.word = known.word AND hit.other < known.high AND (hit.other, hit.recency) > (CASE WHEN known.word = ",
            " AND known.low <= ",
            " ELSE known.low END, CASE WHEN known.word = ",
            " ELSE -9223372036854775808 END)",
            " ORDER BY hit.other, hit.recency LIMIT ",
        ]
    };
    let last = if from.is_backward {
        ") AS found ORDER BY known.word DESC, known.low DESC, found.other DESC, found.recency DESC LIMIT "
    } else {
        ") AS found ORDER BY known.word, known.low, found.other, found.recency LIMIT "
    };
    select
        .sql(above)
        .text(word.clone())
        .sql(order)
        .text(word.clone())
        .sql(than)
        .text(other.clone())
        .sql(" THEN ")
        .text(other.clone())
        .sql(then)
        .text(word)
        .sql(than)
        .text(other)
        .sql(" THEN ")
        .number(recency)
        .sql(beyond)
        .and(condition)
        .sql(outer)
        .number(most)
        .sql(last)
        .number(most)
}

fn patients(ids: Statement<BigInt>, from: &Stretch, most: i64, condition: Option<Condition>) -> Statement<Hit> {
    let (_, recency) = from.within((String::new(), i64::MIN), (String::new(), 0));
    let select = Statement::new("SELECT '' AS word, '' AS other, hit.recency FROM (").then(ids);
    let [than, order] = if from.is_backward {
        [") AS hit WHERE hit.recency < ", " ORDER BY hit.recency DESC LIMIT "]
    } else {
        [") AS hit WHERE hit.recency > ", " ORDER BY hit.recency LIMIT "]
    };
    select.sql(than).number(recency).and(condition).sql(order).number(most)
}

/// Patients whose phone has some digits in it, below four of them whose text has. In order of an expression: in order of the
/// id, PostgreSQL might walk all patients until enough answer.
fn with_digits(digits: &str) -> Statement<BigInt> {
    if digits.len() < plan::PART_OF_PHONE {
        return Statement::new("SELECT -id AS recency FROM patients WHERE search_text LIKE ").text(pattern(digits));
    }
    Statement::new("SELECT -id AS recency FROM patients WHERE phone_parts(phone) @> ")
        .numbers(plan::phone_parts(digits))
        .sql(" AND phone LIKE ")
        .text(pattern(digits))
}

/// Patients whose e-mail address has some digits in it.
fn with_mail_digits(digits: &str) -> Statement<BigInt> {
    Statement::new("SELECT -id AS recency FROM patients WHERE email ~ '[0-9]{4}' AND email LIKE ").text(pattern(digits))
}

/// Patients whose text has some words: parts of it, below three characters their beginnings.
fn mentioning(words: &[&str]) -> Statement<BigInt> {
    let of = Statement::new("SELECT -id AS recency FROM patients WHERE true");
    words.iter().fold(of, |of, word| {
        let part = pattern(word);
        let is_part = plan::is_long(word);
        of.sql(" AND search_text LIKE ").text(if is_part {
            part
        } else {
            format!("% {}", part.trim_start_matches('%'))
        })
    })
}

/// How many words of e-mail addresses have one of some parts in them: at most a few, for most parts none. Counted, since an
/// index is not worth it to PostgreSQL where it expects to meet one soon.
pub fn mails_with(parts: &[&str]) -> Statement<BigInt> {
    let of = Statement::new("SELECT count(*) FROM search_dictionary WHERE left(word, 1) = '@' AND (false");
    parts.iter().fold(of, |of, part| of.sql(" OR word LIKE ").text(pattern(part))).sql(")")
}

/// Words of the dictionary with a part inside, not at their beginning.
fn parts(part: &str, mark: &str, kind: &'static str) -> Statement<Text> {
    let (low, high) = plan::range(&format!("{mark}{part}"));
    Statement::new("SELECT word FROM search_dictionary WHERE word LIKE ")
        .text(pattern(part))
        .sql(kind)
        .sql(" AND NOT (word >= ")
        .text(low)
        .sql(" AND word < ")
        .text(high)
        .sql(")")
}

fn sounds(select: &'static str, word: &str) -> Statement<Text> {
    let (low, high) = plan::sounds(word);
    Statement::new(select).sql(" WHERE length(word) > 1 AND sound >= ").text(low).sql(" AND sound < ").text(high)
}

/// Words that begin in a range, each with the range of its second words.
fn starts(select: &'static str, lead: &str, other: &str) -> Statement<Text> {
    let ((low, high), (other_low, other_high)) = (plan::range(lead), plan::range(other));
    Statement::new(select)
        .text(other_low)
        .sql("::text COLLATE \"C\" AS low, ")
        .text(other_high)
        .sql("::text COLLATE \"C\" AS high FROM search_dictionary WHERE word >= ")
        .text(low)
        .sql(" AND word < ")
        .text(high)
}

fn mixed_starts(lead: &str, other: &str) -> Statement<Text> {
    starts("SELECT word, ", lead, &format!("@{other}")).sql(" UNION ALL ").then(starts(
        "SELECT word, ",
        &format!("@{lead}"),
        other,
    ))
}

/// Whether a hit's patient has a third word of a name beside the first: the set of those who have is made once for all hits.
/// `IS TRUE` keeps the planner from making it anew for each.
pub fn beside(tier: Tier, lead: &str, third: &str) -> Statement<Bool> {
    Statement::new("(hit.recency IN (SELECT third.recency FROM (").then(names(tier, lead, third, Initials::Both)).sql(
        ") AS known CROSS JOIN LATERAL (SELECT recency FROM patient_word_pairs \
             WHERE word = known.word AND other >= known.low AND other < known.high) AS third)) IS TRUE",
    )
}

/// How many of two words may be initials.
#[derive(Clone, Copy, PartialEq)]
enum Initials {
    OneAtMost,
    Both,
}

/// The words of names that answer a first searched word, each with ranges of those that answer a second.
fn names(tier: Tier, lead: &str, other: &str, initials: Initials) -> Statement<Text> {
    match tier {
        Tier::Part if plan::is_long(other) => combined(part_words(lead), part_words(other), initials),
        Tier::Part => with_start(part_words(lead), other, initials),
        Tier::Similar if plan::is_long(other) => combined(similar_words(lead), similar_words(other), initials),
        Tier::Similar => with_start(similar_words(lead), other, initials),
        _ => starts("SELECT word, ", lead, other),
    }
}

/// Words of the one list with words of the other: of two long lists the nearer ones, since each two are looked up.
fn combined(lead: Statement<Text>, other: Statement<Text>, initials: Initials) -> Statement<Text> {
    Statement::new("SELECT one.word, two.word AS low, two.word || E'\\x01' AS high FROM (")
        .then(ranked(lead))
        .sql(") AS one CROSS JOIN (")
        .then(ranked(other))
        .sql(") AS two WHERE one.word <> two.word AND one.rank * two.rank <= ")
        .number(COMBINED)
        .sql(match initials {
            Initials::OneAtMost => " AND (length(one.word) > 1 OR length(two.word) > 1)",
            Initials::Both => "",
        })
}

/// Words with their rank, the shortest first: what is searched for is most of such a word.
fn ranked(words: Statement<Text>) -> Statement<Text> {
    Statement::new("SELECT word, row_number() OVER (ORDER BY length(word), word) AS rank FROM (")
        .then(words)
        .sql(") AS listed")
}

/// Every word of a list with all that begin so, which are one range.
fn with_start(lead: Statement<Text>, start: &str, initials: Initials) -> Statement<Text> {
    let (low, high) = plan::range(start);
    let is_initial = initials == Initials::OneAtMost && start.chars().nth(1).is_none();
    let low_of_initial = if is_initial { format!("{low}\u{1}") } else { low.clone() };
    Statement::new("SELECT one.word, CASE WHEN length(one.word) > 1 THEN ")
        .text(low)
        .sql("::text COLLATE \"C\" ELSE ")
        .text(low_of_initial)
        .sql(" END AS low, ")
        .text(high)
        .sql("::text COLLATE \"C\" AS high FROM (")
        .then(lead)
        .sql(") AS one")
}

fn part_words(part: &str) -> Statement<Text> {
    let pattern = if plan::is_long(part) { pattern(part) } else { pattern(part).trim_start_matches('%').to_owned() };
    Statement::new("SELECT word FROM search_dictionary WHERE word NOT LIKE '@%' AND word LIKE ")
        .text(pattern)
        .sql(" ORDER BY length(word), word LIMIT ")
        .number(WORDS)
}

fn similar_words(word: &str) -> Statement<Text> {
    if !plan::is_long(word) {
        return part_words(word);
    }
    sounds("(SELECT word FROM search_dictionary", word)
        .sql(" ORDER BY length(word), word LIMIT ")
        .number(WORDS)
        .sql(") UNION SELECT word FROM search_dictionary WHERE word = ANY (")
        .texts(plan::initials(word))
        .sql(")")
}

/// A LIKE pattern for a part.
pub fn pattern(part: &str) -> String {
    let mut pattern = String::from("%");
    for c in part.chars() {
        if matches!(c, '\\' | '%' | '_') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

impl Stretch {
    /// Word and recency behind which the walk goes on, or one of its two ends.
    fn within(&self, first: (String, i64), last: (String, i64)) -> (String, i64) {
        match &self.place {
            Some((place, recency)) => (place.word.clone(), *recency),
            None if self.is_backward => last,
            None => first,
        }
    }
}
