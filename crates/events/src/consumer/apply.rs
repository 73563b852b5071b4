//! One message: read it, and apply it in the transaction that records it.

use chassis::db::Pool;
use chassis::prepared::Prepare as _;
use chrono::Utc;
use diesel_async::{AsyncConnection, RunQueryDsl};
use tracing::{Instrument, Span, instrument::WithSubscriber};
use uuid::Uuid;

use super::{Handler, Worker, queue::Delivery};
use crate::{
    envelope::{self, Malformed},
    inbox,
    v1::{Envelope, envelope::Payload},
};

/// What to do with the message.
pub(super) enum Outcome {
    /// Applied, now or before.
    Done,
    /// Try again later.
    Failed,
    /// Nothing could be tried.
    DatabaseAway,
}

/// An answer from PostgreSQL, without a span of its own.
pub(super) async fn require_database(pool: &Pool) -> anyhow::Result<()> {
    let asked = async {
        let mut conn = pool.get().await?;
        diesel::sql_query("SELECT 1").prepared().execute(&mut conn).await?;
        Ok(())
    };
    asked.with_subscriber(tracing::subscriber::NoSubscriber::new()).await
}

impl<H: Handler> Worker<H> {
    /// Applies one message, within the time that work may take.
    pub(super) async fn apply(&self, delivery: &Delivery) -> Outcome {
        let (id, event) = match envelope::from_wire(&delivery.body) {
            Ok(read) => read,
            Err(why) => return self.refuse(delivery, &why),
        };
        let span = self.process_span(delivery, &event);
        let work = async {
            let in_time = tokio::time::timeout(self.pace.work, self.apply_event(id, &event)).await;
            let late = |_elapsed| Err(anyhow::anyhow!("not done within {:?}", self.pace.work));
            in_time.unwrap_or_else(late).unwrap_or_else(|error| self.fail(delivery, &event, &error))
        };
        work.instrument(span).await
    }

    async fn apply_event(&self, id: Uuid, event: &Envelope) -> anyhow::Result<Outcome> {
        let Ok(mut conn) = self.pool.get().await else { return Ok(Outcome::DatabaseAway) };
        let fresh = conn
            .transaction(async |conn| -> anyhow::Result<bool> {
                let fresh = inbox::record(conn, &self.subscriber, id).await?;
                if fresh {
                    self.handler.apply(conn, event).await?;
                }
                Ok(fresh)
            })
            .await?;
        self.count(if fresh { "ehs_events_applied_total" } else { "ehs_events_duplicate_total" }, event);
        record_lag(event);
        Ok(Outcome::Done)
    }

    fn fail(&self, delivery: &Delivery, event: &Envelope, error: &anyhow::Error) -> Outcome {
        Span::current().record("otel.status_code", "ERROR");
        self.count("ehs_events_failed_total", event);
        tracing::warn!(
            subscriber = &*self.subscriber,
            event = event.r#type,
            event_id = event.event_id,
            receptions = delivery.receptions,
            error = format!("{error:#}"),
            "an event could not be applied"
        );
        Outcome::Failed
    }

    /// Nothing of the body is logged: it may hold anything.
    fn refuse(&self, delivery: &Delivery, why: &Malformed) -> Outcome {
        metrics::counter!("ehs_events_malformed_total", "subscriber" => self.subscriber.to_string()).increment(1);
        tracing::error!(
            subscriber = &*self.subscriber,
            message_id = delivery.message_id,
            receptions = delivery.receptions,
            %why,
            "a message is no event; it will become a dead letter"
        );
        Outcome::Failed
    }

    fn process_span(&self, delivery: &Delivery, event: &Envelope) -> Span {
        let span = tracing::info_span!(
            parent: None,
            "process",
            otel.name = format!("process {}", event.r#type),
            otel.kind = "consumer",
            otel.status_code = tracing::field::Empty,
            messaging.system = "aws_sqs",
            messaging.operation.name = "process",
            messaging.destination.name = &*self.subscriber,
            messaging.message.id = event.event_id,
        );
        let parent = delivery.traceparent.as_deref().unwrap_or(&event.traceparent);
        chassis::telemetry::set_parent(&span, parent);
        span
    }

    fn count(&self, name: &'static str, event: &Envelope) {
        let event_type = event.payload.as_ref().map_or("unknown", Payload::event_type);
        metrics::counter!(name, "subscriber" => self.subscriber.to_string(), "event" => event_type).increment(1);
    }
}

/// From the change to its effect here.
fn record_lag(event: &Envelope) {
    let lag = event.occurred_at.as_ref().and_then(envelope::time).and_then(|then| (Utc::now() - then).to_std().ok());
    if let Some(lag) = lag {
        metrics::histogram!("ehs_events_lag_seconds").record(lag.as_secs_f64());
    }
}
