//! Logs with trace ids, traces by OTLP, metrics for Prometheus.
//!
//! | variable | meaning | default |
//! | --- | --- | --- |
//! | `EHS_LOG_FORMAT` | `json` or `text` | `json` |
//! | `EHS_LOG` | filter, in `tracing`'s syntax | `info` |
//! | `OTEL_EXPORTER_OTLP_ENDPOINT` | base address of a collector (HTTP, protobuf); unset, nothing is exported | unset |
//! | `EHS_TRACE_SAMPLE_RATIO` | share of the traces begun here that are kept, 0 to 1 | 1 |

use std::str::FromStr;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::Context;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::env::Env;

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object per line.
    Json,
    /// For people.
    Text,
}

impl FromStr for LogFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "json" => Ok(Self::Json),
            "text" => Ok(Self::Text),
            _ => Err("it is json or text"),
        }
    }
}

/// Settings of logs and traces; see the module's table.
#[derive(Clone, Debug)]
pub struct TelemetryConfig {
    /// How log lines are written.
    pub log_format: LogFormat,
    /// Which events and spans are recorded.
    pub filter: String,
    /// Base address of the collector, or none.
    pub otlp_endpoint: Option<String>,
    /// Share of the traces begun here that are kept.
    pub sample_ratio: f64,
}

impl TelemetryConfig {
    /// Reads the settings; `None` means that faults were noted in `env`.
    pub fn read(env: &mut Env) -> Option<Self> {
        let log_format = env.or("EHS_LOG_FORMAT", LogFormat::Json);
        let filter = env.or("EHS_LOG", "info".to_owned());
        let otlp_endpoint = env.optional("OTEL_EXPORTER_OTLP_ENDPOINT");
        let sample_ratio = env.or("EHS_TRACE_SAMPLE_RATIO", 1.0);
        if let Some(Err(why)) = filter.as_deref().map(EnvFilter::try_new) {
            env.fault("EHS_LOG", why);
        }
        if sample_ratio.is_some_and(|ratio| !(0.0..=1.0).contains(&ratio)) {
            env.fault("EHS_TRACE_SAMPLE_RATIO", "is not between 0 and 1");
        }
        Some(Self {
            log_format: log_format?,
            filter: filter?,
            otlp_endpoint: otlp_endpoint?,
            sample_ratio: sample_ratio?,
        })
    }
}

/// Keeps telemetry alive; dropped, it sends what is left.
#[must_use]
pub struct Guard {
    provider: SdkTracerProvider,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Err(fault) = self.provider.shutdown_with_timeout(Duration::from_secs(5)) {
            tracing::warn!(%fault, "the last spans could not be sent");
        }
    }
}

static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();

/// Installs logs, traces and metrics for this process under the name `service`. Once per process.
///
/// # Errors
/// When the exporter cannot be built or telemetry is there already.
pub fn init(config: &TelemetryConfig, service: &str) -> anyhow::Result<Guard> {
    let provider = tracer_provider(config, service)?;
    let traces = tracing_opentelemetry::layer()
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_tracer(provider.tracer("ehs"));
    let filter = EnvFilter::try_new(&config.filter).context("EHS_LOG")?;
    let registry = tracing_subscriber::registry().with(filter).with(traces);
    match config.log_format {
        LogFormat::Json => {
            registry.with(log_lines().json().flatten_event(true).with_current_span(false).boxed()).try_init()
        }
        LogFormat::Text => registry.with(log_lines().boxed()).try_init(),
    }
    .context("telemetry is there already")?;
    let _ = METRICS.set(recorder()?);
    Ok(Guard { provider })
}

fn log_lines<S>() -> tracing_subscriber::fmt::Layer<S> {
    tracing_subscriber::fmt::layer()
}

fn tracer_provider(config: &TelemetryConfig, service: &str) -> anyhow::Result<SdkTracerProvider> {
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(config.sample_ratio)));
    let builder = SdkTracerProvider::builder()
        .with_sampler(sampler)
        .with_resource(Resource::builder().with_service_name(service.to_owned()).build());
    let Some(endpoint) = &config.otlp_endpoint else {
        return Ok(builder.build());
    };
    let endpoint = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
    // The exporter's HTTP client blocks and must be made outside the async runtime.
    let exporter = std::thread::spawn(move || {
        SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(endpoint)
            .with_timeout(Duration::from_secs(3))
            .build()
    })
    .join()
    .map_err(|_panic| anyhow::anyhow!("the trace exporter could not be built"))?
    .context("the trace exporter could not be built")?;
    Ok(builder.with_batch_exporter(exporter).build())
}

fn recorder() -> anyhow::Result<PrometheusHandle> {
    const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .install_recorder()
        .context("metrics are there already")
}

/// The metrics of this process in Prometheus' text format; empty before [`init`].
pub fn render_metrics() -> String {
    METRICS
        .get()
        .map(|handle| {
            handle.run_upkeep();
            handle.render()
        })
        .unwrap_or_default()
}

/// The current span as a W3C `traceparent`, when it belongs to a trace.
pub fn traceparent() -> Option<String> {
    traceparent_of(&Span::current())
}

/// A span as a W3C `traceparent`, when it belongs to a trace.
pub fn traceparent_of(span: &Span) -> Option<String> {
    let mut carrier = Carrier(None);
    TraceContextPropagator::new().inject_context(&span.context(), &mut carrier);
    carrier.0
}

/// Makes `span`, not yet entered, a child of the `traceparent` that a caller sent. Nonsense is ignored.
pub fn set_parent(span: &Span, traceparent: &str) {
    let parent = TraceContextPropagator::new().extract(&Carrier(Some(traceparent.to_owned())));
    if parent.span().span_context().is_valid() {
        // It fails only where no trace layer is installed.
        let _ = span.set_parent(parent);
    }
}

/// The id of the trace that `span` belongs to, as 32 hexadecimal digits.
pub fn trace_id_of(span: &Span) -> Option<String> {
    let context = span.context();
    let id = context.span().span_context().trace_id();
    (id != opentelemetry::TraceId::INVALID).then(|| id.to_string())
}

/// Carries the one header that we propagate.
struct Carrier(Option<String>);

const HEADER: &str = "traceparent";

impl Injector for Carrier {
    fn set(&mut self, key: &str, value: String) {
        if key == HEADER {
            self.0 = Some(value);
        }
    }
}

impl Extractor for Carrier {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.as_deref().filter(|_| key == HEADER)
    }

    fn keys(&self) -> Vec<&str> {
        vec![HEADER]
    }
}
