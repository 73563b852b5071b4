use chassis::env::Env;
use chassis::telemetry::{self, TelemetryConfig};

use crate::bookshop::Bookshop;

#[tokio::test]
async fn a_trace_is_continued_and_named_in_problems() {
    let mut env = Env::of([("EHS_LOG", "info"), ("EHS_LOG_FORMAT", "text")]);
    let config = TelemetryConfig::read(&mut env).unwrap();
    let _guard = telemetry::init(&config, "bookshop");
    let shop = Bookshop::open().await;
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let request = reqwest::Client::new()
        .get(format!("{}/nowhere/", shop.url))
        .header("traceparent", format!("00-{trace}-b7ad6b7169203331-01"))
        .header("x-request-id", "0af76519-16cd");
    let (_, headers, body) = shop.send(request).await;
    assert_eq!(body["trace_id"], trace);
    assert!(headers["traceparent"].to_str().unwrap().contains(trace));
    assert_eq!(headers["x-request-id"], "0af76519-16cd");
    let odd = reqwest::Client::new().get(format!("{}/books/", shop.url)).header("x-request-id", "<b>Ravi</b> 98765");
    assert_ne!(shop.send(odd).await.1["x-request-id"], "<b>Ravi</b> 98765");
}
