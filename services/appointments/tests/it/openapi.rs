#[test]
fn the_committed_document_is_what_the_routes_say() {
    let document = chassis::openapi::document(appointments::TITLE, appointments::operations).to_pretty_json().unwrap();
    let committed = include_str!("../../openapi.json");
    assert!(
        committed.trim_end() == document.trim_end(),
        "stale: run `cargo run -p appointments -- openapi > services/appointments/openapi.json`"
    );
}
