//! A small receiver of traces: OTLP over HTTP in, JSON lines out.

use std::convert::Infallible;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde_json::{Map, Value};
use tokio::net::TcpListener;

use crate::home::{Home, port};
use crate::trace::{FILE, Kind, Recorded};

/// One export may be this large.
const BODY_BOUND: usize = 8 * 1024 * 1024;
/// The file of spans past this size is moved aside; the one moved aside before is forgotten.
const FILE_BOUND: u64 = 48 * 1024 * 1024;

/// Receives spans in the background for as long as this program runs.
pub async fn listen(home: &Home) -> Result<()> {
    let address = SocketAddr::from(([127, 0, 0, 1], home.port(port::OTLP)));
    let listener =
        TcpListener::bind(address).await.with_context(|| format!("the trace receiver cannot listen on {address}"))?;
    let store = Arc::new(Mutex::new(Store::open(home.path(FILE))?));
    tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await; // out of files: let some close
                continue;
            };
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let service = service_fn(move |request| receive(request, Arc::clone(&store)));
                let _ =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await; // the sender tries again
            });
        }
    });
    Ok(())
}

async fn receive(request: Request<Incoming>, store: Arc<Mutex<Store>>) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.uri().path() != "/v1/traces" {
        return Ok(answer(StatusCode::NOT_FOUND));
    }
    let Ok(body) = Limited::new(request.into_body(), BODY_BOUND).collect().await else {
        return Ok(answer(StatusCode::PAYLOAD_TOO_LARGE));
    };
    let Ok(export) = ExportTraceServiceRequest::decode(body.to_bytes()) else {
        return Ok(answer(StatusCode::BAD_REQUEST));
    };
    let written = store.lock().is_ok_and(|mut store| store.write(&export).is_ok());
    Ok(answer(if written { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }))
}

/// An empty protobuf answer is "all accepted".
fn answer(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", hyper::header::HeaderValue::from_static("application/x-protobuf"));
    response
}

struct Store {
    path: PathBuf,
    file: File,
}

impl Store {
    fn open(path: PathBuf) -> Result<Self> {
        let file = append_to(&path)?;
        Ok(Self { path, file })
    }

    fn write(&mut self, export: &ExportTraceServiceRequest) -> Result<()> {
        if self.file.metadata()?.len() > FILE_BOUND {
            fs::rename(&self.path, self.path.with_extension("jsonl.1"))?;
            self.file = append_to(&self.path)?;
        }
        let mut lines = Vec::new();
        for resource in &export.resource_spans {
            let attributes =
                resource.resource.as_ref().map(|resource| resource.attributes.as_slice()).unwrap_or_default();
            let service = text_of(attributes, "service.name").unwrap_or_else(|| "unknown".to_owned());
            for span in resource.scope_spans.iter().flat_map(|scope| &scope.spans) {
                serde_json::to_writer(&mut lines, &recorded(&service, span))?;
                lines.push(b'\n');
            }
        }
        Ok(self.file.write_all(&lines)?)
    }
}

fn append_to(path: &Path) -> Result<File> {
    OpenOptions::new().create(true).append(true).open(path).with_context(|| format!("cannot write {}", path.display()))
}

fn recorded(service: &str, span: &Span) -> Recorded {
    Recorded {
        trace: hex(&span.trace_id),
        span: hex(&span.span_id),
        parent: hex(&span.parent_span_id),
        service: service.to_owned(),
        name: span.name.clone(),
        kind: match span.kind {
            2 => Kind::Server,
            3 => Kind::Client,
            4 => Kind::Producer,
            5 => Kind::Consumer,
            _ => Kind::Internal,
        },
        start: span.start_time_unix_nano,
        end: span.end_time_unix_nano,
        failed: span.status.as_ref().is_some_and(|status| status.code == 2),
        attributes: span
            .attributes
            .iter()
            .filter_map(|pair| Some((pair.key.clone(), value_of(pair.value.as_ref()?)?)))
            .collect::<Map<_, _>>(),
    }
}

fn text_of(attributes: &[KeyValue], key: &str) -> Option<String> {
    let value = attributes.iter().find(|pair| pair.key == key)?.value.as_ref()?;
    Some(value_of(value)?.as_str()?.to_owned())
}

fn value_of(value: &AnyValue) -> Option<Value> {
    match value.value.as_ref()? {
        any_value::Value::StringValue(text) => Some(Value::from(text.as_str())),
        any_value::Value::BoolValue(truth) => Some(Value::from(*truth)),
        any_value::Value::IntValue(number) => Some(Value::from(*number)),
        any_value::Value::DoubleValue(number) => Some(Value::from(*number)),
        _ => None, // nothing of ours sends lists or maps
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
