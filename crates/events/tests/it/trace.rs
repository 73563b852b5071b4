use std::sync::{Arc, Mutex, OnceLock};

use chassis::telemetry::{self, LogFormat, TelemetryConfig};
use diesel_async::AsyncPgConnection;
use events::{Handler, v1::Envelope};
use tracing::Instrument;

use crate::world::{World, quick};

/// Keeps the trace context in which it is called.
#[derive(Clone, Default)]
struct Witness(Arc<Mutex<Vec<(String, String)>>>);

impl Handler for Witness {
    async fn apply(&self, _conn: &mut AsyncPgConnection, event: &Envelope) -> anyhow::Result<()> {
        let here = telemetry::traceparent().unwrap_or_default();
        self.0.lock().unwrap().push((event.traceparent.clone(), here));
        Ok(())
    }
}

fn telemetry() {
    static GUARD: OnceLock<telemetry::Guard> = OnceLock::new();
    GUARD.get_or_init(|| {
        let config = TelemetryConfig {
            log_format: LogFormat::Text,
            filter: "info".to_owned(),
            otlp_endpoint: None,
            sample_ratio: 1.0,
        };
        telemetry::init(&config, "events-test").unwrap()
    });
}

#[tokio::test]
async fn one_trace_leads_from_the_request_to_the_handler() {
    telemetry();
    let world = World::new().await;
    let request = tracing::info_span!("request");
    let requested = telemetry::traceparent_of(&request).unwrap();
    world.change([(1, 1)]).instrument(request).await;
    let witness = Witness::default();
    world.relay().await;
    let consumer = world.consume(quick(), witness.clone()).await;
    testkit::eventually(|| async { !witness.0.lock().unwrap().is_empty() }).await;
    consumer.stop().await;

    let seen = witness.0.lock().unwrap().clone();
    let [(written, handled)] = seen.as_slice() else { panic!("{seen:?}") };
    let trace = |traceparent: &str| traceparent.split('-').nth(1).unwrap_or_default().to_owned();
    assert_eq!(trace(written), trace(&requested));
    assert_eq!(trace(handled), trace(&requested));
    assert_ne!(handled, &requested);
}
