//! A patient as FHIR.

use serde_json::json;

use crate::hospital::{Hospital, id, lakshmi};

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_reads_as_the_profile_has_it() {
    let hospital = Hospital::open().await;
    let patient = id(&hospital.register(&lakshmi()).await);
    let path = format!("/api/patients/{patient}/fhir/");
    let answer = hospital.server.get(&path, &hospital.receptionist()).await.expect(200);
    assert!(answer.header("content-type").starts_with("application/fhir+json"));
    assert_eq!(answer.header("etag"), "\"1\"");
    let fhir = &answer.body;
    assert_eq!(
        (&fhir["resourceType"], &fhir["birthDate"], &fhir["gender"]),
        (&json!("Patient"), &json!("1980-04-12"), &json!("female"))
    );
    assert_eq!((&fhir["active"], &fhir["name"][0]["family"]), (&json!(true), &json!("Raman")));
    let values: Vec<&str> = fhir["identifier"].as_array().unwrap().iter().filter_map(|i| i["value"].as_str()).collect();
    assert!(values.contains(&"P00001") && values.contains(&"lakshmi.r@abdm"), "{values:?}");
    let breaches: Vec<String> =
        fhir::nrces::patient_breaches(fhir).iter().map(|breach| format!("{breach:?}")).collect();
    assert_eq!(breaches, Vec::<String>::new());
    hospital.server.get(&format!("{path}?view=patient"), &hospital.receptionist()).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_estimated_birth_date_is_good_for_its_year() {
    let hospital = Hospital::open().await;
    let patient = json!({"first_name": "Ravi", "date_of_birth": "1950-01-01", "date_of_birth_estimated": true});
    let patient = id(&hospital.register(&patient).await);
    let answer =
        hospital.server.get(&format!("/api/patients/{patient}/fhir/"), &hospital.receptionist()).await.expect(200);
    assert_eq!(answer.body["birthDate"], "1950");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_views_are_not_there_yet() {
    let hospital = Hospital::open().await;
    let patient = hospital.register_named("Ravi", "").await;
    for query in ["view=everything", "view=", "colour=red"] {
        hospital
            .server
            .get(&format!("/api/patients/{patient}/fhir/?{query}"), &hospital.receptionist())
            .await
            .expect(400);
    }
    hospital.server.get("/api/patients/4242/fhir/", &hospital.receptionist()).await.expect(404);
}
