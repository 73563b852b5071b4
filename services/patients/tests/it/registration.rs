//! Registering, reading, changing, deactivating.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::future::join_all;
use serde_json::{Value, json};
use testkit::Server;

use crate::hospital::{DOCTOR, Hospital, PATIENT, id, lakshmi};

#[tokio::test(flavor = "multi_thread")]
async fn a_registered_patient_reads_back_in_canonical_form() {
    let hospital = Hospital::open().await;
    let created = hospital.server.post("/api/patients/", &hospital.receptionist(), &lakshmi()).await.expect(201);
    let id = id(&created.body);
    assert_eq!(created.header("location"), format!("/api/patients/{id}/"));
    assert_eq!(created.header("etag"), "\"1\"");
    assert_eq!(created.body["possible_duplicates"], json!([]));

    let read = hospital.server.get(&format!("/api/patients/{id}/"), &hospital.receptionist()).await.expect(200);
    assert_eq!(read.header("etag"), "\"1\"");
    let mut expected = json!({
        "id": id, "patient_id": "P00001", "first_name": "Lakshmi", "last_name": "Raman", "date_of_birth": "1980-04-12",
        "date_of_birth_estimated": false, "gender": "FEMALE", "email": "lakshmi.raman@example.in", "phone": "+919876543210",
        "blood_group": "O+",
        "address": {"line1": "12 MG Road", "line2": "Near SBI", "city": "Chennai", "district": "Chennai", "state": "Tamil Nadu",
            "pin_code": "600001", "country": "India"},
        "abha_number": "91-1234-5678-9012", "abha_address": "lakshmi.r@abdm",
        "emergency_contact": {"name": "Raman", "relationship": "Husband", "phone": "+919840012345"},
        "preferred_language": "ta-IN", "primary_doctor": 2, "user": 8, "is_active": true,
    });
    expected["created_at"] = read.body["created_at"].clone();
    expected["updated_at"] = read.body["updated_at"].clone();
    assert_eq!(read.body, expected);
    let created_at: chrono::DateTime<chrono::Utc> = read.body["created_at"].as_str().unwrap().parse().unwrap();
    assert!((chrono::Utc::now() - created_at).num_seconds() < 60);

    let path = format!("/api/patients/{id}");
    let again = hospital.server.call(reqwest::Method::GET, &path).token(&hospital.receptionist());
    again.header("if-none-match", "\"1\"").send().await.expect(304);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_name_is_enough_and_numbers_grow_past_five_digits() {
    let hospital = Hospital::open().await;
    let body = hospital.register(&json!({"first_name": "லட்சுமி"})).await;
    assert_eq!(
        (&body["last_name"], &body["gender"], &body["date_of_birth"]),
        (&json!(""), &json!("UNKNOWN"), &Value::Null)
    );
    hospital.db.sql("SELECT setval('patient_numbers', 99999)").await;
    assert_eq!(hospital.register(&json!({"first_name": "Ravi"})).await["patient_id"], "P100000");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_estimated_birth_date_says_so_and_an_unusual_number_is_a_warning() {
    let hospital = Hospital::open().await;
    let body = json!({"first_name": "Muniyamma", "date_of_birth": "1951-01-01", "date_of_birth_estimated": true,
        "abha_number": "91123456789012"});
    let made = hospital.register(&body).await;
    assert_eq!((&made["date_of_birth"], &made["date_of_birth_estimated"]), (&json!("1951-01-01"), &json!(true)));
    assert_eq!(made["warnings"].as_array().unwrap().len(), 1, "{}", made["warnings"]);
    let path = format!("/api/patients/{}/", id(&made));
    let patched =
        hospital.server.patch(&path, &hospital.receptionist(), &json!({"date_of_birth": null})).await.expect(200);
    assert_eq!(patched.body["date_of_birth_estimated"], false, "an estimate of nothing is none");
    let usual = json!({"first_name": "Ravi", "abha_number": "91-1234-5678-9015"});
    let usual = hospital.register(&usual).await;
    assert_eq!(usual["warnings"], json!([]));
    // Of a change too, where it is the number that was changed.
    let (token, path_of_usual) = (hospital.receptionist(), format!("/api/patients/{}/", id(&usual)));
    let unusual = json!({"abha_number": "91-1234-5678-9024"});
    let changed = hospital.server.patch(&path_of_usual, &token, &unusual).await.expect(200).body;
    assert_eq!(changed["warnings"], made["warnings"]);
    let same = hospital.server.put(&path_of_usual, &token, &changed).await.expect(200);
    assert_eq!((same.header("etag"), same.body.get("warnings")), ("\"2\"", None));
    let other = json!({"first_name": "Ravi", "last_name": "Kumar", "abha_number": "91-1234-5678-9024"});
    assert!(hospital.server.put(&path_of_usual, &token, &other).await.expect(200).body.get("warnings").is_none());
    let replaced = json!({"first_name": "Ravi", "abha_number": "91-1234-5678-9026"});
    let replaced = hospital.server.put(&path_of_usual, &token, &replaced).await.expect(200).body;
    assert_eq!(replaced["warnings"], made["warnings"]);
    // A date is estimated or known, and both read back as FHIR gives them: of an estimate no more than the year.
    hospital
        .server
        .patch(
            &path,
            &hospital.receptionist(),
            &json!({"date_of_birth": "1951-01-01", "date_of_birth_estimated": true}),
        )
        .await
        .expect(200);
    let fhir = hospital.server.get(&format!("{path}fhir/"), &hospital.receptionist()).await.expect(200).body;
    assert_eq!(fhir["birthDate"], "1951");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_looks_like_somebody_already_there_is_told() {
    let hospital = Hospital::open().await;
    let first = id(&hospital.register(&lakshmi()).await);
    let twice = json!({"first_name": "Laxmi", "last_name": "Raman", "date_of_birth": "1980-04-12"});
    assert_eq!(hospital.register(&twice).await["possible_duplicates"], json!([first]));
    let daughter =
        json!({"first_name": "Meena", "last_name": "Raman", "date_of_birth": "2010-01-01", "phone": "9876543210"});
    assert_eq!(hospital.register(&daughter).await["possible_duplicates"], json!([]));
    // A doctor is not told of patients that he may not know of.
    let other = hospital.tokens.mint(3, auth::Role::Doctor);
    let told = hospital.server.post("/api/patients/", &other, &twice).await.expect(201).body;
    assert_eq!((&told["possible_duplicates"], &told["primary_doctor"]), (&json!([]), &json!(3)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abha_number_is_one_persons() {
    let hospital = Hospital::open().await;
    let (token, count) = (hospital.receptionist(), 20);
    let calls = (0..count).map(|n| {
        let patient = json!({"first_name": format!("Ravi {n}"), "abha_number": "91-1234-5678-9012"});
        let (server, token) = (&hospital.server, &token);
        async move { server.post("/api/patients/", token, &patient).await.status.as_u16() }
    });
    let statuses = join_all(calls).await;
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 409).count(), count - 1, "{statuses:?}");
    assert_eq!(hospital.count("patients").await, 1);
    assert_eq!(hospital.count("outbox WHERE event_type = 'PatientRegistered'").await, 2, "appointments and billing");

    let other = hospital.register_named("Sita", "").await;
    let taken = hospital
        .server
        .patch(&format!("/api/patients/{other}/"), &token, &json!({"abha_number": "91123456789012"}))
        .await;
    assert_eq!(taken.expect(409).body["type"], "urn:ehs:problem:abha-number-taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_registers_once() {
    let hospital = Hospital::open().await;
    let post = |body: Value| {
        let call = hospital.server.call(reqwest::Method::POST, "/api/patients/").token(&hospital.receptionist());
        call.header("idempotency-key", "desk-1-0001").json(&body).send()
    };
    let first = post(lakshmi()).await.expect(201);
    let second = post(lakshmi()).await.expect(201);
    assert_eq!(first.body, second.body);
    assert_eq!((first.header("idempotent-replayed"), second.header("idempotent-replayed")), ("", "true"));
    assert_eq!((second.header("location"), second.header("etag")), (first.header("location"), first.header("etag")));
    post(json!({"first_name": "Ravi"})).await.expect(409);
    let fifty = (0..50).map(|_| {
        let call = hospital.server.call(reqwest::Method::POST, "/api/patients/").token(&hospital.receptionist());
        call.header("idempotency-key", "desk-1-0002").json(&json!({"first_name": "Gita"})).send()
    });
    let ids: Vec<i64> = join_all(fifty).await.into_iter().map(|answer| id(&answer.expect(201).body)).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(hospital.count("patients").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn put_replaces_and_patch_merges() {
    let hospital = Hospital::open().await;
    let token = hospital.admin();
    let patient = id(&hospital.register(&lakshmi()).await);
    let path = format!("/api/patients/{patient}/");

    let patch = json!({"phone": null, "address": {"line2": null, "city": "Madurai"}, "last_name": "Iyer"});
    let patched = hospital.server.patch(&path, &token, &patch).await.expect(200);
    assert_eq!(patched.header("etag"), "\"2\"");
    assert_eq!((&patched.body["phone"], &patched.body["last_name"]), (&Value::Null, &json!("Iyer")));
    assert_eq!(
        (&patched.body["address"]["city"], &patched.body["address"]["line2"]),
        (&json!("Madurai"), &Value::Null)
    );
    assert_eq!(patched.body["address"]["line1"], "12 MG Road");

    // What was read may be sent back, and changes nothing.
    let same = hospital.server.put(&path, &token, &patched.body).await.expect(200);
    assert_eq!((same.header("etag"), &same.body), ("\"2\"", &patched.body));

    let bare = hospital.server.put(&path, &token, &json!({"first_name": "Lakshmi"})).await.expect(200).body;
    assert_eq!(
        (&bare["email"], &bare["abha_number"], &bare["emergency_contact"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    assert_eq!(bare["is_active"], true);

    let read_only = json!({"first_name": "Lakshmi", "id": 99, "patient_id": "P99999", "created_at": "x"});
    let refused = hospital.server.put(&path, &token, &read_only).await.expect(400);
    assert_eq!(refused.faulty_fields(), ["id", "patient_id", "created_at"]);
    let nothing = hospital.server.patch(&path, &token, &json!({"first_name": null})).await.expect(400);
    assert_eq!(nothing.faulty_fields(), ["first_name"]);
    assert_eq!(hospital.count("outbox WHERE event_type = 'PatientUpdated' AND subscriber = 'billing'").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn put_leaves_what_the_role_may_not_change() {
    let hospital = Hospital::open().await;
    let patient = hospital.register(&lakshmi()).await;
    let path = format!("/api/patients/{}/", id(&patient));
    // In the care of both; the account and the state are for others to change.
    for (token, language) in [(hospital.doctor(), "ta"), (hospital.nurse(), "hi")] {
        let body = json!({"first_name": "Lakshmi", "preferred_language": language, "primary_doctor": DOCTOR});
        let put = hospital.server.put(&path, &token, &body).await.expect(200).body;
        assert_eq!((&put["user"], &put["preferred_language"]), (&patient["user"], &json!(language)));
        assert_eq!((&put["last_name"], &put["phone"], &put["abha_number"]), (&json!(""), &Value::Null, &Value::Null));
        let other = json!({"first_name": "Lakshmi", "primary_doctor": DOCTOR, "user": 9});
        hospital.server.put(&path, &token, &other).await.expect(403);
        hospital.server.patch(&path, &token, &json!({"user": null})).await.expect(403);
    }
    hospital.server.put(&path, &hospital.receptionist(), &lakshmi()).await.expect(200);
    // The patient changes contact data and nothing else.
    let own = json!({"first_name": "Lakshmi", "phone": "9840012345"});
    let put = hospital.server.put(&path, &hospital.patient(), &own).await.expect(200).body;
    assert_eq!(
        (&put["phone"], &put["email"], &put["address"]["line1"]),
        (&json!("+919840012345"), &Value::Null, &Value::Null)
    );
    for field in
        ["last_name", "date_of_birth", "gender", "blood_group", "abha_number", "abha_address", "primary_doctor", "user"]
    {
        assert_eq!(put[field], patient[field], "{field}");
    }
    let renamed = json!({"first_name": "Laxmi", "phone": "9840012345"});
    hospital.server.put(&path, &hospital.patient(), &renamed).await.expect(403);
    let unlinked = hospital.server.put(&path, &hospital.receptionist(), &json!({"first_name": "Lakshmi"})).await;
    assert_eq!(unlinked.expect(200).body["user"], Value::Null, "who may change it takes it away");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_writers_never_overwrite_each_other_silently() {
    let hospital = Hospital::open().await;
    let token = hospital.receptionist();
    let patient = hospital.register_named("Ravi", "Kumar").await;
    let path = format!("/api/patients/{patient}/");
    let calls = (0..20).map(|n| {
        let call = hospital.server.call(reqwest::Method::PATCH, &path).token(&token).header("if-match", "\"1\"");
        call.body("application/merge-patch+json", json!({"last_name": format!("Kumar {n}")}).to_string()).send()
    });
    let statuses: Vec<u16> = join_all(calls).await.iter().map(|answer| answer.status.as_u16()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 412).count(), 19, "{statuses:?}");

    // Without If-Match, patches of different fields all hold.
    let fields = [
        json!({"gender": "MALE"}),
        json!({"phone": "9876543210"}),
        json!({"blood_group": "B+"}),
        json!({"email": "r@x.in"}),
    ];
    join_all(fields.iter().map(|patch| hospital.server.patch(&path, &token, patch)))
        .await
        .into_iter()
        .for_each(|a| drop(a.expect(200)));
    let read = hospital.server.get(&path, &token).await.expect(200);
    assert_eq!(read.header("etag"), "\"6\"");
    assert_eq!(
        [&read.body["gender"], &read.body["phone"], &read.body["blood_group"], &read.body["email"]],
        ["MALE", "+919876543210", "B+", "r@x.in"]
    );
    let delete = hospital.server.call(reqwest::Method::DELETE, &path).token(&hospital.admin());
    delete.header("if-match", "\"1\"").send().await.expect(412);
}

#[tokio::test(flavor = "multi_thread")]
async fn deactivated_is_not_deleted() {
    let hospital = Hospital::open().await;
    let admin = hospital.admin();
    let patient = hospital.register_named("Ravi", "Kumar").await;
    let path = format!("/api/patients/{patient}/");
    assert_eq!(hospital.server.delete(&path, &admin).await.expect(204).text, "");
    hospital.server.delete(&path, &admin).await.expect(204);
    let read = hospital.server.get(&path, &admin).await.expect(200);
    assert_eq!((&read.body["is_active"], read.header("etag")), (&json!(false), "\"2\""));
    hospital.server.patch(&path, &hospital.receptionist(), &json!({"is_active": true})).await.expect(403);
    hospital.server.patch(&path, &admin, &json!({"is_active": true})).await.expect(200);
    hospital.server.delete("/api/patients/4242/", &admin).await.expect(404);
}

/// Knows one doctor, a patient's account and a nurse's, and counts how often it is asked for the first two.
async fn users_service(asked: Arc<AtomicUsize>) -> Server {
    let asked_too = asked.clone();
    let account = move |id: web::Path<i64>| {
        let asked = asked_too.clone();
        async move {
            let role = match *id {
                80 => "PATIENT",
                81 => "NURSE",
                _ => return HttpResponse::NotFound().finish(),
            };
            if role == "PATIENT" {
                asked.fetch_add(1, Ordering::SeqCst);
            }
            let account = json!({"id": *id, "username": "x", "role": role, "department": null, "is_active": true});
            HttpResponse::Ok().insert_header(("etag", "\"3\"")).json(account)
        }
    };
    let doctor = move |request: HttpRequest, id: web::Path<i64>| {
        let asked = asked.clone();
        async move {
            assert!(request.headers().get("authorization").is_some(), "the caller's token is passed on");
            if *id != 77 {
                return HttpResponse::NotFound().finish();
            }
            asked.fetch_add(1, Ordering::SeqCst);
            let doctor = json!({"id": 77, "first_name": "A", "last_name": "B", "specialization": "", "department": "ENT", "is_active": true});
            HttpResponse::Ok().insert_header(("etag", "\"5\"")).json(doctor)
        }
    };
    Server::start("users", move |config| {
        let (doctor, account) = (doctor.clone(), account.clone());
        config.map(|config| {
            config
                .route("/api/users/doctors/{id}/", web::get().to(doctor))
                .route("/api/users/{id}/", web::get().to(account))
        });
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_doctor_is_an_active_doctor() {
    let asked = Arc::new(AtomicUsize::new(0));
    let users = users_service(asked.clone()).await;
    let hospital = Hospital::open_beside(&users.url).await;
    // Asked for once, then known.
    for doctor in [DOCTOR, 77, 77] {
        hospital.register(&json!({"first_name": "Ravi", "primary_doctor": doctor})).await;
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert_eq!(hospital.count("staff WHERE id = 77 AND version = 5 AND department = 'ENT'").await, 1);
    for nobody in [4, 9, 78] {
        let body = json!({"first_name": "Ravi", "primary_doctor": nobody});
        let answer = hospital.server.post("/api/patients/", &hospital.receptionist(), &body).await.expect(400);
        assert_eq!(answer.faulty_fields(), ["primary_doctor"], "{nobody}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_users_service_an_unknown_doctor_is_503() {
    let hospital = Hospital::open().await;
    let body = json!({"first_name": "Ravi", "primary_doctor": 77});
    let answer = hospital.server.post("/api/patients/", &hospital.receptionist(), &body).await.expect(503);
    assert_ne!(answer.header("retry-after"), "");
    assert_eq!(hospital.count("patients").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_linked_is_an_active_patients() {
    let asked = Arc::new(AtomicUsize::new(0));
    let users = users_service(asked.clone()).await;
    let hospital = Hospital::open_beside(&users.url).await;
    let token = hospital.admin();
    let post = |user: i64| {
        let (server, token) = (&hospital.server, &token);
        async move { server.post("/api/patients/", token, &json!({"first_name": "Ravi", "user": user})).await }
    };
    // Asked for once, then known.
    for user in [PATIENT, 80, 80] {
        post(user).await.expect(201);
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert_eq!(hospital.count("staff WHERE id = 80 AND role = 'PATIENT' AND version = 3 AND is_active").await, 1);
    let patient = id(&hospital.register(&lakshmi()).await);
    let path = format!("/api/patients/{patient}/");
    for nobody in [DOCTOR, 10, 81, 82] {
        let refused = post(nobody).await.expect(400);
        assert_eq!(
            (refused.faulty_fields(), &refused.body["errors"][0]["code"]),
            (vec!["user"], &json!("unknown_account"))
        );
        let patch = hospital.server.patch(&path, &token, &json!({"user": nobody})).await.expect(400);
        assert_eq!(patch.faulty_fields(), ["user"], "{nobody}");
        let put = json!({"first_name": "Lakshmi", "user": nobody});
        assert_eq!(hospital.server.put(&path, &token, &put).await.expect(400).faulty_fields(), ["user"], "{nobody}");
    }
    // What is linked stays so, whatever became of the account, until somebody changes it.
    hospital.db.sql("UPDATE staff SET is_active = false WHERE id = 8").await;
    let again = json!({"first_name": "Lakshmi", "last_name": "Iyer", "user": PATIENT});
    assert_eq!(hospital.server.put(&path, &token, &again).await.expect(200).body["user"], PATIENT);
    hospital.server.patch(&path, &token, &json!({"user": null})).await.expect(200);
    hospital.server.patch(&path, &token, &json!({"user": PATIENT})).await.expect(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aadhaar_number_that_is_sent_as_an_id_is_asked_of_nobody() {
    let asked = Arc::new(AtomicUsize::new(0));
    let users = users_service(asked.clone()).await;
    let hospital = Hospital::open_beside(&users.url).await;
    let patient = hospital.register_named("Ravi", "").await;
    for field in ["user", "primary_doctor"] {
        let patch = json!({field: 234_123_412_346_i64});
        let path = format!("/api/patients/{patient}/");
        let refused = hospital.server.patch(&path, &hospital.admin(), &patch).await.expect(400);
        assert_eq!(refused.body["errors"][0]["code"], "aadhaar", "{field}");
    }
    drop(users);
    let path = format!("/api/patients/{patient}/");
    hospital.server.patch(&path, &hospital.admin(), &json!({"user": 234_123_412_346_i64})).await.expect(400);
}

/// Who is registered is looked for as the doctor sees them; that it cannot be told is not that they do not.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_database_is_not_taken_for_somebody_out_of_care() {
    let hospital = Hospital::open().await;
    let slow = "CREATE FUNCTION slows() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
            PERFORM set_config('statement_timeout', '100', true), set_config('test.is_slow', 'yes', true); RETURN NULL; END $$; \
         CREATE TRIGGER slows AFTER INSERT ON patients FOR EACH STATEMENT EXECUTE FUNCTION slows(); \
         ALTER TABLE patients ENABLE ROW LEVEL SECURITY; \
         CREATE POLICY slow ON patients USING (coalesce(current_setting('test.is_slow', true), '') = '' OR pg_sleep(20) IS NOT NULL)";
    hospital.db.sql(slow).await;
    let answer = hospital.server.post("/api/patients/", &hospital.doctor(), &json!({"first_name": "Ravi"})).await;
    assert_ne!(answer.expect(503).header("retry-after"), "");
    assert_eq!(hospital.count("patients").await, 0);
}
