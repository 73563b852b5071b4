//! `openapi.json` is what the code offers.

#[test]
fn the_committed_document_is_the_generated_one() {
    let generated = chassis::openapi::document(patients::TITLE, patients::routes).to_pretty_json().unwrap();
    let committed = include_str!("../../openapi.json");
    assert!(
        generated.trim() == committed.trim(),
        "openapi.json is stale: cargo run -p patients -- openapi > services/patients/openapi.json"
    );
}
