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

/// Registers two; gives the first's duplicates as they are listed.
async fn told_of(one: Value, other: Value) -> (i64, Vec<(i64, i64, Vec<String>)>) {
    let hospital = Hospital::open().await;
    let one = id(&hospital.register(&one).await);
    let other = id(&hospital.register(&other).await);
    let path = format!("/api/patients/{one}/duplicates/");
    (other, duplicates(&hospital, &hospital.receptionist(), &path).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_abha_address_or_email_is_enough_to_be_looked_at() {
    let (other, found) = told_of(
        json!({"first_name": "Lakshmi", "last_name": "Raman", "abha_address": "lakshmi.r@abdm"}),
        json!({"first_name": "Baby", "last_name": "Venkat", "abha_address": "lakshmi.r@abdm"}),
    )
    .await;
    assert_eq!(found, [(other, 50, vec!["SAME_ABHA_ADDRESS".to_owned()])]);
    let (other, found) = told_of(
        json!({"first_name": "Lakshmi", "last_name": "Raman", "email": "L.Raman@example.in"}),
        json!({"first_name": "Lakshmi", "last_name": "Ramen", "email": "l.raman@example.in"}),
    )
    .await;
    assert_eq!(found, [(other, 55, vec!["NAME_NEARLY_THE_SAME".to_owned(), "SAME_EMAIL".to_owned()])]);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_sound_alike_or_change_places_are_enough_to_be_looked_at() {
    for (one, other, reason, score) in [
        (("Sunita", "Wagh"), ("Suneeta", "Vagh"), "NAME_SOUNDS_ALIKE", 53),
        (("Lakshmi", ""), ("Laxmi", ""), "NAME_SOUNDS_ALIKE", 53),
        (("Lakshmi", "Raman"), ("Raman", "Lakshmi"), "SAME_NAME", 55),
        (("Lakshmi", "Raman"), ("Raman Laxmi", ""), "NAME_SOUNDS_ALIKE", 53),
        (("Lakshmi Raman", "Iyer"), ("Laxmi", "Raman"), "NAME_IS_PART_OF_THE_OTHER", 50),
    ] {
        let named = |(first, last): (&str, &str)| json!({"first_name": first, "last_name": last});
        let (id, found) = told_of(named(one), named(other)).await;
        assert_eq!(found, [(id, score, vec![reason.to_owned()])], "{one:?} {other:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_with_one_name_a_doctor_is_told_of_their_own() {
    let hospital = Hospital::open().await;
    let mine = json!({"first_name": "Laxmi", "last_name": "Raman", "primary_doctor": DOCTOR});
    let mine = id(&hospital.register(&mine).await);
    hospital
        .db
        .sql(
            "INSERT INTO patients (first_name, last_name, primary_doctor) \
             SELECT 'Lakshmi', 'Raman', 3 FROM generate_series(1, 600) n",
        )
        .await;
    let again = json!({"first_name": "Lakshmee", "last_name": "Raman", "primary_doctor": DOCTOR});
    let again = id(&hospital.register(&again).await);
    let path = format!("/api/patients/{again}/duplicates/");
    let found = duplicates(&hospital, &hospital.doctor(), &path).await;
    assert_eq!(found.iter().map(|(id, ..)| *id).collect::<Vec<_>>(), [mine]);
    // Whoever sees all is told of the best, and no more than a page.
    assert_eq!(duplicates(&hospital, &hospital.receptionist(), &path).await.len(), 20);
}
