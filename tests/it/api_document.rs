//! `/api/openapi.json`: what programs that read it rely on.

use std::collections::BTreeSet;

use journeys::{Hospital, operations};
use reqwest::Method;
use serde_json::{Value, json};

/// Every `$ref` in it.
fn references(value: &Value) -> Vec<&str> {
    match value {
        Value::Object(members) => {
            let own = members.get("$ref").and_then(Value::as_str);
            own.into_iter().chain(members.values().flat_map(references)).collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

/// The names in braces of a path.
fn placeholders(path: &str) -> BTreeSet<&str> {
    path.split('{').skip(1).filter_map(|part| part.split('}').next()).collect()
}

#[tokio::test]
async fn whatever_it_refers_to_is_there() {
    let document = Hospital::open().document().await;
    for target in references(&document) {
        assert!(document.pointer(target.trim_start_matches('#')).is_some(), "{target} leads nowhere");
    }
}

#[tokio::test]
async fn every_operation_has_a_name_of_its_own_and_says_what_it_takes() {
    let document = Hospital::open().document().await;
    let mut names = BTreeSet::new();
    for (_method, path, operation) in operations(&document) {
        let name = operation["operationId"].as_str().unwrap();
        assert!(names.insert(name.to_owned()), "{name} stands twice");
        assert!(operation["summary"].is_string() && operation["tags"].is_array(), "{name} says nothing of itself");
        let parameters = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
        let in_path = parameters.iter().filter(|parameter| parameter["in"] == "path");
        let told: BTreeSet<&str> = in_path.filter_map(|parameter| parameter["name"].as_str()).collect();
        assert_eq!(told, placeholders(path), "{name}");
    }
}

#[tokio::test]
async fn every_operation_says_who_may_call_it_and_in_what_words_it_refuses() {
    let document = Hospital::open().document().await;
    for (method, path, operation) in operations(&document) {
        let security = operation["security"].as_array().unwrap();
        let is_open = crate::strangers::OPEN.contains(&(method.clone(), path));
        assert!(!is_open || security.contains(&json!({})), "{method} {path} is open, and says {security:?}");
        for (status, answer) in operation["responses"].as_object().unwrap() {
            assert!(answer["description"].is_string(), "{method} {path} {status}: {answer}");
            let is_fault = status == "default" || status.starts_with(['4', '5']);
            let media = crate::strangers::media_of(path);
            assert!(!is_fault || answer["content"][media].is_object(), "{method} {path} {status}: {answer}");
        }
    }
    let problem = &document["components"]["schemas"]["Problem"]["properties"];
    for member in ["type", "title", "status", "detail", "instance", "trace_id", "errors"] {
        assert!(problem[member].is_object(), "{member}");
    }
    let groups = &document["components"]["schemas"]["RevenueGroupBy"]["enum"];
    assert_eq!(*groups, json!(["day", "month", "doctor", "service", "method"]));
}

#[tokio::test]
async fn it_is_for_everybody() {
    let hospital = Hospital::open();
    hospital.send(hospital.request(Method::GET, "/api/docs/")).await.expect(200);
    assert_eq!(hospital.document().await["openapi"], "3.1.0");
}
