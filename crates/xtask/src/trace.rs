//! `cargo xtask trace`: one request's way through the system, as a tree.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::home::Home;

/// The file of spans, one a line.
pub const FILE: &str = "traces.jsonl";

/// One span as the file has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Recorded {
    /// The trace's id.
    pub trace: String,
    /// The span's id.
    pub span: String,
    /// The parent span's id; empty for a root.
    pub parent: String,
    /// Which service.
    pub service: String,
    /// What it did.
    pub name: String,
    /// Which side of a call it is.
    pub kind: Kind,
    /// When it began, in nanoseconds since 1970.
    pub start: u64,
    /// When it ended.
    pub end: u64,
    /// Whether it failed.
    pub failed: bool,
    /// What it says of itself.
    pub attributes: Map<String, Value>,
}

/// Which side of a call a span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Kind {
    /// Work within a process.
    Internal,
    /// It answers a request.
    Server,
    /// It makes a request.
    Client,
    /// It sends a message.
    Producer,
    /// It handles a message.
    Consumer,
}

type Traces = BTreeMap<String, Vec<Recorded>>;

/// Prints the trace with this id, or the last interesting one.
pub fn show(home: &Home, wanted: &str, route: Option<&str>) -> Result<()> {
    let traces = read(home)?;
    let id =
        if wanted == "last" { last(&traces, route) } else { traces.keys().find(|id| id.starts_with(wanted)).cloned() };
    let Some((id, spans)) = id.and_then(|id| traces.get_key_value(&id)) else {
        bail!(
            "no such trace in {}: `cargo xtask demo` makes some, and they arrive within a few seconds",
            home.short(&home.path(FILE))
        );
    };
    let began = spans.iter().map(|span| span.start).min().unwrap_or_default();
    let ended = spans.iter().map(|span| span.end).max().unwrap_or_default();
    let services: BTreeSet<&str> = spans.iter().map(|span| span.service.as_str()).collect();
    say!(
        "trace {id}: {} spans in {} over {}",
        spans.len(),
        milliseconds(ended.saturating_sub(began)),
        services.into_iter().collect::<Vec<_>>().join(", ")
    );
    for (root, prefix) in roots(spans).into_iter().zip(std::iter::repeat("")) {
        print_tree(spans, root, began, prefix, Place::Root);
    }
    Ok(())
}

/// The spans of one trace that have arrived so far.
pub fn spans(home: &Home, id: &str) -> Vec<Recorded> {
    read(home).ok().and_then(|mut traces| traces.remove(id)).unwrap_or_default()
}

fn read(home: &Home) -> Result<Traces> {
    let mut traces = Traces::new();
    for name in [format!("{FILE}.1"), FILE.to_owned()] {
        let Ok(text) = fs::read_to_string(home.path(&name)) else { continue };
        for span in text.lines().filter_map(|line| serde_json::from_str::<Recorded>(line).ok()) {
            traces.entry(span.trace.clone()).or_default().push(span);
        }
    }
    if traces.is_empty() {
        bail!("no traces yet in {}: is EHS up? `cargo xtask demo` makes some", home.short(&home.path(FILE)));
    }
    for spans in traces.values_mut() {
        spans.sort_by_key(|span| span.start);
    }
    Ok(traces)
}

/// Of the traces that came in through the gateway (on this route), the latest that went on to another service's worker; if none did, the latest.
fn last(traces: &Traces, route: Option<&str>) -> Option<String> {
    let interest = |spans: &[Recorded]| -> (bool, u64) {
        let reached_worker = spans.iter().any(|span| span.kind == Kind::Consumer);
        (reached_worker, spans.iter().map(|span| span.start).min().unwrap_or_default())
    };
    traces
        .iter()
        .filter(|(_, spans)| {
            spans.iter().any(|span| span.service == "gateway" && route.is_none_or(|route| span.name.contains(route)))
        })
        .max_by_key(|(_, spans)| interest(spans))
        .map(|(id, _)| id.clone())
}

/// Spans whose parent is not in the file: the first of a trace, or one whose parent was lost or is not ours.
fn roots(spans: &[Recorded]) -> Vec<&Recorded> {
    let known: BTreeSet<&str> = spans.iter().map(|span| span.span.as_str()).collect();
    spans.iter().filter(|span| !known.contains(span.parent.as_str())).collect()
}

/// Where a span stands among its parent's children.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    Between,
    Last,
}

fn print_tree(spans: &[Recorded], span: &Recorded, began: u64, prefix: &str, place: Place) {
    let branch = match place {
        Place::Root => "",
        Place::Between => "├─ ",
        Place::Last => "└─ ",
    };
    let kind = match span.kind {
        Kind::Internal => "",
        Kind::Server => " [server]",
        Kind::Client => " [client]",
        Kind::Producer => " [producer]",
        Kind::Consumer => " [consumer]",
    };
    let failed = if span.failed { "  FAILED" } else { "" };
    let what = format!("{prefix}{branch}{}: {}{}{kind}", span.service, span.name, statement(span));
    let took = milliseconds(span.end.saturating_sub(span.start));
    say!("{what:<96} {took:>11}  at +{}{failed}", milliseconds(span.start.saturating_sub(began)));
    let deeper = match place {
        Place::Root => prefix.to_owned(),
        Place::Between => format!("{prefix}│  "),
        Place::Last => format!("{prefix}   "),
    };
    let children: Vec<&Recorded> =
        spans.iter().filter(|child| child.parent == span.span && child.span != span.span).collect();
    let count = children.len();
    for (at, child) in children.into_iter().enumerate() {
        print_tree(spans, child, began, &deeper, if at + 1 == count { Place::Last } else { Place::Between });
    }
}

/// The beginning of a database span's statement, which has no values in it.
fn statement(span: &Recorded) -> String {
    let Some(text) = span.attributes.get("db.query.text").and_then(Value::as_str) else { return String::new() };
    let mut words: String = text.replace('"', "").chars().take(28).collect();
    words.insert(0, ' ');
    words
}

fn milliseconds(nanoseconds: u64) -> String {
    format!("{}.{:03} ms", nanoseconds / 1_000_000, nanoseconds / 1_000 % 1_000)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests may panic")]
mod tests {
    use super::*;

    fn span(trace: &str, id: &str, parent: &str, service: &str, kind: Kind, start: u64) -> Recorded {
        Recorded {
            trace: trace.into(),
            span: id.into(),
            parent: parent.into(),
            service: service.into(),
            name: format!("{service} work"),
            kind,
            start,
            end: start + 10,
            failed: false,
            attributes: Map::new(),
        }
    }

    #[test]
    fn last_prefers_what_crossed_services_over_what_came_later() {
        let mut traces = Traces::new();
        traces.insert(
            "aa".into(),
            vec![span("aa", "1", "", "gateway", Kind::Server, 5), span("aa", "2", "1", "billing", Kind::Consumer, 9)],
        );
        traces.insert("bb".into(), vec![span("bb", "1", "", "gateway", Kind::Server, 50)]);
        traces.insert("cc".into(), vec![span("cc", "1", "", "billing", Kind::Consumer, 90)]);
        assert_eq!(last(&traces, None).as_deref(), Some("aa"));
        assert_eq!(last(&traces, Some("no such route")), None);
    }

    #[test]
    fn a_span_whose_parent_is_unknown_is_a_root() {
        let spans =
            [span("aa", "1", "0", "gateway", Kind::Server, 5), span("aa", "2", "1", "billing", Kind::Server, 6)];
        assert_eq!(roots(&spans).len(), 1);
    }
}
