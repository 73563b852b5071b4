//! Recurrence rules of other calendars (RFC 5545, 3.3.10): by day, week, month and year, with or without an end. Pure.
//!
//! As in `series`, a day belongs to the rule or not; here the days of one period are looked at together, since `BYSETPOS` counts
//! within it. What is more often than daily nobody's diary means: it is refused.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, Utc, Weekday};

use super::when;

/// Days that the rules of one file look at, at most, all together.
pub const MOST_LOOKS: u32 = 3_000_000;

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    freq: Freq,
    interval: u32,
    by_month: Vec<i32>,
    by_month_day: Vec<i32>,
    by_day: Vec<(Option<i32>, Weekday)>,
    by_set_pos: Vec<i32>,
    week_start: Weekday,
    end: Option<End>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Freq {
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Count(u32),
    Day(NaiveDate),
    Local(NaiveDateTime),
    Instant(DateTime<Utc>),
}

/// Why a rule is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is none.
    Invalid,
    /// It is one that we do not follow.
    Unsupported,
    /// It recurs more often than daily.
    TooOften,
}

/// The looks that are left are too few.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhausted;

/// When a day's occurrence begins, by the clock of the event and of the world.
pub trait Starts {
    /// By the event's own clock.
    fn local(&self, date: NaiveDate) -> NaiveDateTime;
    /// The instant.
    fn instant(&self, date: NaiveDate) -> Option<DateTime<Utc>>;
}

#[derive(Default)]
struct Parts {
    freq: Option<Freq>,
    interval: Option<u32>,
    by_month: Option<Vec<i32>>,
    by_month_day: Option<Vec<i32>>,
    by_day: Option<Vec<(Option<i32>, Weekday)>>,
    by_set_pos: Option<Vec<i32>>,
    week_start: Option<Weekday>,
    end: Option<End>,
}

fn set<T>(slot: &mut Option<T>, value: T) -> Result<(), Refusal> {
    if slot.replace(value).is_some() { Err(Refusal::Invalid) } else { Ok(()) }
}

fn number(text: &str, most: i32) -> Result<i32, Refusal> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let plain = (1..=6).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.strip_prefix('+').unwrap_or(text).parse::<i32>().ok();
    number.filter(|number| plain && *number != 0 && number.abs() <= most).ok_or(Refusal::Invalid)
}

fn count(text: &str, most: i32) -> Result<u32, Refusal> {
    u32::try_from(number(text, most)?).map_err(|_negative| Refusal::Invalid)
}

fn numbers(text: &str, most: i32) -> Result<Vec<i32>, Refusal> {
    text.split(',').map(|one| number(one.trim(), most)).collect()
}

fn weekday(text: &str) -> Result<Weekday, Refusal> {
    Ok(match text {
        "MO" => Weekday::Mon,
        "TU" => Weekday::Tue,
        "WE" => Weekday::Wed,
        "TH" => Weekday::Thu,
        "FR" => Weekday::Fri,
        "SA" => Weekday::Sat,
        "SU" => Weekday::Sun,
        _ => return Err(Refusal::Invalid),
    })
}

fn by_day(text: &str) -> Result<(Option<i32>, Weekday), Refusal> {
    let at = text.len().checked_sub(2).ok_or(Refusal::Invalid)?;
    let (nth, day) = text.split_at_checked(at).ok_or(Refusal::Invalid)?;
    let nth = if nth.is_empty() { None } else { Some(number(nth, 53)?) };
    Ok((nth, weekday(day)?))
}

fn until(text: &str) -> Result<End, Refusal> {
    let end = match text.strip_suffix('Z') {
        Some(text) => when::local(text).map(|time| End::Instant(time.and_utc())),
        None => when::day(text).map(End::Day).or_else(|| when::local(text).map(End::Local)),
    };
    end.ok_or(Refusal::Invalid)
}

impl Parts {
    fn take(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        match name {
            "FREQ" => {
                let freq = match value {
                    "DAILY" => Freq::Daily,
                    "WEEKLY" => Freq::Weekly,
                    "MONTHLY" => Freq::Monthly,
                    "YEARLY" => Freq::Yearly,
                    "HOURLY" | "MINUTELY" | "SECONDLY" => return Err(Refusal::TooOften),
                    _ => return Err(Refusal::Invalid),
                };
                set(&mut self.freq, freq)
            }
            "INTERVAL" => set(&mut self.interval, count(value, 10_000)?),
            "COUNT" => set(&mut self.end, End::Count(count(value, 999_999)?)),
            "UNTIL" => set(&mut self.end, until(value)?),
            "BYMONTH" => {
                let months = numbers(value, 12)?;
                if months.iter().any(|month| *month < 1) {
                    Err(Refusal::Invalid)
                } else {
                    set(&mut self.by_month, months)
                }
            }
            "BYMONTHDAY" => set(&mut self.by_month_day, numbers(value, 31)?),
            "BYDAY" => {
                let days = value.split(',').map(|one| by_day(one.trim())).collect::<Result<_, _>>()?;
                set(&mut self.by_day, days)
            }
            "BYSETPOS" => set(&mut self.by_set_pos, numbers(value, 366)?),
            "WKST" => set(&mut self.week_start, weekday(value)?),
            "BYHOUR" | "BYMINUTE" | "BYSECOND" | "BYWEEKNO" | "BYYEARDAY" | "RSCALE" | "SKIP" => {
                Err(Refusal::Unsupported)
            }
            _ => Err(Refusal::Invalid),
        }
    }

    fn rule(self) -> Result<Rule, Refusal> {
        let rule = Rule {
            freq: self.freq.ok_or(Refusal::Invalid)?,
            interval: self.interval.unwrap_or(1),
            by_month: self.by_month.unwrap_or_default(),
            by_month_day: self.by_month_day.unwrap_or_default(),
            by_day: self.by_day.unwrap_or_default(),
            by_set_pos: self.by_set_pos.unwrap_or_default(),
            week_start: self.week_start.unwrap_or(Weekday::Mon),
            end: self.end,
        };
        let has_nth = rule.by_day.iter().any(|(nth, _)| nth.is_some());
        let short = matches!(rule.freq, Freq::Daily | Freq::Weekly);
        if (has_nth && short) || (rule.freq == Freq::Weekly && !rule.by_month_day.is_empty()) {
            return Err(Refusal::Invalid);
        }
        Ok(rule)
    }
}

impl std::str::FromStr for Rule {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let mut parts = Parts::default();
        for part in text.trim().trim_end_matches(';').to_ascii_uppercase().split(';') {
            let (name, value) = part.split_once('=').ok_or(Refusal::Invalid)?;
            parts.take(name.trim(), value.trim())?;
        }
        parts.rule()
    }
}

impl Rule {
    /// The days from `from` to `last` on which the event recurs that is on `first` at first, which is always one of them.
    ///
    /// # Errors
    /// When it looks at more days than are left.
    pub fn days(
        &self,
        first: NaiveDate,
        (from, last): (NaiveDate, NaiveDate),
        starts: &impl Starts,
        left: &mut u32,
    ) -> Result<Vec<NaiveDate>, Exhausted> {
        let mut days = Vec::new();
        let mut found = 1;
        if (from..=last).contains(&first) {
            days.push(first);
        }
        let mut step = self.first_step(first, from);
        while let Some((begin, end)) = self.period(first, step).filter(|(begin, _)| *begin <= last) {
            let looks = u32::try_from((end - begin).num_days()).unwrap_or(u32::MAX).saturating_add(1);
            *left = left.checked_sub(looks).ok_or(Exhausted)?;
            for date in self.of_period(first, begin, end) {
                if date <= first {
                    continue;
                }
                if date > last || self.is_over(date, found, starts) {
                    return Ok(days);
                }
                found += 1;
                if date >= from {
                    days.push(date);
                }
            }
            let Some(next) = step.checked_add(self.interval) else { break };
            step = next;
        }
        Ok(days)
    }

    /// Where nobody counts, what is over need not be looked at.
    fn first_step(&self, first: NaiveDate, from: NaiveDate) -> u32 {
        if matches!(self.end, Some(End::Count(_))) || from <= first {
            return 0;
        }
        let days = u32::try_from((from - first).num_days()).unwrap_or(0);
        let longest = match self.freq {
            Freq::Daily => 1,
            Freq::Weekly => 7,
            Freq::Monthly => 31,
            Freq::Yearly => 366,
        };
        let whole = (days / longest).saturating_sub(1);
        whole - whole % self.interval.max(1)
    }

    /// The first and the last day of a period, counted from that of `first`.
    fn period(&self, first: NaiveDate, step: u32) -> Option<(NaiveDate, NaiveDate)> {
        match self.freq {
            Freq::Daily => first.checked_add_days(Days::new(step.into())).map(|day| (day, day)),
            Freq::Weekly => {
                let into = first.weekday().days_since(self.week_start);
                let begin = first.checked_sub_days(Days::new(into.into()))?;
                let begin = begin.checked_add_days(Days::new(u64::from(step) * 7))?;
                begin.checked_add_days(Days::new(6)).map(|end| (begin, end))
            }
            Freq::Monthly => {
                let begin = first.with_day(1)?.checked_add_months(Months::new(step))?;
                begin.checked_add_months(Months::new(1))?.pred_opt().map(|end| (begin, end))
            }
            Freq::Yearly => {
                let begin = first.with_ordinal(1)?.checked_add_months(Months::new(step.checked_mul(12)?))?;
                begin.checked_add_months(Months::new(12))?.pred_opt().map(|end| (begin, end))
            }
        }
    }

    /// Those days of a period that belong to the rule, in order.
    fn of_period(&self, first: NaiveDate, begin: NaiveDate, end: NaiveDate) -> Vec<NaiveDate> {
        let all: Vec<NaiveDate> =
            begin.iter_days().take_while(|date| *date <= end).filter(|date| self.holds(first, *date)).collect();
        if self.by_set_pos.is_empty() {
            return all;
        }
        let place = |nth: &i32| {
            let nth = isize::try_from(*nth).ok()?;
            let len = isize::try_from(all.len()).ok()?;
            let at = if nth > 0 { nth - 1 } else { len + nth };
            all.get(usize::try_from(at).ok()?).copied()
        };
        self.by_set_pos.iter().filter_map(place).collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn holds(&self, first: NaiveDate, date: NaiveDate) -> bool {
        let month = i32::try_from(date.month()).unwrap_or(0);
        if !self.by_month.is_empty() && !self.by_month.contains(&month) {
            return false;
        }
        let by_day = self.by_day.is_empty() || self.by_day.iter().any(|(nth, day)| self.is_nth(date, *nth, *day));
        let by_month_day = self.by_month_day.is_empty() || self.by_month_day.iter().any(|day| is_month_day(date, *day));
        let same = match self.freq {
            _ if !self.by_day.is_empty() || !self.by_month_day.is_empty() => true,
            Freq::Daily => true,
            Freq::Weekly => date.weekday() == first.weekday(),
            Freq::Monthly => date.day() == first.day(),
            Freq::Yearly => date.day() == first.day() && (!self.by_month.is_empty() || date.month() == first.month()),
        };
        by_day && by_month_day && same
    }

    /// The second Monday of the month, or of the year where the rule is by the year and names no month.
    fn is_nth(&self, date: NaiveDate, nth: Option<i32>, weekday: Weekday) -> bool {
        if date.weekday() != weekday {
            return false;
        }
        let Some(nth) = nth else { return true };
        let (before, after) = if self.freq == Freq::Yearly && self.by_month.is_empty() {
            let days = if date.leap_year() { 366 } else { 365 };
            (date.ordinal0(), days - date.ordinal())
        } else {
            (date.day0(), u32::from(date.num_days_in_month()) - date.day())
        };
        let counted = if nth > 0 { before / 7 + 1 } else { after / 7 + 1 };
        counted == nth.unsigned_abs()
    }

    fn is_over(&self, date: NaiveDate, found: u32, starts: &impl Starts) -> bool {
        match self.end {
            None => false,
            Some(End::Count(count)) => found >= count,
            Some(End::Day(last)) => date > last,
            Some(End::Local(last)) => starts.local(date) > last,
            Some(End::Instant(last)) => starts.instant(date).is_none_or(|start| start > last),
        }
    }
}

fn is_month_day(date: NaiveDate, wanted: i32) -> bool {
    let after = u32::from(date.num_days_in_month()) - date.day();
    let counted = if wanted > 0 { date.day() } else { after + 1 };
    counted == wanted.unsigned_abs()
}

#[cfg(test)]
#[path = "rule_tests.rs"]
mod tests;
