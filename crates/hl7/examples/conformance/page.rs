//! The page that the comparison becomes.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::{Compared, Fact};

/// What becomes of the facts. It belongs to the service, and stands here so that nobody takes what is read for what is kept.
const KEPT: &str = "
## What the service keeps

This page is about reading. The stored message has all that it said; of what is read out of it, `services/patients` keeps in the
patient's record and history:

| read | kept | not kept |
| --- | --- | --- |
| names (PID-5, PID-9) | given, middle and family name of the one in use | prefix, suffix, aliases |
| identifiers (PID-2, 3, 4, 19, 20; MRG-1, 4) | up to 20 numbers of the person, ABHA number and address | Aadhaar numbers, numbers of visits and bills |
| birth date (PID-7) | the day; a year or a month alone as an estimate | the time of birth |
| gender, language (PID-8, PID-15) | both | |
| phones, e-mail (PID-13, 14, 40) | the first number that can be dialled, the first address | the others |
| addresses (PID-11, 12) | the one that is lived at | the others |
| death (PID-29, PID-30) | nothing: a warning says so | all of it |
| people (NK1) | one to call: name, relationship, number | everybody else, addresses |
| encounter (PV1, PV2) | nothing | class, period, place, staff, reason |
| allergies (AL1) | to what, severity, reactions, since when | the kind of allergen (AL1-2) |
| diagnoses (DG1) | code, date, whether admitting, working or final, entered in error | rank, who said so, when it was recorded |
| procedures (PR1) | code, date | kind, duration, surgeon |
| observations (OBX, NTE) | code, values, unit, range, the first flag, status, the day (OBX-14 or OBR-7), remarks | the time of day, further flags, when it was analysed, laboratory (OBX-15, 23), who observed (OBX-16), method (OBX-17), body site (OBX-20) |
| orders (OBR, ORC) | remarks; its numbers, to know a result again | status, category, who ordered, when it was issued |
| vaccinations (RXA, RXR) | vaccine, day, dose, unit, status; lot, manufacturer, route, site and refusal as a remark | expiry, who gave it |
| appointments (SCH, AIS, AIG, AIL, AIP) | handed to the appointments service: numbers, time, status, persons | places, equipment, what is to be done, remarks |
| insurance (IN1) | nothing: a warning says so | all of it |
";

const HEAD: &str = "# Conformance of the HL7 v2 mapping

What `crates/hl7` reads out of messages, beside FHIR bundles that an independent converter (microsoft/FHIR-Converter) made of the
same messages. The definition of each mapping is HL7's own: the tables of HL7/v2-to-fhir. This page is written by

```
cargo run -p hl7 --example conformance -- <folder of messages> <folder of expected bundles> docs/hl7-conformance.md
```

which ends with an error below 95 %. Facts are compared, not JSON: name, birth date, gender, identifiers, phones, parts of
addresses, allergies, diagnoses, procedures, observations (value, unit, range, flag, status, date), encounters (class, period),
appointments, immunisations. A time counts as the instant that it is, a line of an address as there when it stands within
another. A fact that several segments repeat counts once for each message.
";

/// Facts that match, and facts that the tables define.
pub fn totals(compared: &[Compared]) -> (usize, usize) {
    let matched = compared.iter().map(|one| one.matched).sum();
    (matched, compared.iter().map(defined).sum())
}

fn defined(one: &Compared) -> usize {
    one.matched + one.missing.iter().filter(|(_, reason)| reason.is_defined).count()
}

pub fn page(compared: &[Compared]) -> String {
    let (matched, of) = totals(compared);
    let undefined: usize = compared.iter().map(|one| one.matched + one.missing.len() - defined(one)).sum();
    let mut page = format!(
        "{HEAD}\n**{matched} of {of} facts that the tables define ({}).** {undefined} further facts of the bundles come from \
         segments for which there is no table. All that differs is listed below with its reason.\n\n",
        percent(matched, of)
    );
    page.push_str("| message | matched | defined by the tables | | without a table | only here |\n");
    page.push_str("| --- | ---: | ---: | ---: | ---: | ---: |\n");
    for one in compared {
        let of = defined(one);
        let outside = one.matched + one.missing.len() - of;
        let _ = writeln!(
            page,
            "| {} | {} | {of} | {} | {outside} | {} |",
            one.name,
            one.matched,
            percent(one.matched, of),
            one.extra.len()
        );
    }
    missing(&mut page, compared, true);
    missing(&mut page, compared, false);
    extra(&mut page, compared);
    page.push_str(KEPT);
    page
}

fn missing(page: &mut String, compared: &[Compared], is_defined: bool) {
    let mut rows: BTreeMap<(&str, &Fact), Vec<&str>> = BTreeMap::new();
    for one in compared {
        for (fact, reason) in one.missing.iter().filter(|(_, reason)| reason.is_defined == is_defined) {
            rows.entry((reason.words, fact)).or_default().push(&one.name);
        }
    }
    page.push_str(if is_defined {
        "\n## In the bundles, and read otherwise here\n\n"
    } else {
        "\n## In the bundles, from segments without a table\n\n"
    });
    if rows.is_empty() {
        page.push_str("None.\n");
        return;
    }
    page.push_str("| fact | value | why | messages |\n| --- | --- | --- | --- |\n");
    for ((why, (name, value)), messages) in rows {
        let _ = writeln!(page, "| {name} | {} | {why} | {} |", cell(value), messages.join(", "));
    }
}

fn extra(page: &mut String, compared: &[Compared]) {
    let mut rows: BTreeMap<&Fact, Vec<&str>> = BTreeMap::new();
    for one in compared {
        one.extra.iter().for_each(|fact| rows.entry(fact).or_default().push(&one.name));
    }
    page.push_str(
        "\n## Read here, and not in the bundles\n\nThe converter leaves them out: of a merge it keeps the identifiers alone, of a \
         phone number in parts nothing where XTN-3 is not of table 0202, of XAD-9 its second subcomponent alone; observations of \
         a vaccination that say who paid, and those that point to a document, it turns into something else. An observation \
         without a time has its order's here.\n\n",
    );
    page.push_str("| fact | value | messages |\n| --- | --- | --- |\n");
    for ((name, value), messages) in rows {
        let _ = writeln!(page, "| {name} | {} | {} |", cell(value), messages.join(", "));
    }
}

fn cell(value: &str) -> String {
    value.replace('|', "\\|")
}

/// In tenths, rounded down.
fn percent(part: usize, whole: usize) -> String {
    let tenths = (part * 1000).checked_div(whole).unwrap_or(1000);
    format!("{}.{} %", tenths / 10, tenths % 10)
}
