#[test]
fn the_committed_document_is_not_stale() {
    let written = include_str!("../../openapi.json");
    let now = chassis::openapi::document("EHS users", users::routes).to_pretty_json().unwrap();
    assert!(written.trim() == now.trim(), "run: cargo run -p users -- openapi > services/users/openapi.json");
}
