//! One frame: its message is stored, acknowledged as its sender wants it, and applied.

use std::net::IpAddr;
use std::time::Instant;

use audit::row::Outcome as Audited;
use chassis::problem::Problem;
use chassis::telemetry;
use chassis::trail::{Facts, Trail};
use hl7::{Header, ParseFault};
use tokio::io::AsyncWrite;
use tokio::time::timeout;
use tracing::{Instrument, Span};

use super::Listener;
use super::connection::{Answers, Ended};
use crate::error::Error;
use crate::hl7_import::batch::Batch;
use crate::hl7_import::message::{self, Bringer, Outcome, Parked};
use crate::hl7_import::receive::{self, Taken};

/// Answers one frame.
///
/// # Errors
/// When the sender cannot be answered.
pub async fn answer<S: AsyncWrite + Unpin>(
    listener: &Listener,
    peer: IpAddr,
    bytes: &[u8],
    answers: &mut Answers<'_, S>,
) -> Result<(), Ended> {
    let (span, begun) = (tracing::info_span!("MLLP", otel.kind = "server"), Instant::now());
    let said = async {
        let trail = trail(peer, &Span::current());
        // Its turn comes within the deadline, or the sender is told to come again.
        let turn = timeout(listener.config.deadline, listener.at_work.acquire()).await;
        let said = match turn {
            Ok(Ok(_turn)) => message(listener, &trail, bytes, answers).await?,
            Ok(Err(_)) | Err(_) => not_now(bytes, answers).await?,
        };
        metrics::counter!("hl7_mllp_messages_total", "outcome" => said).increment(1);
        metrics::histogram!("hl7_mllp_message_seconds").record(begun.elapsed().as_secs_f64());
        let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(outcome = said, ms, "answered");
        Ok::<(), Ended>(())
    };
    said.instrument(span).await
}

/// Refuses a frame that was too large, as far as its beginning says to whom.
///
/// # Errors
/// When the sender cannot be answered.
pub async fn too_large<S: AsyncWrite + Unpin>(head: &[u8], answers: &mut Answers<'_, S>) -> Result<(), Ended> {
    metrics::counter!("hl7_mllp_messages_total", "outcome" => "too_large").increment(1);
    let header = hl7::header_lossy(head).unwrap_or_default();
    let parked = Parked::unreadable(&header, &ParseFault::too_large());
    match parked.receipt.as_deref() {
        Some(receipt) => answers.send(receipt).await,
        None => answers.send(&parked.ack).await,
    }
}

fn trail(peer: IpAddr, span: &Span) -> Trail {
    let trail = Trail::of_facts(Facts {
        operation: "MLLP".to_owned(),
        object: "MLLP".to_owned(),
        address: Some(peer),
        user_agent: None,
        trace_id: telemetry::trace_id_of(span),
    });
    let action = auth::Action::Hl7Import;
    trail.asks_for(action.as_str(), action.concerns_patients());
    trail
}

/// What was done, for the metrics.
type Said = &'static str;

async fn message<S: AsyncWrite + Unpin>(
    listener: &Listener,
    trail: &Trail,
    bytes: &[u8],
    answers: &mut Answers<'_, S>,
) -> Result<Said, Ended> {
    if let Some(batch) = Batch::of(bytes) {
        let acknowledgment = batch.receive(&listener.desk, &listener.recorder, trail, listener.config.deadline).await;
        answers.send(&acknowledgment).await?;
        return Ok("batch");
    }
    // A sender in enhanced mode acknowledges our acknowledgment. Nobody answers that.
    if hl7::header_lossy(bytes).is_some_and(|header| header.message_code == "ACK") {
        return Ok("acknowledgment");
    }
    let bringer = Bringer::System(trail);
    match receive::take(&listener.desk, bringer, bytes).await {
        Err(fault) => {
            warn(fault, "an HL7 message could not be stored");
            not_now(bytes, answers).await
        }
        Ok(Taken::Answered(answered)) => {
            let (header, outcome) = *answered;
            if let Outcome::Parked(_) = outcome
                && let Err(fault) = listener.recorder.record(trail, Audited::Refused).await
            {
                warn(fault.into(), "a refusal could not be written down");
                return not_now(bytes, answers).await;
            }
            both(&header, &outcome, answers).await?;
            Ok(if outcome.patient().is_some() { "repeated" } else { "parked" })
        }
        Ok(Taken::Waiting(waiting)) => {
            let header = &waiting.header;
            if let Some(receipt) = &waiting.receipt {
                answers.send(receipt).await?;
            }
            match receive::finish(&listener.desk, bringer, None, &waiting).await {
                Ok(outcome) => {
                    if outcome.patient().is_none() && listener.recorder.record(trail, Audited::Refused).await.is_err() {
                        tracing::warn!("a refusal could not be written down");
                    }
                    if let Some(acknowledgment) = outcome.on_application(header) {
                        answers.send(acknowledgment).await?;
                    }
                    Ok(if outcome.patient().is_some() { "applied" } else { "parked" })
                }
                // It is stored, and the worker applies it; a sender that has its receipt knows that already.
                Err(fault) => {
                    warn(fault, "an HL7 message was stored and could not be applied");
                    let wanted = message::not_now_wanted(header).filter(|_| waiting.receipt.is_none());
                    if let Some(acknowledgment) = wanted {
                        answers.send(&acknowledgment).await?;
                    }
                    Ok("left")
                }
            }
        }
    }
}

/// What a message that came before, or cannot be read, was and is answered.
async fn both<S: AsyncWrite + Unpin>(
    header: &Header,
    outcome: &Outcome,
    answers: &mut Answers<'_, S>,
) -> Result<(), Ended> {
    let on_receipt = outcome.receipt().filter(|_| header.is_enhanced());
    for acknowledgment in [on_receipt, outcome.on_application(header)].into_iter().flatten() {
        answers.send(acknowledgment).await?;
    }
    Ok(())
}

/// Nothing is stored: the sender is to come again.
async fn not_now<S: AsyncWrite + Unpin>(bytes: &[u8], answers: &mut Answers<'_, S>) -> Result<Said, Ended> {
    let header = hl7::header_lossy(bytes).unwrap_or_default();
    if let Some(acknowledgment) = message::not_now_wanted(&header) {
        answers.send(&acknowledgment).await?;
    }
    Ok("not_taken")
}

fn warn(fault: Error, what: &'static str) {
    let problem = Problem::from(fault);
    tracing::warn!(fault = %problem, "{what}");
}
