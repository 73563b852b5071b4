#![allow(clippy::unwrap_used, clippy::panic)]

use chrono::NaiveTime;

use super::*;

/// At half past four, UTC.
struct Daily;

impl Starts for Daily {
    fn local(&self, date: NaiveDate) -> NaiveDateTime {
        date.and_time(NaiveTime::from_hms_opt(4, 30, 0).unwrap())
    }

    fn instant(&self, date: NaiveDate) -> Option<DateTime<Utc>> {
        Some(self.local(date).and_utc())
    }
}

fn days(rule: &str, first: &str, from: &str, last: &str) -> Vec<String> {
    let rule: Rule = rule.parse().unwrap_or_else(|why| panic!("{rule}: {why:?}"));
    let mut left = MOST_LOOKS;
    let window = (from.parse().unwrap(), last.parse().unwrap());
    let days = rule.days(first.parse().unwrap(), window, &Daily, &mut left).unwrap();
    days.iter().map(ToString::to_string).collect()
}

/// Four hundred rules by a program of others: `data/rules/dateutil.txt`.
#[test]
fn rules_give_what_another_program_gives() {
    let mut rules = 0;
    for line in include_str!("../../data/rules/dateutil.txt").lines().filter(|line| !line.starts_with('#')) {
        let [first, rule, from, last, expected] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        assert_eq!(days(rule, first, from, last).join(","), expected, "{rule} from {first}, within {from} to {last}");
        rules += 1;
    }
    assert_eq!(rules, 400);
}

#[test]
fn the_standards_examples_give_the_standards_days() {
    // RFC 5545, 3.8.5.3, with the years of the standard.
    for (rule, first, last, count, end) in [
        ("FREQ=DAILY;COUNT=10", "1997-09-02", "1998-12-31", 10, "1997-09-11"),
        ("FREQ=DAILY;UNTIL=19971224T000000Z", "1997-09-02", "1998-12-31", 113, "1997-12-23"),
        (
            "FREQ=YEARLY;UNTIL=20000131T140000Z;BYMONTH=1;BYDAY=SU,MO,TU,WE,TH,FR,SA",
            "1998-01-01",
            "2001-12-31",
            93,
            "2000-01-31",
        ),
        ("FREQ=WEEKLY;INTERVAL=2;WKST=SU", "1997-09-02", "1998-02-28", 13, "1998-02-17"),
        ("FREQ=WEEKLY;COUNT=4;INTERVAL=2;BYDAY=TU,SU;WKST=MO", "1997-08-05", "1998-01-01", 4, "1997-08-24"),
        ("FREQ=WEEKLY;COUNT=4;INTERVAL=2;BYDAY=TU,SU;WKST=SU", "1997-08-05", "1998-01-01", 4, "1997-08-31"),
        ("FREQ=MONTHLY;COUNT=6;BYDAY=-2MO", "1997-09-22", "1999-01-01", 6, "1998-02-16"),
        ("FREQ=MONTHLY;BYMONTHDAY=-3", "1997-09-28", "1998-02-28", 6, "1998-02-26"),
        ("FREQ=YEARLY;COUNT=10;BYMONTH=6,7", "1997-06-10", "2010-01-01", 10, "2001-07-10"),
        ("FREQ=YEARLY;BYDAY=20MO", "1997-05-19", "1999-12-31", 3, "1999-05-17"),
        ("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", "1998-02-13", "2000-12-31", 5, "2000-10-13"),
        (
            "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
            "1996-11-05",
            "2004-12-31",
            3,
            "2004-11-02",
        ),
        ("FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3", "1997-09-04", "1998-12-31", 3, "1997-11-06"),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2", "1997-09-29", "1998-03-31", 7, "1998-03-30"),
    ] {
        let days = days(rule, first, first, last);
        assert_eq!((days.len(), days.last().map(String::as_str)), (count, Some(end)), "{rule}: {days:?}");
    }
}

#[test]
fn the_first_day_is_one_of_them_and_counts() {
    assert_eq!(
        days("FREQ=WEEKLY;BYDAY=MO;COUNT=3", "2026-12-02", "2026-12-01", "2027-12-01").join(" "),
        "2026-12-02 2026-12-07 2026-12-14"
    );
}

#[test]
fn a_rule_that_never_comes_true_ends_all_the_same() {
    let rule: Rule = "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30".parse().unwrap();
    let (first, last) = (NaiveDate::from_ymd_opt(2026, 1, 1).unwrap(), NaiveDate::from_ymd_opt(2028, 1, 1).unwrap());
    let mut left = MOST_LOOKS;
    assert_eq!(rule.days(first, (first, last), &Daily, &mut left), Ok(vec![first]));
    assert!(MOST_LOOKS - left < 1500);
    let counted: Rule = "FREQ=DAILY;COUNT=999999;BYMONTH=2;BYMONTHDAY=30".parse().unwrap();
    let mut left = 1000;
    assert_eq!(counted.days(first, (first, NaiveDate::MAX), &Daily, &mut left), Err(Exhausted));
}

#[test]
fn what_is_no_rule_or_none_that_we_follow_is_refused() {
    for (rule, why) in [
        ("FREQ=SECONDLY", Refusal::TooOften),
        ("FREQ=MINUTELY;INTERVAL=90", Refusal::TooOften),
        ("FREQ=HOURLY;COUNT=2", Refusal::TooOften),
        ("FREQ=DAILY;BYHOUR=9,15", Refusal::Unsupported),
        ("FREQ=YEARLY;BYWEEKNO=20", Refusal::Unsupported),
        ("", Refusal::Invalid),
        ("FREQ", Refusal::Invalid),
        ("COUNT=3", Refusal::Invalid),
        ("FREQ=DAILY;COUNT=0", Refusal::Invalid),
        ("FREQ=DAILY;COUNT=-1", Refusal::Invalid),
        ("FREQ=DAILY;COUNT=2;UNTIL=20270101", Refusal::Invalid),
        ("FREQ=DAILY;FREQ=DAILY", Refusal::Invalid),
        ("FREQ=DAILY;INTERVAL=99999999999999999999", Refusal::Invalid),
        ("FREQ=WEEKLY;BYDAY=2MO", Refusal::Invalid),
        ("FREQ=WEEKLY;BYMONTHDAY=2", Refusal::Invalid),
        ("FREQ=MONTHLY;BYMONTHDAY=0", Refusal::Invalid),
        ("FREQ=MONTHLY;BYDAY=é", Refusal::Invalid),
        ("FREQ=YEARLY;BYMONTH=-1", Refusal::Invalid),
        ("FREQ=DAILY;UNTIL=2027-01-01", Refusal::Invalid),
    ] {
        assert_eq!(rule.parse::<Rule>(), Err(why), "{rule}");
    }
}
