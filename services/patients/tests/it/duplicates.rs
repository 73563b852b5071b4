//! Who may be somebody who is there already, and why.

use serde_json::{Value, json};

use crate::hospital::{DOCTOR, Hospital, OTHER_DOCTOR, id, lakshmi};

async fn duplicates(hospital: &Hospital, token: &str, path: &str) -> Vec<(i64, i64, Vec<String>)> {
    let list = hospital.server.get(path, token).await.expect(200).body;
    let results = list["results"].as_array().unwrap();
    assert_eq!(list["count"].as_u64().unwrap(), u64::try_from(results.len()).unwrap());
    let reasons = |found: &Value| -> Vec<String> {
        let reasons = found["reasons"].as_array().unwrap();
        assert_eq!(
            reasons.iter().map(|r| r["weight"].as_i64().unwrap()).sum::<i64>().clamp(0, 100),
            found["score"].as_i64().unwrap()
        );
        reasons.iter().map(|reason| reason["reason"].as_str().unwrap().to_owned()).collect()
    };
    results.iter().map(|found| (id(&found["patient"]), found["score"].as_i64().unwrap(), reasons(found))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_likeliest_come_first_with_their_reasons() {
    let hospital = Hospital::open().await;
    let one = id(&hospital.register(&lakshmi()).await);
    let again = id(&hospital
        .register(&json!({"first_name": "Laxmi", "last_name": "Raman", "date_of_birth": "1980-04-12"}))
        .await);
    let initials =
        json!({"first_name": "R", "last_name": "Lakshmi", "date_of_birth": "1980-12-04", "phone": "9876543210"});
    let initials = id(&hospital.register(&initials).await);
    for child in ["Meena", "Ravi"] {
        let child =
            json!({"first_name": child, "last_name": "Raman", "date_of_birth": "2010-01-01", "phone": "9876543210"});
        hospital.register(&child).await;
    }
    let path = format!("/api/patients/{one}/duplicates/");
    let found = duplicates(&hospital, &hospital.receptionist(), &path).await;
    assert_eq!(found.iter().map(|(id, ..)| *id).collect::<Vec<_>>(), [again, initials], "{found:?}");
    assert_eq!(found[0].2, ["NAME_SOUNDS_ALIKE", "SAME_DATE_OF_BIRTH"]);
    assert_eq!(found[1].2, ["NAME_IS_PART_OF_THE_OTHER", "DATE_OF_BIRTH_SWAPPED", "PHONE_OF_SEVERAL"]);
    let strict = duplicates(&hospital, &hospital.receptionist(), &format!("{path}?min_score=82")).await;
    assert_eq!(strict.len(), 1);
    for query in ["min_score=0", "min_score=101", "min_score=x", "limit=5"] {
        hospital.server.get(&format!("{path}?{query}"), &hospital.receptionist()).await.expect(400);
    }
    // Merged, it is no duplicate any more.
    let merge = json!({"source": again});
    hospital.server.post(&format!("/api/patients/{one}/merge/"), &hospital.receptionist(), &merge).await.expect(200);
    let found = duplicates(&hospital, &hospital.receptionist(), &format!("/api/patients/{again}/duplicates/")).await;
    assert_eq!(found.iter().map(|(id, ..)| *id).collect::<Vec<_>>(), [initials]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doctor_is_told_of_those_in_their_care_only() {
    let hospital = Hospital::open().await;
    let mine =
        json!({"first_name": "Ravi", "last_name": "Kumar", "date_of_birth": "1990-05-05", "primary_doctor": DOCTOR});
    let mine = id(&hospital.register(&mine).await);
    let others = json!({"first_name": "Ravi", "last_name": "Kumar", "date_of_birth": "1990-05-05", "primary_doctor": OTHER_DOCTOR});
    let others = id(&hospital.register(&others).await);
    let path = format!("/api/patients/{mine}/duplicates/");
    assert_eq!(duplicates(&hospital, &hospital.doctor(), &path).await, []);
    assert_eq!(duplicates(&hospital, &hospital.receptionist(), &path).await[0].0, others);
    hospital.server.get(&format!("/api/patients/{others}/duplicates/"), &hospital.doctor()).await.expect(404);
    hospital.server.get(&path, &hospital.accountant()).await.expect(403);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_born_on_one_day_those_with_the_nearest_names_are_found() {
    let hospital = Hospital::open().await;
    hospital
        .db
        .sql(
            "INSERT INTO patients (first_name, last_name, date_of_birth) \
             SELECT 'Person' || chr(97 + n % 26) || chr(97 + n / 26 % 26), 'Anybody', '1990-01-01' FROM generate_series(1, 600) n",
        )
        .await;
    let one = json!({"first_name": "Lakshmi", "last_name": "Raman", "date_of_birth": "1990-01-01"});
    let one = id(&hospital.register(&one).await);
    let again = json!({"first_name": "Laxmi", "last_name": "Raman", "date_of_birth": "1990-01-01"});
    assert_eq!(hospital.register(&again).await["possible_duplicates"], json!([one]));
}
