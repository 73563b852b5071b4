//! Every operation of every service, by every caller, to their own objects and to those of others.

mod decisions;
mod requests;
pub mod world;

use std::collections::BTreeSet;

use futures_util::future::join_all;
use journeys::{Answer, Hospital};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use self::decisions::{Decision, Line, lines, refused_whatever_is_sent};
use self::requests::{Sent, sent};
use self::world::{Caller, Whose, World};
use crate::audit::{Seen, every_answer_has_its_row, every_chain_holds};

/// Their body may hold an `mfa_token` instead, so that it is read before anybody is refused.
const TOKEN_IN_THE_BODY: [&str; 2] = ["/api/users/mfa/enable/", "/api/users/mfa/verify/"];

#[tokio::test]
async fn every_operation_is_decided_and_every_decision_is_of_an_operation() {
    let offered: BTreeSet<String> =
        Hospital::open().operations().await.iter().map(|(method, path)| format!("{method} {path}")).collect();
    let decided: BTreeSet<String> = lines().iter().map(|line| format!("{} {}", line.method, line.path)).collect();
    let undecided: Vec<_> = offered.difference(&decided).collect();
    let gone: Vec<_> = decided.difference(&offered).collect();
    assert!(undecided.is_empty(), "who may do that? say it in decisions.rs: {undecided:?}");
    assert!(gone.is_empty(), "decided, but offered no more: {gone:?}");
}

#[tokio::test]
async fn every_caller_gets_what_was_decided_and_every_answer_its_audit_row() {
    let world = World::new().await;
    let mut found = Found::default();
    for line in lines() {
        let cells = world.callers.iter().map(|caller| cell(&world, &line, caller));
        // A calendar's new address ends the one before.
        if line.method == "GET" && !line.path.contains("{secret}") {
            join_all(cells).await.into_iter().for_each(|cell| found.add(cell));
        } else {
            // what changes something would meet itself
            for cell in cells {
                found.add(cell.await);
            }
        }
    }
    let Found { wrong, seen } = found;
    assert!(wrong.is_empty(), "{} answers are not as decided:\n{}", wrong.len(), wrong.join("\n"));
    every_answer_has_its_row(&world.hospital, &seen).await;
    every_chain_holds(&world.hospital).await;
}

/// What is not as decided, and the answers that an auditor has to find.
#[derive(Default)]
struct Found {
    wrong: Vec<String>,
    seen: Vec<Seen>,
}

impl Found {
    fn add(&mut self, more: Self) {
        self.wrong.extend(more.wrong);
        self.seen.extend(more.seen);
    }
}

/// One caller's cell: their own object, another's, and nonsense where they are refused in any case.
async fn cell(world: &World, line: &Line, caller: &Caller) -> Found {
    let mut found = Found::default();
    let (own, anothers) = line.decisions[caller.column];
    let first = sent(world, line, caller, Whose::Own).await;
    check(world, line, caller, &first, own, &mut found).await;
    let second = sent(world, line, caller, Whose::Anothers).await;
    if second != first {
        check(world, line, caller, &second, anothers, &mut found).await;
    }
    let Line { method, path, .. } = line;
    let is_nobody = caller.person.is_none();
    if let Some(status) = refused_whatever_is_sent(method, path, caller.column)
        && !(is_nobody && TOKEN_IN_THE_BODY.contains(path))
    {
        let answer = send(world, line, caller, &nonsense(line, &first)).await;
        if answer.status != status {
            found.wrong.push(format!("{method} {path} by {}: nonsense gives {}", caller.name, answer.status));
        }
    }
    found
}

async fn check(world: &World, line: &Line, caller: &Caller, sent: &Sent, decision: Decision, found: &mut Found) {
    let answer = send(world, line, caller, sent).await;
    if !is_as_decided(line, decision, &answer) {
        let Line { method, path, what, .. } = line;
        let told = json!({"sent": sent.body, "path": sent.path, "got": answer.body});
        let (caller, status) = (caller.name, answer.status);
        found.wrong.push(format!("{method} {path} {what} by {caller}: {decision:?}, but got {status}\n    {told}"));
    }
    // where anybody may call, no token is looked at, and the row names nobody
    let looks_at_tokens = line.decisions[0].0 == Decision::Refused(401);
    if let Some(person) = caller.person.as_ref().filter(|_| looks_at_tokens) {
        found.seen.push(Seen::of(line.path, person.id, &answer));
    }
}

async fn send(world: &World, line: &Line, caller: &Caller, sent: &Sent) -> Answer {
    let method: Method = line.method.parse().unwrap();
    let mut request = world.hospital.request(method, &sent.path).header("idempotency-key", Uuid::new_v4().to_string());
    if let Some(person) = &caller.person {
        request = request.bearer_auth(&person.access);
    }
    match &sent.body {
        _ if line.path.ends_with("/_search/") => {
            request = request.header("content-type", "application/x-www-form-urlencoded");
        }
        Some(Value::String(text)) if text.starts_with("BEGIN:VCALENDAR") => {
            request = request.header("content-type", "text/calendar").body(text.clone());
        }
        Some(Value::String(form)) => {
            request = request.header("content-type", "multipart/form-data; boundary=b").body(form.clone());
        }
        Some(body) => request = request.json(body),
        None => {}
    }
    world.hospital.send(request).await
}

/// Whoever may not do a thing learns nothing of how it is asked for.
fn nonsense(line: &Line, sent: &Sent) -> Sent {
    let path = sent.path.split_once('?').map_or(sent.path.as_str(), |(path, _)| path);
    let body = (!matches!(line.method, "GET" | "DELETE")).then(|| json!({"misspelt": 1}));
    Sent { path: format!("{path}?misspelt=1"), body }
}

fn is_as_decided(line: &Line, decision: Decision, answer: &Answer) -> bool {
    let done = (200..300).contains(&answer.status) || answer.status == 302;
    match decision {
        Decision::Done => done && (!line.hides() || shows(&answer.body)),
        Decision::Unlisted => done && !shows(&answer.body),
        Decision::Heard => matches!(answer.status, 400 | 409),
        Decision::Refused(status) => {
            // at the door for FHIR clients errors are in their words
            let media =
                if line.path.starts_with("/fhir/") { "application/fhir+json" } else { "application/problem+json" };
            answer.status == status && answer.header("content-type") == media
        }
    }
}

/// Whether a list holds anything: rows, or slots of appointments that the caller may know of.
fn shows(body: &Value) -> bool {
    let slots = |day: &Value| day["slots"].as_array().into_iter().flatten().any(|slot| !slot["appointment"].is_null());
    let filled = |name: &str| body[name].as_array().is_some_and(|rows| !rows.is_empty());
    filled("results")
        || filled("entry")
        || filled("appointments")
        || body["days"].as_array().into_iter().flatten().any(slots)
}
