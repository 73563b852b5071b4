//! What a route calls a secret passes through, and stands nowhere.

use std::io;
use std::sync::{Arc, Mutex};

use crate::house::House;

const SECRET: &str = "vK3xq0_Tq8bZr1mN5cY7wA2dF4gH6jL9pS0uE-iO1kM";

/// All that is logged, with every field of every span.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Alone in its process under nextest: what is logged on the gateway's own threads is heard by the whole process.
#[tokio::test]
async fn a_secret_in_the_path_reaches_the_service_and_no_log_span_metric_or_problem() {
    let log = Log::default();
    let kept = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_writer(move || kept.clone())
        .try_init()
        .expect("the only one of this process");
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let rendered = recorder.handle();
    metrics::set_global_recorder(recorder).expect("the only one of this process");

    let house = House::open().await;
    let get = |path: String| house.send(house.client.get(format!("{}{path}", house.url)));
    let passed = get(format!("/secret/{SECRET}/calendar.ics")).await;
    assert_eq!((passed.status, &passed.body["path"]), (200, &format!("/secret/{SECRET}/calendar.ics").into()));
    let away = get(format!("/nobody-secret/{SECRET}/calendar.ics")).await;
    assert_eq!((away.status, &away.body["instance"]), (503, &"/nobody-secret/?/calendar.ics".into()));
    let odd = get(format!("/secret/{SECRET}/calendar.ics%2f")).await;
    assert_eq!(odd.status, 404);

    let logged = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(logged.contains("/secret/{secret}/calendar.ics"), "the route is logged");
    let shown: Vec<&str> = logged.lines().filter(|line| line.contains(SECRET)).collect();
    assert!(shown.is_empty(), "{shown:?}");
    let metrics = rendered.render();
    assert!(metrics.contains("/secret/{secret}/calendar.ics") && !metrics.contains(SECRET));
}
