//! What messages say in the medical history: once, however often it is sent, amended when it is corrected.

use std::collections::HashMap;

use chassis::phi::Phi;
use chassis::prepared::Prepare as _;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use hl7::Content as Message;
use serde_json::Value as Json;

use super::apply::{Refusal, Work};
use super::said::{self, Change, Said};
use crate::history::entry::{Content, Entry, Provenance};
use crate::history::kind::{ENTERED_IN_ERROR, Kind, Source};
use crate::schema::{history_entries, hl7_entries};

/// Enters what a message says of the patient's health, in the caller's transaction, which has the patient's row locked.
pub async fn keep(
    conn: &mut AsyncPgConnection,
    work: &Work<'_>,
    patient: i64,
    message: &Message,
    warnings: &mut Vec<String>,
) -> Result<(), Refusal> {
    let today = work.desk.today();
    let said = said::of(message, work.header, work.desk.time_zone, today);
    if said.is_empty() {
        return Ok(());
    }
    let mut known = known(conn, patient, &said).await?;
    let mut new: Vec<(i64, [u8; 32])> = Vec::new();
    for said in said {
        let known = known.remove(&said.key);
        if said.change == Change::TakesBack && known.is_none() {
            warnings.push(format!("{}: takes back what was never told here; left out", said.at));
            continue;
        }
        let Some(content) = said.checked(today, warnings) else { continue };
        let provenance = Provenance {
            source: Source::Hl7,
            author: work.author,
            message: Some(work.message),
            places: Some(Json::Object(said.places.clone())),
        };
        match decide(known.as_ref(), content, said.change, work.message) {
            Step::Insert(content) => {
                let entry = Entry::insert(conn, patient, &content, &provenance, today).await?;
                new.push((entry.id, said.key));
            }
            Step::Amend(entry, content) => drop(entry.amend(conn, &content, &provenance, today).await?),
            Step::Leave(None) => {}
            Step::Leave(Some(why)) => warnings.push(format!("{}: {why}; left as it is", said.at)),
        }
    }
    let rows: Vec<_> =
        new.iter().map(|(entry, key)| (hl7_entries::entry.eq(entry), hl7_entries::digest.eq(key.as_slice()))).collect();
    if !rows.is_empty() {
        diesel::insert_into(hl7_entries::table).values(&rows).prepared_for(rows.len()).execute(conn).await?;
    }
    Ok(())
}

/// The patient's entries that were told of before, by their keys; of several the newest. They are locked before the first entry is
/// written: with it comes the head of the history, and whoever amends one of them over the API holds the entry first.
async fn known(conn: &mut AsyncPgConnection, patient: i64, said: &[Said]) -> QueryResult<HashMap<[u8; 32], Entry>> {
    let keys: Vec<&[u8]> = said.iter().map(|said| said.key.as_slice()).collect();
    let rows: Vec<(Vec<u8>, Entry)> = hl7_entries::table
        .inner_join(history_entries::table)
        .filter(hl7_entries::digest.eq_any(keys))
        .filter(history_entries::patient.eq(patient))
        .order(hl7_entries::entry.asc())
        .select((hl7_entries::digest, Entry::as_select()))
        .for_no_key_update()
        .load(conn)
        .await?;
    Ok(rows.into_iter().filter_map(|(key, entry)| Some((key.try_into().ok()?, entry))).collect())
}

/// What is to be done with one entry.
enum Step<'a> {
    Insert(Content),
    Amend(&'a Entry, Content),
    /// Nothing; and why, where the sender would expect something.
    Leave(Option<&'static str>),
}

/// What a message does to the entry that is there. Messages are numbered as they came. Pure.
fn decide(known: Option<&Entry>, content: Content, change: Change, message: i64) -> Step<'_> {
    let Some(known) = known else { return Step::Insert(content) };
    let by_a_person = known.provenance.source != Source::Hl7;
    let is_overtaken = known.provenance.message.is_some_and(|newest| newest > message);
    match (known.is_in_error(), change) {
        (true, Change::TakesBack) => return Step::Leave(None),
        (true, _) if by_a_person => return Step::Leave(Some("was entered in error, as a person here has said")),
        (true, _) if is_overtaken => return Step::Leave(Some("was taken back by a message that came after this one")),
        // Taken back by a message, and now said again.
        (true, _) => return Step::Insert(content),
        (false, _) => {}
    }
    let content = match change {
        Change::TakesBack => Content { status: ENTERED_IN_ERROR.to_owned(), ..known.content.clone() },
        Change::Finalises => Content { status: "FINAL".to_owned(), ..known.content.clone() },
        Change::Says | Change::Corrects => Content { display: worded(known, &content), ..content },
    };
    if content == known.content {
        return Step::Leave(None);
    }
    if by_a_person && matches!(change, Change::Says | Change::Finalises) {
        return Step::Leave(Some("has been amended here since"));
    }
    match (standing(&known.content), standing(&content)) {
        (Some(Standing::Corrected), Some(Standing::Final)) => return Step::Leave(Some("has been corrected already")),
        (Some(before), Some(after)) if after < before => return Step::Leave(Some("is final already")),
        (Some(before), Some(after)) if after > before => {}
        _ if is_overtaken => return Step::Leave(Some("was told anew by a message that came after this one")),
        _ => {}
    }
    Step::Amend(known, content)
}

/// A correction that leaves out what the thing is called does not take its name away.
fn worded(known: &Entry, content: &Content) -> Option<Phi<String>> {
    let same_code = content.code.is_some() && content.code == known.content.code;
    let only_code = content.display.is_none() || content.display == content.code;
    if same_code && only_code { known.content.display.clone() } else { content.display.clone() }
}

/// How far a result has come. It never goes back: messages may come in another order than they were sent.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Open,
    Final,
    Corrected,
}

/// Nothing of what is no result, or of one that was cancelled.
fn standing(content: &Content) -> Option<Standing> {
    match content.status.as_str() {
        _ if content.kind != Kind::Observation => None,
        "PRELIMINARY" | "REGISTERED" | "UNKNOWN" => Some(Standing::Open),
        "FINAL" => Some(Standing::Final),
        "CORRECTED" | "AMENDED" => Some(Standing::Corrected),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use chrono::{DateTime, NaiveDate};

    use super::*;
    use crate::history::code::CodeInput;
    use crate::history::input::{EntryInput, ValueText};

    fn result(value: &str, status: &str) -> Content {
        let input = EntryInput {
            kind: Some("OBSERVATION".to_owned()),
            code: Some(CodeInput { display: Some("Hb".to_owned()), ..CodeInput::default() }),
            status: Some(status.to_owned()),
            value: Some(ValueText(value.to_owned())),
            ..EntryInput::default()
        };
        input.check(NaiveDate::from_ymd_opt(2026, 11, 27).unwrap()).ok().unwrap()
    }

    fn entry(content: Content, source: Source) -> Entry {
        let provenance = Provenance { source, author: Some(2), message: None, places: None };
        let at = DateTime::UNIX_EPOCH;
        Entry { id: 1, patient: 1, content, provenance, version: 1, created_at: at, updated_at: at }
    }

    fn step(known: Option<(&str, &str, Source)>, value: &str, status: &str, change: Change) -> String {
        decided(known.map(|(value, status, source)| entry(result(value, status), source)), value, status, change)
    }

    /// What the fifth message does to an entry that the ninth gave.
    fn late(known: (&str, &str), value: &str, status: &str, change: Change) -> String {
        let mut known = entry(result(known.0, known.1), Source::Hl7);
        known.provenance.message = Some(9);
        decided(Some(known), value, status, change)
    }

    fn decided(known: Option<Entry>, value: &str, status: &str, change: Change) -> String {
        match decide(known.as_ref(), result(value, status), change, 5) {
            Step::Insert(_) => "insert".to_owned(),
            Step::Amend(_, content) => format!("amend {} {}", content.value.unwrap().expose(), content.status),
            Step::Leave(why) => format!("leave {}", why.unwrap_or_default()).trim().to_owned(),
        }
    }

    #[test]
    fn what_is_told_again_amends_and_never_doubles() {
        use Change::{Corrects, Finalises, Says, TakesBack};
        use Source::{Api, Hl7};
        assert_eq!(step(None, "13", "FINAL", Says), "insert");
        assert_eq!(step(Some(("13", "FINAL", Hl7)), "13", "FINAL", Says), "leave");
        assert_eq!(step(Some(("13", "PRELIMINARY", Hl7)), "14", "FINAL", Says), "amend 14 FINAL");
        assert_eq!(step(Some(("13", "FINAL", Hl7)), "14", "CORRECTED", Corrects), "amend 14 CORRECTED");
        assert_eq!(step(Some(("13", "PRELIMINARY", Hl7)), "x", "FINAL", Finalises), "amend 13 FINAL");
        assert_eq!(step(Some(("13", "FINAL", Hl7)), "x", ENTERED_IN_ERROR, TakesBack), "amend 13 ENTERED_IN_ERROR");
        // Late, or again.
        assert_eq!(step(Some(("13", "FINAL", Hl7)), "12", "PRELIMINARY", Says), "leave is final already");
        assert_eq!(step(Some(("13", ENTERED_IN_ERROR, Hl7)), "x", ENTERED_IN_ERROR, TakesBack), "leave");
        assert_eq!(step(Some(("13", ENTERED_IN_ERROR, Hl7)), "14", "FINAL", Says), "insert");
        // A person's word stands, but for a correction.
        assert_eq!(step(Some(("13", "FINAL", Api)), "14", "FINAL", Says), "leave has been amended here since");
        assert_eq!(step(Some(("13", "FINAL", Api)), "14", "CORRECTED", Corrects), "amend 14 CORRECTED");
        assert!(
            step(Some(("13", ENTERED_IN_ERROR, Api)), "14", "CORRECTED", Corrects).starts_with("leave was entered")
        );
    }

    #[test]
    fn a_result_never_goes_back() {
        use Change::{Corrects, Finalises, Says, TakesBack};
        use Source::Hl7;
        let corrected = "leave has been corrected already";
        assert_eq!(step(Some(("14", "CORRECTED", Hl7)), "13", "FINAL", Says), corrected);
        assert_eq!(step(Some(("14", "AMENDED", Hl7)), "13", "FINAL", Says), corrected);
        assert_eq!(step(Some(("14", "CORRECTED", Hl7)), "x", "FINAL", Finalises), corrected);
        assert_eq!(step(Some(("14", "CORRECTED", Hl7)), "13", "PRELIMINARY", Says), "leave is final already");
        assert_eq!(step(Some(("14", "CORRECTED", Hl7)), "15", "CORRECTED", Corrects), "amend 15 CORRECTED");
        assert_eq!(step(Some(("14", "CORRECTED", Hl7)), "15", "AMENDED", Says), "amend 15 AMENDED");
        assert_eq!(step(Some(("14", "CORRECTED", Hl7)), "x", ENTERED_IN_ERROR, TakesBack), "amend 14 ENTERED_IN_ERROR");
    }

    #[test]
    fn a_message_that_was_overtaken_adds_and_undoes_nothing() {
        use Change::{Corrects, Says, TakesBack};
        let anew = "leave was told anew by a message that came after this one";
        assert_eq!(late(("14", "FINAL"), "13", "FINAL", Says), anew);
        assert_eq!(late(("14", "CORRECTED"), "13", "CORRECTED", Corrects), anew);
        assert_eq!(late(("14", "FINAL"), "x", ENTERED_IN_ERROR, TakesBack), anew);
        assert_eq!(late(("14", "FINAL"), "14", "FINAL", Says), "leave");
        // What it says may still be further than what is known.
        assert_eq!(late(("13", "PRELIMINARY"), "14", "FINAL", Says), "amend 14 FINAL");
        assert_eq!(late(("13", "FINAL"), "14", "CORRECTED", Corrects), "amend 14 CORRECTED");
        let taken_back = "leave was taken back by a message that came after this one";
        assert_eq!(late(("14", ENTERED_IN_ERROR), "14", "FINAL", Says), taken_back);
    }
}
