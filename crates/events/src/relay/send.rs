//! Sends rows, subscriber by subscriber, and reports what became of them.

use std::{
    collections::{BTreeMap, HashMap},
    time::Instant,
};

use anyhow::Context;
use aws_sdk_sqs::types::{MessageAttributeValue, SendMessageBatchRequestEntry};
use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;
use tracing::Span;

use super::batch;
use crate::{SqsQueues, envelope, outbox::Waiting};

/// What became of the rows of a pass; those not named are still to be tried.
#[derive(Default)]
pub(super) struct Report {
    pub sent: Vec<i64>,
    pub subscribers_sent: Vec<String>,
    pub subscribers_failed: Vec<String>,
    /// As `subscriber/group`.
    pub groups_failed: Vec<String>,
}

/// Sends to all subscribers at once; begins no further request after `until` or the shutdown.
pub(super) async fn all(
    queues: &SqsQueues,
    rows: Vec<Waiting>,
    until: Instant,
    shutdown: &CancellationToken,
) -> Report {
    let mut by_subscriber: BTreeMap<String, Vec<Waiting>> = BTreeMap::new();
    for row in rows {
        by_subscriber.entry(row.subscriber.clone()).or_default().push(row);
    }
    let goes_on = || Instant::now() < until && !shutdown.is_cancelled();
    let lanes = by_subscriber.into_iter().map(|(subscriber, rows)| to_one(queues, subscriber, rows, goes_on));
    let mut report = Report::default();
    for lane in join_all(lanes).await {
        report.sent.extend(lane.sent);
        report.subscribers_sent.extend(lane.subscribers_sent);
        report.subscribers_failed.extend(lane.subscribers_failed);
        report.groups_failed.extend(lane.groups_failed);
    }
    report
}

async fn to_one(
    queues: &SqsQueues,
    subscriber: String,
    mut pending: Vec<Waiting>,
    goes_on: impl Fn() -> bool,
) -> Report {
    let mut report = Report::default();
    while !pending.is_empty() && goes_on() {
        let rows = batch::next(&mut pending);
        match request(queues, &subscriber, &rows).await {
            Ok(refused) => {
                for row in rows {
                    if refused.contains(&row.id) {
                        pending.retain(|later| later.message_group != row.message_group);
                        report.groups_failed.push(format!("{subscriber}/{}", row.message_group));
                    } else {
                        report.sent.push(row.id);
                    }
                }
            }
            Err(error) => {
                count("ehs_events_send_failures_total", &subscriber, rows.len());
                tracing::warn!(subscriber, error = format!("{error:#}"), "events could not be sent; they wait");
                report.subscribers_failed.push(subscriber);
                return report;
            }
        }
    }
    report.subscribers_sent.push(subscriber);
    report
}

/// One request. Answers the rows that SQS refused.
async fn request(queues: &SqsQueues, subscriber: &str, rows: &[Waiting]) -> anyhow::Result<Vec<i64>> {
    let url = queues.url(subscriber).await?;
    let spans: HashMap<i64, Span> = rows.iter().map(|row| (row.id, publish_span(row))).collect();
    let entries = rows.iter().map(|row| entry(row, spans.get(&row.id))).collect::<anyhow::Result<_>>()?;
    let sent = queues.client().send_message_batch().queue_url(url).set_entries(Some(entries)).send().await;
    let answer = sent.inspect_err(|_| spans.values().for_each(mark_failed)).context("SQS did not take the request")?;
    let mut refused = Vec::new();
    for fault in &answer.failed {
        tracing::warn!(subscriber, entry = fault.id, code = fault.code, "SQS refused an event; its aggregate waits");
        if let Ok(id) = fault.id.parse() {
            spans.get(&id).into_iter().for_each(mark_failed);
            refused.push(id);
        }
    }
    count("ehs_events_send_failures_total", subscriber, refused.len());
    count("ehs_events_sent_total", subscriber, rows.len() - refused.len());
    Ok(refused)
}

/// A span below the one that wrote the event, however long ago that was.
fn publish_span(row: &Waiting) -> Span {
    let span = tracing::info_span!(
        parent: None,
        "publish",
        otel.name = format!("publish {}", row.event_type),
        otel.kind = "producer",
        otel.status_code = tracing::field::Empty,
        messaging.system = "aws_sqs",
        messaging.operation.name = "publish",
        messaging.destination.name = row.subscriber,
        messaging.message.id = %row.event_id,
    );
    if let Some(parent) = &row.traceparent {
        chassis::telemetry::set_parent(&span, parent);
    }
    span
}

fn mark_failed(span: &Span) {
    span.record("otel.status_code", "ERROR");
}

fn entry(row: &Waiting, span: Option<&Span>) -> anyhow::Result<SendMessageBatchRequestEntry> {
    let here = span.and_then(chassis::telemetry::traceparent_of);
    let traceparent = here.or_else(|| row.traceparent.clone());
    let attributes =
        traceparent.map(|value| anyhow::Ok(HashMap::from([("traceparent".to_owned(), text(value)?)]))).transpose()?;
    let entry = SendMessageBatchRequestEntry::builder()
        .id(row.id.to_string())
        .message_group_id(&row.message_group)
        .message_deduplication_id(row.event_id.to_string())
        .message_body(envelope::to_wire(&row.body))
        .set_message_attributes(attributes)
        .build()?;
    Ok(entry)
}

fn text(value: String) -> anyhow::Result<MessageAttributeValue> {
    Ok(MessageAttributeValue::builder().data_type("String").string_value(value).build()?)
}

fn count(name: &'static str, subscriber: &str, events: usize) {
    metrics::counter!(name, "subscriber" => subscriber.to_owned()).increment(u64::try_from(events).unwrap_or(u64::MAX));
}
