//! Plays a request, shows it and its answer, and insists on the status.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Result, bail};
use serde_json::Value;

use crate::api::{Answer, Api, Call};
use crate::demo_hospital::Hospital;

/// Longest text of a request or an answer that is shown.
const SHOWN: usize = 160;
/// Longest single string within it.
const SHOWN_STRING: usize = 44;

/// Sends requests and tells about them.
pub struct Player {
    api: Api,
    count: AtomicUsize,
}

impl Player {
    /// A player before this hospital's gateway.
    pub fn new(hospital: &Hospital) -> Result<Self> {
        let api = Api::new(&hospital.gateway, hospital.certificate_authority.as_deref())?;
        Ok(Self { api, count: AtomicUsize::new(0) })
    }

    /// Announces an act of the journey.
    pub fn act(&self, title: &str) {
        say!("\n{title}");
    }

    /// Plays a request and gives its answer, whose status must be this one.
    pub async fn play(&self, what: &str, call: Call, status: u16) -> Result<Answer> {
        let answer = self.api.send(&call).await?;
        self.count.fetch_add(1, Ordering::Relaxed);
        let replayed = if answer.header("idempotent-replayed").is_some() { " (replayed)" } else { "" };
        say!("  {what}\n    {} {}{}", call.method, call.path, shown_request(&call));
        say!("    → {}{replayed} {}", answer.status, shown_answer(&answer));
        if answer.status != status {
            bail!(
                "{what}: {} {} should answer {status}, and answered {}: {}",
                call.method,
                call.path,
                answer.status,
                answer.text
            );
        }
        let failed = answer.status >= 400;
        if failed && answer.header("content-type") != Some("application/problem+json") {
            bail!("{what}: an error is application/problem+json, not {:?}", answer.header("content-type"));
        }
        must(answer.header("x-request-id").is_some(), "every answer has an x-request-id")?;
        must(answer.header("traceparent").is_some(), "every answer has a traceparent")?;
        Ok(answer)
    }

    /// The client itself, for what need not be shown.
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// How many requests were played.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Counts requests that were sent past [`play`](Self::play).
    pub fn counted(&self, requests: usize) {
        self.count.fetch_add(requests, Ordering::Relaxed);
    }
}

/// Fails with the rule that does not hold.
pub fn must(holds: bool, rule: &str) -> Result<()> {
    if !holds {
        bail!("this does not hold: {rule}");
    }
    Ok(())
}

fn shown_request(call: &Call) -> String {
    match (call.json_body(), call.text_body()) {
        (Some(body), _) => format!(" {}", cut(&shorten(body).to_string(), SHOWN)),
        (None, Some(text)) => format!(" {}", on_one_line(text)),
        (None, None) => String::new(),
    }
}

fn shown_answer(answer: &Answer) -> String {
    if answer.body.is_null() {
        return on_one_line(&answer.text);
    }
    cut(&shorten(&answer.body).to_string(), SHOWN)
}

/// The beginning of a text of several lines.
pub fn on_one_line(text: &str) -> String {
    cut(&text.replace(['\r', '\n'], " ⏎ "), SHOWN)
}

/// A copy with long strings cut, long lists counted, and secrets hidden.
fn shorten(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(cut(text, SHOWN_STRING)),
        Value::Array(items) if items.len() > 2 => {
            let mut few: Vec<Value> = items.iter().take(1).map(shorten).collect();
            few.push(Value::String(format!("… {} more", items.len() - 1)));
            Value::Array(few)
        }
        Value::Array(items) => Value::Array(items.iter().map(shorten).collect()),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| match name.as_str() {
                "password" | "access" | "refresh" => (name.clone(), Value::String("…".to_owned())),
                _ => (name.clone(), shorten(value)),
            })
            .collect(),
        other => other.clone(),
    }
}

fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_hidden_and_long_things_shortened() {
        let shown = shorten(&json!({"password": "secret", "list": [1, 2, 3], "text": "a".repeat(60)})).to_string();
        assert!(!shown.contains("secret"));
        assert!(shown.contains("… 2 more"));
        assert!(shown.contains('…'));
    }
}
