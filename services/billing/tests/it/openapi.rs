//! The committed document is the one that the code gives.

#[test]
fn the_committed_document_is_current() {
    let current = chassis::openapi::document(billing::TITLE, billing::routes).to_pretty_json().unwrap();
    let committed = include_str!("../../openapi.json");
    assert!(
        current.trim() == committed.trim(),
        "openapi.json is stale: cargo run -p billing -- openapi > services/billing/openapi.json"
    );
}

#[test]
fn money_is_a_string_in_the_document() {
    let document = serde_json::to_value(chassis::openapi::document(billing::TITLE, billing::routes)).unwrap();
    let schemas = &document["components"]["schemas"];
    for name in ["Paise", "Quantity", "Rate", "StateCode"] {
        assert_eq!(schemas[name]["type"], "string", "{name}");
    }
    assert!(
        document.to_string().find("\"format\":\"float\"").is_none()
            && document.to_string().find("\"format\":\"double\"").is_none()
    );
}
