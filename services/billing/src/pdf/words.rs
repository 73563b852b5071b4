//! An amount in words, grouped as in India: thousand, lakh (10^5), crore (10^7). Pure.

use crate::money::Paise;

const SMALL: [&str; 20] = [
    "Zero",
    "One",
    "Two",
    "Three",
    "Four",
    "Five",
    "Six",
    "Seven",
    "Eight",
    "Nine",
    "Ten",
    "Eleven",
    "Twelve",
    "Thirteen",
    "Fourteen",
    "Fifteen",
    "Sixteen",
    "Seventeen",
    "Eighteen",
    "Nineteen",
];
const TENS: [&str; 10] = ["", "", "Twenty", "Thirty", "Forty", "Fifty", "Sixty", "Seventy", "Eighty", "Ninety"];

/// `Rupees One Lakh Twenty-Three Thousand Four Hundred Fifty-Six and Seventy-Eight Paise Only`.
pub fn in_words(amount: Paise) -> String {
    let paise = amount.get().unsigned_abs();
    let (rupees, paise) = (paise / 100, paise % 100);
    let sign = if amount < Paise::ZERO { "Minus " } else { "" };
    let paise = match paise {
        0 => String::new(),
        1 => " and One Paisa".to_owned(),
        more => format!(" and {} Paise", number(more)),
    };
    format!("{sign}Rupees {}{paise} Only", number(rupees))
}

/// A number in words; a crore of crores is read as such.
fn number(n: u64) -> String {
    if n == 0 {
        return small(0).to_owned();
    }
    let mut words = Vec::new();
    if n >= 10_000_000 {
        words.push(format!("{} Crore", number(n / 10_000_000)));
    }
    for (count, name) in
        [(n / 100_000 % 100, " Lakh"), (n / 1000 % 100, " Thousand"), (n / 100 % 10, " Hundred"), (n % 100, "")]
    {
        if count > 0 {
            words.push(format!("{}{name}", below_hundred(count)));
        }
    }
    words.join(" ")
}

fn below_hundred(n: u64) -> String {
    match (n / 10, n % 10) {
        (0 | 1, _) => small(n).to_owned(),
        (tens, 0) => ten(tens).to_owned(),
        (tens, ones) => format!("{}-{}", ten(tens), small(ones)),
    }
}

fn small(n: u64) -> &'static str {
    usize::try_from(n).ok().and_then(|n| SMALL.get(n)).copied().unwrap_or_default()
}

fn ten(n: u64) -> &'static str {
    usize::try_from(n).ok().and_then(|n| TENS.get(n)).copied().unwrap_or_default()
}

/// An amount in figures, grouped as in India: `1,23,45,678.90`.
pub fn in_figures(amount: Paise) -> String {
    let text = amount.to_string();
    let (sign, text) = text.strip_prefix('-').map_or(("", text.as_str()), |rest| ("-", rest));
    let (whole, paise) = text.split_once('.').unwrap_or((text, "00"));
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        let left = whole.len() - place;
        // a comma before the last three, and then before every two
        if place > 0 && (left == 3 || (left > 3 && left % 2 == 1)) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}.{paise}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::as_conversions)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    #[expect(clippy::inconsistent_digit_grouping, reason = "lakh and crore, and the paise apart")]
    fn amounts_are_read_as_in_india() {
        for (paise, words) in [
            (0, "Rupees Zero Only"),
            (1, "Rupees Zero and One Paisa Only"),
            (100, "Rupees One Only"),
            (118_000, "Rupees One Thousand One Hundred Eighty Only"),
            (1_950, "Rupees Nineteen and Fifty Paise Only"),
            (2_100_00, "Rupees Two Thousand One Hundred Only"),
            (9_99_999_99, "Rupees Nine Lakh Ninety-Nine Thousand Nine Hundred Ninety-Nine and Ninety-Nine Paise Only"),
            (10_00_000_00, "Rupees Ten Lakh Only"),
            (1_00_00_000_00, "Rupees One Crore Only"),
            (
                12_34_56_789_12,
                "Rupees Twelve Crore Thirty-Four Lakh Fifty-Six Thousand Seven Hundred Eighty-Nine and Twelve Paise Only",
            ),
            (Paise::MOST.get(), "Rupees One Lakh Crore Only"),
            (-500, "Minus Rupees Five Only"),
        ] {
            assert_eq!(in_words(Paise::new(paise)), words);
        }
    }

    #[test]
    fn figures_are_grouped_as_in_india() {
        for (paise, figures) in [
            (0, "0.00"),
            (99_999, "999.99"),
            (100_000, "1,000.00"),
            (12_345_678, "1,23,456.78"),
            (1_234_567_890, "1,23,45,678.90"),
            (Paise::MOST.get(), "10,00,00,00,00,000.00"),
            (-12_345_678, "-1,23,456.78"),
        ] {
            assert_eq!(in_figures(Paise::new(paise)), figures);
        }
    }

    /// Reads words back into a number: the reverse of what is tested, written on its own.
    fn read(words: &str) -> u64 {
        let (mut total, mut group) = (0, 0);
        for word in words.split([' ', '-']) {
            match word {
                "Crore" => (total, group) = ((total + group) * 10_000_000, 0),
                "Lakh" => (total, group) = (total + group * 100_000, 0),
                "Thousand" => (total, group) = (total + group * 1000, 0),
                "Hundred" => group *= 100,
                _ => {
                    let small = SMALL.iter().position(|name| *name == word);
                    let tens = TENS.iter().position(|name| *name == word && !name.is_empty());
                    group += u64::try_from(small.or(tens.map(|tens| tens * 10)).expect(word)).unwrap();
                }
            }
        }
        total + group
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5_000))]

        #[test]
        fn words_say_the_number(paise in 0_i64..=100_000_000_000_000) {
            let words = in_words(Paise::new(paise));
            let said = words.strip_prefix("Rupees ").unwrap().strip_suffix(" Only").unwrap();
            let (rupees, rest) = said.split_once(" and ").unwrap_or((said, "Zero Paise"));
            let paise_said = rest.strip_suffix(" Paise").or_else(|| rest.strip_suffix(" Paisa")).unwrap();
            let said = read(rupees) * 100 + read(paise_said);
            prop_assert_eq!(said, u64::try_from(paise).unwrap());
        }

        #[test]
        fn figures_without_commas_are_the_amount(paise in 0_i64..=100_000_000_000_000) {
            let figures = in_figures(Paise::new(paise));
            prop_assert_eq!(figures.replace(',', ""), Paise::new(paise).to_string());
            let whole = figures.split('.').next().unwrap();
            let groups: Vec<_> = whole.split(',').map(str::len).collect();
            prop_assert!(groups.len() == 1 || *groups.last().unwrap() == 3);
            let between = groups.get(1..groups.len().saturating_sub(1)).unwrap_or_default();
            prop_assert!(between.iter().all(|length| *length == 2) && groups[0] >= 1 && groups[0] <= 3);
        }
    }
}
