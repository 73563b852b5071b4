//! Codes of messages as codes of the history.

use chassis::strict_json::Faults;
use hl7::datatype::Coded;

use super::Sender;
use crate::history::code::CodeInput;

/// The longest words beside a code, in characters.
const LONGEST_DISPLAY: usize = 300;

/// The code, or its alternate, in a system that is known; a code of the sender's own in a system that is named after it, so
/// that it is still there and is nobody else's.
pub fn of(coded: &Coded, sender: &Sender<'_>) -> CodeInput {
    let display = cut(coded.display());
    let in_known_system = [Some(coded), coded.alternate.as_deref()].into_iter().flatten().find_map(|one| {
        let code = CodeInput { system: one.system_uri(), code: one.code.clone(), display: None };
        passes(&code).then_some(code)
    });
    let own = || {
        let code = coded.code.clone()?;
        let system = coded.system.as_deref().unwrap_or("L");
        Some(CodeInput { system: Some(of_sender(sender.facility, system)), code: Some(code), display: None })
    };
    let code = in_known_system.or_else(own).filter(passes).unwrap_or_default();
    CodeInput { display: display.or_else(|| code.code.clone()), ..code }
}

fn passes(code: &CodeInput) -> bool {
    let mut faults = Faults::new();
    let checked = code.clone().check(&mut faults);
    faults.0.is_empty() && checked.code.is_some()
}

/// `urn:ehs:hl7v2:METRO-LABS:L`.
fn of_sender(facility: &str, system: &str) -> String {
    let plain = |text: &str| -> String {
        let dashed = text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' });
        dashed.take(60).collect::<String>().trim_matches('-').to_owned()
    };
    let or = |text: String, default: &str| if text.is_empty() { default.to_owned() } else { text };
    format!("urn:ehs:hl7v2:{}:{}", or(plain(facility), "unknown"), or(plain(system), "L"))
}

fn cut(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.chars().take(LONGEST_DISPLAY).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(cwe: &str) -> (String, String, String) {
        let text = format!("MSH|^~\\&|L|METRO LABS^2.1^ISO|E|E|||ORU^R01|1|P|2.5\rPID|1||7\rOBX|1|ST|{cwe}||x\r");
        let message = hl7::parse(text.as_bytes()).unwrap();
        let hl7::Content::Results(results) = hl7::read(&message).unwrap() else { return Default::default() };
        let header = message.header().unwrap();
        let code = of(&results.observations.first().unwrap().code, &Sender::of(&header));
        let or_empty = |text: Option<String>| text.unwrap_or_default();
        (or_empty(code.system), or_empty(code.code), or_empty(code.display))
    }

    #[test]
    fn a_known_system_counts_before_a_senders_own() {
        let expected =
            |system: &str, code: &str, display: &str| (system.to_owned(), code.to_owned(), display.to_owned());
        assert_eq!(read("718-7^Haemoglobin^LN"), expected("http://loinc.org", "718-7", "Haemoglobin"));
        assert_eq!(read("HB^Hb^L^718-7^Haemoglobin^LN"), expected("http://loinc.org", "718-7", "Hb"));
        let own = "urn:ehs:hl7v2:METRO-LABS-2-1-ISO:99M";
        assert_eq!(read("HB^Hb^99M"), expected(own, "HB", "Hb"));
        assert_eq!(read("HB"), expected("urn:ehs:hl7v2:METRO-LABS-2-1-ISO:L", "HB", "HB"));
        assert_eq!(read("^Only words"), expected("", "", "Only words"));
    }
}
