//! Text as a search compares it. Pure.

/// Words that are looked for at most; the rest is left out.
const MOST_WORDS: usize = 8;

/// In lower case, one blank between two words, and nothing that PostgreSQL cannot keep.
pub fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !folded.is_empty() {
            folded.push(' ');
        }
        folded.extend(word.chars().flat_map(char::to_lowercase));
    }
    folded
}

/// What somebody looks for: each of the words has to be there, or a part of a word that is it.
pub fn sought(search: &str) -> Vec<String> {
    folded(search).split(' ').filter(|word| !word.is_empty()).take(MOST_WORDS).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_compared_without_case_and_space() {
        assert_eq!(folded("  Serum\tCREATININE\n\0 1.2  "), "serum creatinine 1.2");
        assert_eq!(folded("हीमोग्लोबिन  É"), "हीमोग्लोबिन é");
        assert_eq!(sought(" CBC  report "), ["cbc", "report"]);
        assert!(sought(" \n ").is_empty());
        assert_eq!(sought("a b c d e f g h i j").len(), MOST_WORDS);
    }
}
