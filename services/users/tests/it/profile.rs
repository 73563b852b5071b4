use auth::Role;
use reqwest::Method;
use serde_json::json;

use crate::registration::join;
use crate::service::Service;

const ME: &str = "/api/users/me/";

#[tokio::test]
async fn everyone_reads_their_own_account() {
    let service = Service::start().await;
    let id = service.patient("asha").await;
    service.patient("other").await;
    let token = service.token(id, Role::Patient);
    let answer = service.server.get(ME, &token).await.expect(200);
    assert_eq!((&answer.body["id"], &answer.body["username"]), (&json!(id), &json!("asha")));
    let call = service.server.call(Method::GET, ME).token(&token).header("if-none-match", answer.header("etag"));
    call.send().await.expect(304);
    service.server.get(ME, &service.token(999_999, Role::Patient)).await.expect(401);
}

#[tokio::test]
async fn a_patch_changes_what_it_names() {
    let service = Service::start().await;
    let id = service.patient("asha").await;
    let token = service.token(id, Role::Patient);
    let body = json!({"first_name": " Usha ", "phone": "+91-91234-56789"});
    let answer = service.server.patch(ME, &token, &body).await.expect(200);
    assert_eq!(answer.header("etag"), "\"2\"");
    assert_eq!(answer.body["first_name"], "Usha");
    assert_eq!(answer.body["last_name"], "Rao");
    assert_eq!(answer.body["phone"], "+919123456789");
    assert_eq!(service.server.patch(ME, &token, &json!({"phone": null})).await.expect(200).body["phone"], json!(null));
    let updated = "SELECT count(*) FROM outbox WHERE event_type = 'UserUpdated' AND subscriber = 'patients'";
    assert_eq!(service.db.number(updated).await, 2);
    // nothing changes, nobody is told
    assert_eq!(service.server.patch(ME, &token, &json!({})).await.expect(200).header("etag"), "\"3\"");
    assert_eq!(service.db.number(updated).await, 2);
}

#[tokio::test]
async fn what_is_not_ones_own_to_change_is_refused() {
    let service = Service::start().await;
    let id = service.patient("asha").await;
    service.patient("other").await;
    let token = service.token(id, Role::Patient);
    for (body, field) in [
        (json!({"role": "ADMIN"}), "role"),
        (json!({"is_active": false}), "is_active"),
        (json!({"id": 1}), "id"),
        (json!({"username": "x"}), "username"),
        (json!({"password": "correct horse battery"}), "password"),
        (json!({"first_name": null}), "first_name"),
        (json!({"first_name": ""}), "first_name"),
        (json!({"last_name": "<b>x</b>"}), "last_name"),
        (json!({"email": "x"}), "email"),
        (json!({"phone": 7}), "phone"),
    ] {
        let answer = service.server.patch(ME, &token, &body).await.expect(400);
        assert_eq!(answer.faulty_fields(), [field], "{body}");
    }
    let answer = service.server.patch(ME, &token, &json!({"email": "OTHER@example.in"})).await.expect(409);
    assert_eq!(answer.faulty_fields(), ["email"]);
    service.server.patch(ME, &token, &json!({"first_name": "a\u{0}b"})).await.expect(400);
    service.server.patch(ME, &token, &json!([])).await.expect(400);
    service.server.patch(ME, &token, &json!({"email": "ASHA@example.in"})).await.expect(200);
}

#[tokio::test]
async fn two_writers_never_overwrite_each_other() {
    let service = Service::start().await;
    let id = service.patient("asha").await;
    let token = service.token(id, Role::Patient);
    let write = |name: String| {
        let call = service.server.call(Method::PATCH, ME).token(&token).header("if-match", "\"1\"");
        call.body("application/merge-patch+json", json!({"first_name": name}).to_string()).send()
    };
    let answers = join((0..10).map(|i| write(format!("Name{i}")))).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses[0], 200);
    assert!(statuses[1..].iter().all(|status| *status == 412), "{statuses:?}");
}
