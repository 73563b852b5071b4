//! Uploading, listing, reading.

use std::io::Cursor;
use std::time::Duration;

use auth::Role;
use futures_util::StreamExt;
use image::{ImageFormat, RgbImage};
use object_store::{Store, StoreConfig};
use patients::documents::Documents;
use patients::documents::inspection::Inspector;
use patients::documents::inspection::bench::Bench;
use patients::documents::receive::Limits;
use patients::documents::sweep::{self, Swept};
use patients::documents::types::Types;
use reqwest::{Client, Method, redirect};
use serde_json::{Value, json};
use testkit::{Answer, Bucket, eventually};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::hospital::{Hospital, OTHER_DOCTOR, id, lakshmi};

pub const FORM: &str = "multipart/form-data; boundary=b";
const MOST: u64 = 12 * 1024 * 1024;

/// A hospital with a store of its own, and somebody to inspect what is in it.
pub struct Ward {
    pub hospital: Hospital,
    pub bucket: Bucket,
    pub store: Store,
}

impl Ward {
    pub async fn open() -> Self {
        Self::within(Limits { most: MOST, ..Limits::default() }).await
    }

    pub async fn within(limits: Limits) -> Self {
        let bucket = Bucket::new().await;
        // a busy machine is slow
        let (attempt, deadline) = (Duration::from_secs(60), Duration::from_secs(200));
        let config =
            StoreConfig { endpoint: Some(bucket.endpoint.clone()), attempt, deadline, ..StoreConfig::of(&bucket.name) };
        let store = Store::with_key(&config, "test", "test");
        let hospital = Hospital::open_storing(Documents::new(store.clone(), limits)).await;
        Self { hospital, bucket, store }
    }

    pub fn inspector(&self) -> Inspector {
        Inspector { store: self.store.clone(), scanner: None, types: Types::default(), bench: bench() }
    }

    /// Inspects whatever waits.
    pub async fn inspect(&self) {
        let pool = self.hospital.db.pool().await;
        while self.inspector().next(&pool).await.unwrap() {}
    }

    pub async fn upload(&self, patient: i64, form: &[u8]) -> Answer {
        self.call(patient, &self.hospital.receptionist()).body(FORM, form).send().await
    }

    pub fn call(&self, patient: i64, token: &str) -> testkit::Call {
        self.hospital.server.call(Method::POST, &path(patient)).token(token)
    }

    pub async fn upload_and_inspect(&self, patient: i64, content: &[u8]) -> i64 {
        let document = id(&self.upload(patient, &form(content)).await.expect(201).body);
        self.inspect().await;
        document
    }

    pub async fn read(&self, patient: i64, document: i64) -> Value {
        let (path, admin) = (format!("{}{document}/", path(patient)), self.hospital.admin());
        // on a busy machine an audit row may come too late, and then the answer is 503
        eventually(|| async { self.hospital.server.get(&path, &admin).await.status != 503 }).await;
        self.hospital.server.get(&path, &admin).await.expect(200).body
    }

    /// What is left of broken uploads, whenever they began.
    pub async fn sweep(&self) -> Swept {
        sweep::round(&self.hospital.db.pool().await, &self.store, Duration::ZERO).await.unwrap()
    }
}

pub fn bench() -> Bench {
    // an unoptimised program on a busy machine is slow
    Bench { seconds: 120, ..Bench::of(env!("CARGO_BIN_EXE_patients").into()) }
}

pub fn path(patient: i64) -> String {
    format!("/api/patients/{patient}/documents/")
}

pub fn part(headers: &str, content: &[u8]) -> Vec<u8> {
    [&b"--b\r\nContent-Disposition: form-data; "[..], headers.as_bytes(), b"\r\n\r\n", content, b"\r\n"].concat()
}

fn field(name: &str, text: &str) -> Vec<u8> {
    part(&format!("name=\"{name}\""), text.as_bytes())
}

pub fn file(name: &str, content_type: &str, content: &[u8]) -> Vec<u8> {
    part(&format!("name=\"file\"; filename=\"{name}\"\r\nContent-Type: {content_type}"), content)
}

pub fn whole(parts: &[Vec<u8>]) -> Vec<u8> {
    [parts.concat(), b"--b--\r\n".to_vec()].concat()
}

/// A form with a PDF in it.
pub fn form(content: &[u8]) -> Vec<u8> {
    form_of(&file("../../etc/passwd", "application/pdf", content))
}

pub fn form_of(file: &[u8]) -> Vec<u8> {
    let fields =
        [field("title", "Blood report"), field("document_type", "LAB_REPORT"), field("description", "Fasting")];
    whole(&[fields.concat(), file.to_vec()])
}

pub fn form_text(content: &[u8]) -> String {
    String::from_utf8(form(content)).unwrap()
}

pub fn picture(format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    RgbImage::from_fn(900, 600, |x, y| image::Rgb([x as u8, y as u8, 7])).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A PDF of one page with a line of text.
pub fn pdf(line: &str) -> Vec<u8> {
    pdf_of(&format!("BT /F1 18 Tf 20 120 Td ({line}) Tj ET"), "")
}

/// A PDF of one page with this content.
pub fn pdf_of(content: &str, filter: &str) -> Vec<u8> {
    let length = content.len();
    let objects = [
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>".to_owned(),
        format!("<</Length {length}{filter}>>stream\n{content}\nendstream"),
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>".to_owned(),
    ];
    pdf_with(&objects.map(String::into_bytes))
}

/// A PDF of these objects, the first of which is its catalogue.
pub fn pdf_with(objects: &[Vec<u8>]) -> Vec<u8> {
    let (mut pdf, mut table) = (b"%PDF-1.4\n".to_vec(), String::new());
    for (number, object) in (1..).zip(objects) {
        table += &format!("{:010} 00000 n \n", pdf.len());
        pdf.extend(format!("{number} 0 obj").bytes());
        pdf.extend(object);
        pdf.extend(b"endobj\n");
    }
    let (start, count) = (pdf.len(), objects.len() + 1);
    let end = format!(
        "xref\n0 {count}\n0000000000 65535 f \n{table}trailer<</Size {count}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n"
    );
    pdf.extend(end.bytes());
    pdf
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_is_uploaded_inspected_and_read() {
    let ward = Ward::open().await;
    let (hospital, patient) = (&ward.hospital, ward.hospital.register_named("Lakshmi", "Raman").await);
    let content = pdf("Serum creatinine 1.2 mg/dL");
    let uploaded = ward.upload(patient, &form(&content)).await.expect(201);
    let document = id(&uploaded.body);
    let own = format!("{}{document}/", path(patient));
    assert_eq!((uploaded.header("location"), uploaded.header("etag")), (own.as_str(), "\"1\""));
    let sha256: String = chassis::strict_json::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
    for (member, value) in [
        ("status", json!("PROCESSING")),
        ("sha256", json!(sha256)),
        ("size", json!(content.len())),
        ("content_type", json!("application/pdf")),
        ("title", json!("Blood report")),
        ("document_type", json!("LAB_REPORT")),
        ("description", json!("Fasting")),
        ("patient", json!(patient)),
        ("uploaded_by", json!(5)),
    ] {
        assert_eq!(uploaded.body[member], value, "{member}");
    }
    let admin = hospital.admin();
    let waiting = hospital.server.get(&format!("{own}content/"), &admin).await.expect(409);
    assert_eq!(
        (&waiting.body["document_status"], &waiting.body["type"]),
        (&json!("PROCESSING"), &json!("urn:ehs:problem:document-not-readable"))
    );
    ward.inspect().await;
    let ready = hospital.server.get(&own, &admin).await.expect(200);
    assert_eq!(
        (&ready.body["status"], ready.header("etag"), &ready.body["has_thumbnail"]),
        (&json!("READY"), "\"2\"", &json!(true))
    );
    let shot = form_of(&file("wound.png", "image/png", &picture(ImageFormat::Png)));
    let shot = id(&ward.upload(patient, &shot).await.expect(201).body);
    ward.inspect().await;

    let client = Client::builder().redirect(redirect::Policy::none()).build().unwrap();
    for (of, content_type, begins) in [
        (format!("{document}/content/"), "application/pdf", &content[..]),
        (format!("{document}/thumbnail/"), "image/jpeg", b"\xff\xd8\xff"),
        (format!("{shot}/content/"), "image/png", b"\x89PNG"),
        (format!("{shot}/thumbnail/"), "image/jpeg", b"\xff\xd8\xff"),
    ] {
        let url = format!("{}{}{of}", hospital.server.url, path(patient));
        let answer = client.get(url).bearer_auth(&admin).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), &answer.headers()["cache-control"]), (302, &"no-store".parse().unwrap()));
        let link = answer.headers()["location"].to_str().unwrap();
        assert!(link.contains("X-Amz-Expires=300") && !link.contains("passwd") && !link.contains("Blood"), "{link}");
        let read = reqwest::Client::new().get(link).send().await.unwrap();
        assert_eq!(read.headers()["content-type"], content_type);
        assert!(read.bytes().await.unwrap().starts_with(begins));
    }
    let mut keys = ward.bucket.keys().await;
    keys.sort();
    let folders: Vec<&str> = keys.iter().map(|key| key.split_once('/').unwrap().0).collect();
    assert_eq!(folders, ["documents", "documents", "thumbnails", "thumbnails"]);
    assert_eq!(hospital.count("document_uploads").await + hospital.count("document_work").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_are_found_by_their_text_and_belong_to_the_history() {
    let ward = Ward::open().await;
    let (hospital, admin) = (&ward.hospital, ward.hospital.admin());
    let (patient, other) =
        (hospital.register_named("Lakshmi", "Raman").await, hospital.register_named("Ravi", "").await);
    let blood = ward.upload_and_inspect(patient, &pdf("Serum CREATININE 1.2, of 2345 6789 0124")).await;
    let x_ray = ward.upload_and_inspect(patient, &pdf("No fracture is seen")).await;
    ward.upload_and_inspect(other, &pdf("Serum creatinine 9.9")).await;
    for (query, found) in [
        ("", vec![x_ray, blood]),
        ("?search=creatinine", vec![blood]),
        ("?search=REAT%20serum", vec![blood]),
        ("?search=fracture%20blood", vec![x_ray]),
        ("?search=fracture%20serum", vec![]),
        ("?search=%25", vec![]),
        ("?search=_", vec![]),
        ("?search=%F0%9F%A9%BA", vec![]),
        ("?search=%E0%A4%B0%E0%A4%95%E0%A5%8D%E0%A4%A4", vec![]),
        ("?status=READY&document_type=LAB_REPORT", vec![x_ray, blood]),
        ("?status=FAILED", vec![]),
        ("?document_type=CONSENT", vec![]),
    ] {
        let page = hospital.server.get(&format!("{}{query}", path(patient)), &admin).await.expect(200).body;
        let ids: Vec<i64> = page["results"].as_array().unwrap().iter().map(id).collect();
        assert_eq!((ids, &page["count"]), (found.clone(), &json!(found.len())), "{query}");
    }
    let first = hospital.server.get(&format!("{}?page_size=1", path(patient)), &admin).await.expect(200).body;
    let next = first["next"].as_str().unwrap().split_once("/api/").unwrap().1;
    let second = hospital.server.get(&format!("/api/{next}"), &admin).await.expect(200).body;
    assert_eq!((id(&first["results"][0]), id(&second["results"][0]), &second["next"]), (x_ray, blood, &Value::Null));
    for (query, field) in [
        ("?search=".to_owned() + &"a".repeat(10_000), "search"),
        ("?status=LOST".to_owned(), "status"),
        ("?sort=size".to_owned(), "sort"),
    ] {
        let answer = hospital.server.get(&format!("{}{query}", path(patient)), &admin).await.expect(400);
        assert_eq!(answer.faulty_fields(), [field]);
    }
    let kept = "document_texts WHERE words LIKE '%2345%' OR words LIKE '%6789%'";
    assert_eq!(hospital.count(kept).await, 0, "no Aadhaar number is kept");

    let history = format!("/api/patients/{patient}/medical-history/");
    let before = hospital.server.get(&history, &admin).await.expect(200);
    let listed: Vec<i64> = before.body["documents"].as_array().unwrap().iter().map(id).collect();
    assert_eq!(listed, [x_ray, blood]);
    let consent = id(&ward.upload(patient, &form(&pdf("Consent"))).await.expect(201).body);
    let uploaded = hospital.server.get(&history, &admin).await.expect(200);
    assert_eq!(
        (id(&uploaded.body["documents"][0]), &uploaded.body["documents"][0]["status"]),
        (consent, &json!("PROCESSING"))
    );
    ward.inspect().await;
    let inspected = hospital.server.get(&history, &admin).await.expect(200);
    assert_eq!(inspected.body["documents"][0]["status"], "READY");
    let tags = [before.header("etag"), uploaded.header("etag"), inspected.header("etag")];
    assert!(tags[0] != tags[1] && tags[1] != tags[2], "{tags:?}");
    // as a merge moves them
    hospital.server.get(&format!("/api/patients/{other}/medical-history/"), &admin).await.expect(200);
    hospital.db.sql(&format!("UPDATE documents SET patient = {other} WHERE patient = {patient}")).await;
    assert_eq!(hospital.server.get(&history, &admin).await.expect(200).body["documents"], json!([]));
    let moved = hospital.server.get(&format!("/api/patients/{other}/medical-history/"), &admin).await.expect(200).body;
    assert_eq!(moved["documents"].as_array().unwrap().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_form_is_named_and_nothing_is_kept() {
    let ward = Ward::open().await;
    let patient = ward.hospital.register_named("Lakshmi", "Raman").await;
    let scan = file("a.pdf", "application/pdf", &pdf("ECG"));
    let (title, kind) = (field("title", "ECG"), field("document_type", "IMAGING"));
    for (parts, fields) in [
        (vec![], vec!["file", "title", "document_type"]),
        (vec![title.clone(), kind.clone()], vec!["file"]),
        (vec![scan.clone(), field("title", " "), kind.clone()], vec!["title"]),
        (vec![scan.clone(), title.clone()], vec!["document_type"]),
        (
            vec![field("colour", "red"), field("title", "<b>ECG</b>"), scan.clone(), field("document_type", "X")],
            vec!["colour", "title", "document_type"],
        ),
        (vec![title.clone(), title.clone(), kind.clone(), scan.clone()], vec!["title"]),
        (vec![title.clone(), kind.clone(), scan.clone(), scan.clone()], vec!["file"]),
        (vec![title.clone(), kind.clone(), file("a.pdf", "application/pdf", b"")], vec!["file"]),
        (
            vec![title.clone(), kind.clone(), scan.clone(), field("description", &"x".repeat(100_000))],
            vec!["description"],
        ),
        (vec![field("title", "card 2345 6789 0124"), kind.clone(), scan.clone()], vec!["title"]),
    ] {
        let answer = ward.upload(patient, &whole(&parts)).await.expect(400);
        assert_eq!(answer.faulty_fields(), fields);
    }
    for (content_type, body, status) in [
        ("application/json", "{}".to_owned(), 415),
        ("multipart/mixed; boundary=b", "--b--".to_owned(), 415),
        ("multipart/form-data", "--b--".to_owned(), 400),
        (FORM, "nonsense".to_owned(), 400),
        (FORM, String::new(), 400),
        (FORM, format!("--b\r\nX: {}", "x".repeat(100_000)), 400),
        (FORM, "--b\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nECG\r\n".to_owned(), 400),
    ] {
        let answer = ward.call(patient, &ward.hospital.admin()).body(content_type, body).send().await;
        assert_eq!(answer.status, status, "{content_type}: {}", answer.text);
    }
    for content_type in ["text/html", "application/zip", "image/svg+xml", "application/x-msdownload"] {
        let form = form_of(&file("a.pdf", content_type, b"x"));
        assert!(ward.upload(patient, &form).await.expect(415).text.contains("application/pdf"));
    }
    assert_eq!(ward.hospital.count("documents").await + ward.hospital.count("document_uploads").await, 0);
    assert!(ward.bucket.keys().await.is_empty(), "whatever was stored was removed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_too_large_is_413_announced_or_counted() {
    let ward = Ward::within(Limits { most: 6 * 1024 * 1024, ..Limits::default() }).await;
    let patient = ward.hospital.register_named("Lakshmi", "Raman").await;
    let admin = ward.hospital.admin();
    let small = form(&vec![b'x'; 6 * 1024 * 1024]);
    ward.upload(patient, &small).await.expect(201);
    let large = form(&vec![b'x'; 6 * 1024 * 1024 + 1]);
    ward.upload(patient, &large).await.expect(413);
    let chunks: Vec<Result<Vec<u8>, std::io::Error>> = large.chunks(65_536).map(|chunk| Ok(chunk.to_vec())).collect();
    let counted = Client::new()
        .post(format!("{}{}", ward.hospital.server.url, path(patient)))
        .bearer_auth(&admin)
        .header("content-type", FORM)
        .body(reqwest::Body::wrap_stream(futures_util::stream::iter(chunks)));
    assert_eq!(counted.send().await.unwrap().status(), 413);
    eventually(|| async { ward.bucket.unfinished().await.is_empty() }).await;
    assert_eq!((ward.hospital.count("documents").await, ward.bucket.keys().await.len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_breaks_off_leaves_nothing_that_stays() {
    let ward = Ward::open().await;
    let patient = ward.hospital.register_named("Lakshmi", "Raman").await;
    for size in [1_000, 11 * 1024 * 1024] {
        let form = form(&vec![b'x'; size]);
        let address = ward.hospital.server.url.strip_prefix("http://").unwrap();
        let mut line = tokio::net::TcpStream::connect(address).await.unwrap();
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\nContent-Type: {FORM}\r\nContent-Length: {}\r\n\r\n",
            path(patient),
            ward.hospital.admin(),
            form.len()
        );
        line.write_all(head.as_bytes()).await.unwrap();
        line.write_all(&form[..form.len() / 10 * 9]).await.unwrap();
        line.shutdown().await.unwrap();
        let mut answer = String::new();
        // a client that is gone hears nothing; one that only stopped sending hears that it broke off
        let _ = line.read_to_string(&mut answer).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
        drop(line);
    }
    eventually(|| async { ward.bucket.unfinished().await.is_empty() }).await;
    ward.sweep().await;
    let rows = ward.hospital.count("documents").await + ward.hospital.count("document_uploads").await;
    assert_eq!((rows, ward.bucket.keys().await.len()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_process_left_is_swept_and_nothing_else() {
    let ward = Ward::open().await;
    let patient = ward.hospital.register_named("Lakshmi", "Raman").await;
    let kept = ward.upload_and_inspect(patient, &pdf("ECG")).await;
    let object = uuid::Uuid::new_v4();
    let key = object_store::Key::new("documents", object);
    ward.store.put_bytes(key, "application/pdf", "%PDF".into()).await.unwrap();
    ward.hospital.db.sql(&format!("INSERT INTO document_uploads (object) VALUES ('{object}')")).await;
    let stranger = object_store::Key::new("documents", uuid::Uuid::new_v4());
    ward.store.put_bytes(stranger, "application/pdf", "%PDF".into()).await.unwrap();
    let begun = format!("{}/{}/documents/{}?uploads", ward.bucket.endpoint, ward.bucket.name, uuid::Uuid::new_v4());
    Client::new().post(begun).send().await.unwrap().error_for_status().unwrap();
    let pool = ward.hospital.db.pool().await;
    let too_young = sweep::round(&pool, &ward.store, sweep::OVER).await.unwrap();
    assert_eq!(too_young, Swept::default(), "they may still be under way");
    assert_eq!(ward.sweep().await, Swept { uploads: 1, unfinished: 1 });
    assert_eq!(ward.sweep().await, Swept::default());
    let keys = ward.bucket.keys().await;
    assert!(!keys.contains(&key.to_string()) && keys.contains(&stranger.to_string()), "{keys:?}");
    assert_eq!(ward.read(patient, kept).await["status"], "READY");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_and_content_give_the_first_answer_again() {
    let ward = Ward::open().await;
    let patient = ward.hospital.register_named("Lakshmi", "Raman").await;
    let admin = ward.hospital.admin();
    let send = async |form: Vec<u8>| {
        let call = ward.call(patient, &admin).header("idempotency-key", "upload-1");
        call.body(FORM, form).send().await
    };
    let first = send(form(&pdf("ECG"))).await.expect(201);
    let again = send(form(&pdf("ECG"))).await.expect(201);
    assert_eq!((again.header("idempotent-replayed"), &again.body), ("true", &first.body));
    send(form(&pdf("EEG"))).await.expect(409);
    assert_eq!(ward.hospital.count("documents").await, 1);
    eventually(|| async { ward.bucket.keys().await.len() == 1 || ward.sweep().await != Swept::default() }).await;
    assert_eq!(ward.bucket.keys().await.len(), 1, "what came again was removed");
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_reads_what_the_contract_lets_them() {
    let ward = Ward::open().await;
    let hospital = &ward.hospital;
    let patient = id(&hospital.register(&lakshmi()).await);
    let shot = form_of(&file("wound.png", "image/png", &picture(ImageFormat::Png)));
    let document = id(&ward.upload(patient, &shot).await.expect(201).body);
    ward.inspect().await;
    let stranger = hospital.tokens.mint(OTHER_DOCTOR, Role::Doctor);
    let auditor = hospital.tokens.mint(7, Role::Auditor);
    let callers = [
        (hospital.admin(), 200, 201),
        (hospital.doctor(), 200, 201),
        (hospital.nurse(), 200, 201),
        (hospital.receptionist(), 403, 201),
        (hospital.accountant(), 403, 403),
        (auditor, 403, 403),
        (hospital.patient(), 200, 403),
        (stranger.clone(), 404, 404),
    ];
    for (token, reads, uploads) in callers {
        for of in
            ["".to_owned(), format!("{document}/"), format!("{document}/content/"), format!("{document}/thumbnail/")]
        {
            let answer = hospital.server.get(&format!("{}{of}", path(patient)), &token).await;
            assert_eq!(answer.status.as_u16(), reads, "{of}: {}", answer.text);
        }
        ward.call(patient, &token).body(FORM, form(&pdf("EEG"))).send().await.expect(uploads);
    }
    let other = hospital.register_named("Ravi", "").await;
    hospital.server.get(&format!("{}{document}/", path(other)), &hospital.admin()).await.expect(404);
    hospital.server.get(&format!("{}{document}/content/", path(other)), &hospital.admin()).await.expect(404);
    ward.call(4_242, &hospital.admin()).body(FORM, form(&pdf("EEG"))).send().await.expect(404);
    // beyond care, with a reason
    let call = hospital.server.call(Method::GET, &format!("{}{document}/", path(patient))).token(&stranger);
    call.header("x-break-glass", "unconscious in casualty").send().await.expect(200);
    hospital.server.get(&format!("{}{document}/content/", path(patient)), &stranger).await.expect(200);
    let rows = format!("audit_log WHERE action = 'DocumentRead' AND reason IS NOT NULL AND patients = '{{{patient}}}'");
    assert_eq!(hospital.count(&rows).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_pauses_is_not_waited_for() {
    let ward = Ward::within(Limits { pause: Duration::from_millis(300), ..Limits::default() }).await;
    let patient = ward.hospital.register_named("Lakshmi", "Raman").await;
    let beginning = futures_util::stream::iter([Ok::<_, std::io::Error>(form(&pdf("ECG"))[..200].to_vec())]);
    let paused = Client::new()
        .post(format!("{}{}", ward.hospital.server.url, path(patient)))
        .bearer_auth(ward.hospital.admin())
        .header("content-type", FORM)
        .body(reqwest::Body::wrap_stream(beginning.chain(futures_util::stream::pending())));
    let answer = tokio::time::timeout(Duration::from_secs(25), paused.send()).await.unwrap().unwrap();
    assert_eq!(answer.status(), 408);
    assert_eq!(ward.hospital.count("documents").await, 0);
}
