//! The patient of one run: everything about them follows from the moment of the run, so that no two runs collide.

use std::time::{SystemTime, UNIX_EPOCH};

use chrono::Utc;

/// Syllables that Indian names are made of, one per digit.
const SYLLABLES: [&str; 10] = ["ka", "ra", "na", "mi", "la", "vi", "su", "pa", "de", "ja"];

/// After so many runs the first person comes again.
const RUNS: u64 = 10_000_000_000;

/// A person who did not exist before.
pub struct Newcomer {
    run: u64,
}

impl Newcomer {
    /// The person of this moment.
    pub fn now() -> Self {
        let millis = SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_millis()).unwrap_or_default();
        Self { run: u64::try_from(millis).unwrap_or_default() % RUNS }
    }

    /// Who comes with them, and did not exist before either.
    pub fn companion(&self) -> Self {
        Self { run: (self.run + 1) % RUNS }
    }

    /// User name.
    pub fn username(&self) -> String {
        format!("visitor{}", self.run)
    }

    /// Mail address.
    pub fn email(&self) -> String {
        format!("visitor{}@example.in", self.run)
    }

    /// A password of this run.
    pub fn password(&self) -> String {
        format!("Monsoon-{}-Mango", self.run)
    }

    /// First name.
    pub fn first_name(&self) -> &'static str {
        "Lakshmi"
    }

    /// A last name that nobody else has.
    pub fn last_name(&self) -> String {
        let digits = format!("{:010}", self.run);
        let syllables =
            digits.chars().filter_map(|digit| SYLLABLES.get(usize::try_from(digit.to_digit(10)?).ok()?)).copied();
        let name: String = syllables.collect();
        let mut letters = name.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
    }

    /// The middle of the last name, as somebody might half remember it.
    pub fn part_of_last_name(&self) -> String {
        self.last_name().chars().skip(4).take(14).collect()
    }

    /// E.164.
    pub fn phone(&self) -> String {
        format!("+919{:09}", self.run % 1_000_000_000)
    }

    /// As people type it.
    pub fn phone_as_typed(&self) -> String {
        let number: String = self.phone().chars().skip(3).collect();
        let (front, back) = number.split_at(5);
        format!("{front} {back}")
    }

    /// ABHA number, 14 digits.
    pub fn abha(&self) -> String {
        format!("91{:012}", self.run)
    }

    /// An ADT message of this event about the person; `number` makes its control id.
    pub fn adt(&self, event: &str, number: u32) -> String {
        let at = Utc::now().format("%Y%m%d%H%M%S");
        let structure = if matches!(event, "A04" | "A08") { "ADT_A01" } else { "ADT_A05" };
        [
            format!("MSH|^~\\&|REGDESK|EHS DEMO|EHS|EHS|{at}+0000||ADT^{event}^{structure}|{}|P|2.5.1", self.control_id(number)),
            format!("EVN|{event}|{at}"),
            format!(
                "PID|1||D{run}^^^EHS DEMO^MR~{abha}^^^ABDM^HIN||{last}^{first}||19790512|F|||12, Gandhi Road^^Chennai^Tamil Nadu^600028^IN||{phone}^PRN^CP",
                run = self.run,
                abha = self.abha(),
                last = self.last_name(),
                first = self.first_name(),
                phone = self.phone_as_typed(),
            ),
            "PV1|1|N".to_owned(),
        ]
        .map(|segment| segment + "\r")
        .concat()
    }

    /// A message that lost everything behind its header on the way.
    pub fn damaged(&self, number: u32) -> String {
        let at = Utc::now().format("%Y%m%d%H%M%S");
        format!(
            "MSH|^~\\&|REGDESK|EHS DEMO|EHS|EHS|{at}+0000||ADT^A28^ADT_A05|{}|P|2.5.1\rEVN|A28|{at}\r",
            self.control_id(number)
        )
    }

    /// The id of a message of this run.
    pub fn control_id(&self, number: u32) -> String {
        format!("D{}N{number}", self.run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_follows_from_the_run() {
        let newcomer = Newcomer { run: 1_234_567_890 };
        assert_eq!(newcomer.last_name(), "Ranamilavisupadejaka");
        assert_eq!(newcomer.part_of_last_name(), "milavisupadeja");
        assert_eq!(newcomer.phone(), "+919234567890");
        assert_eq!(newcomer.phone_as_typed(), "92345 67890");
        assert_eq!(newcomer.abha().len(), 14);
        let companion = newcomer.companion();
        assert_eq!(companion.last_name(), "Ranamilavisupadejara");
        assert!(companion.phone() != newcomer.phone() && companion.control_id(1) != newcomer.control_id(1));
        assert_eq!(Newcomer { run: RUNS - 1 }.companion().abha(), "91000000000000");
    }
}
