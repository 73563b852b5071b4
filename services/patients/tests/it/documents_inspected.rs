//! What an inspection finds: types by content, malware, bombs; and who inspects what.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use diesel_async::SimpleAsyncConnection as _;
use image::ImageFormat;
use patients::documents::inspection::bench::{Bench, Outcome};
use patients::documents::inspection::{Finding, Inspector, work};
use patients::documents::kind::Reason;
use patients::documents::receive::Limits;
use patients::documents::types::Portion;
use serde_json::{Value, json};
use testkit::eventually;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::documents::{Ward, bench, file, form, form_of, path, pdf, pdf_of, pdf_with, picture};
use crate::hospital::id;

/// Zlib's form of `size` blanks: one literal, then the longest match again and again (RFC 1951, 3.2.6).
fn deflated_blanks(size: usize) -> Vec<u8> {
    let (mut bits, mut count, mut out) = (0_u64, 0_u32, vec![0x78, 0x01]);
    let mut push = |value: u64, width: u32, out: &mut Vec<u8>| {
        bits |= value << count;
        count += width;
        while count >= 8 {
            out.push(bits as u8);
            bits >>= 8;
            count -= 8;
        }
    };
    push(0b011, 3, &mut out); // the last block, fixed codes
    push(0b0000_1010, 8, &mut out); // a blank: 0x30 + 32, its bits reversed
    let matches = (size - 1) / 258;
    for _ in 0..matches {
        push(0b1010_0011, 8, &mut out); // length 258: code 285, 11000101 reversed
        push(0, 5, &mut out); // distance 1
    }
    push(0, 7, &mut out); // the end
    push(0, 7, &mut out);
    let (size, modulus) = ((matches * 258 + 1) as u64, 65_521);
    let a = (1 + size * 32) % modulus;
    let b = (size + 32 * (size * (size + 1) / 2 % modulus)) % modulus;
    out.extend(((b << 16 | a) as u32).to_be_bytes());
    out
}

fn bomb(size: usize) -> Vec<u8> {
    let content = deflated_blanks(size);
    let mut stream = format!("<</Length {}/Filter/FlateDecode>>stream\n", content.len()).into_bytes();
    stream.extend(&content);
    stream.extend(b"\nendstream");
    let page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]/Contents 4 0 R/Resources<<>>>>";
    pdf_with(&[
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>".to_vec(),
        page.as_bytes().to_vec(),
        stream,
    ])
}

/// One whose bomb is how transparent a picture on its page is: nobody who looks for text comes by.
fn bomb_in_a_mask(size: usize) -> Vec<u8> {
    let grey = "<</Type/XObject/Subtype/Image/ColorSpace/DeviceGray/BitsPerComponent 8";
    let samples = deflated_blanks(size);
    let mut mask =
        format!("{grey}/Width 30000/Height {}/Length {}/Filter/FlateDecode>>stream\n", size / 30_000, samples.len())
            .into_bytes();
    mask.extend(&samples);
    mask.extend(b"\nendstream");
    let content = "300 0 0 200 0 0 cm /X Do";
    let page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]/Contents 4 0 R/Resources<</XObject<</X 5 0 R>>>>>>";
    pdf_with(&[
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>".to_vec(),
        page.as_bytes().to_vec(),
        format!("<</Length {}>>stream\n{content}\nendstream", content.len()).into_bytes(),
        format!("{grey}/Width 1/Height 1/SMask 6 0 R/Length 1>>stream\n0\nendstream").into_bytes(),
        mask,
    ])
}

async fn found(ward: &Ward, inspector: &Inspector, form: &[u8]) -> (i64, i64, Value) {
    let patient = ward.hospital.register_named("Lakshmi", "Raman").await;
    let document = id(&ward.upload(patient, form).await.expect(201).body);
    assert!(inspector.next(&ward.hospital.db.pool().await).await.unwrap());
    (patient, document, ward.read(patient, document).await)
}

async fn cannot_be_read(ward: &Ward, patient: i64, document: i64) {
    for of in ["content", "thumbnail"] {
        let answer =
            ward.hospital.server.get(&format!("{}{document}/{of}/", path(patient)), &ward.hospital.admin()).await;
        assert!([404, 409].contains(&answer.status.as_u16()), "{}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_is_what_the_content_is() {
    let ward = Ward::open().await;
    let html = b"<!DOCTYPE html><html><script>alert(document.cookie)</script></html>";
    let (jpeg, png, tiff, webp) =
        (picture(ImageFormat::Jpeg), picture(ImageFormat::Png), picture(ImageFormat::Tiff), picture(ImageFormat::WebP));
    let mut dicom = vec![0; 200];
    dicom.splice(128..132, *b"DICM");
    for (file, status, content_type, thumbnail) in [
        (file("photo.png", "image/png", html), "FAILED", "image/png", false),
        (file("photo.png", "image/png", b"MZ\x90\0 a program"), "FAILED", "image/png", false),
        (file("a", "application/octet-stream", b"PK\x03\x04 an archive"), "FAILED", "application/octet-stream", false),
        (file("a.pdf", "application/pdf", &jpeg), "READY", "image/jpeg", true),
        (file("a.html", "application/octet-stream", &png), "READY", "image/png", true),
        (file("a.tif", "image/tiff", &tiff), "READY", "image/tiff", true),
        (file("a.webp", "image/webp", &webp), "READY", "image/webp", true),
        (file("a.dcm", "application/dicom", &dicom), "READY", "application/dicom", false),
        (file("a.pdf", "application/pdf", b"%PDF-1.7 and nothing more"), "READY", "application/pdf", false),
        (file("a.png", "image/png", &png[..100]), "READY", "image/png", false),
    ] {
        let (patient, document, found) = found(&ward, &ward.inspector(), &form_of(&file)).await;
        let expected = json!([status, content_type, thumbnail]);
        assert_eq!(json!([found["status"], found["content_type"], found["has_thumbnail"]]), expected, "{found}");
        if status == "FAILED" {
            assert_eq!(found["reason"], "TYPE_NOT_ALLOWED");
            cannot_be_read(&ward, patient, document).await;
        } else if !thumbnail {
            let small = format!("{}{document}/thumbnail/", path(patient));
            ward.hospital.server.get(&small, &ward.hospital.admin()).await.expect(404);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pdf_that_is_a_zip_bomb_harms_nobody_and_is_read_by_nobody() {
    let ward = Ward::open().await;
    let inspector = Inspector { bench: Bench { memory: 256 << 20, ..bench() }, ..ward.inspector() };
    let bomb = bomb(1 << 30);
    assert!(bomb.len() < 8 << 20, "{} bytes", bomb.len());
    let (patient, document, bombed) = found(&ward, &inspector, &form(&bomb)).await;
    assert_eq!((&bombed["status"], &bombed["reason"]), (&json!("QUARANTINED"), &json!("EXPANDS")));
    cannot_be_read(&ward, patient, document).await;
    // the next one
    let (.., harmless) = found(&ward, &inspector, &form(&pdf("ECG"))).await;
    assert_eq!(harmless["status"], "READY");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bomb_that_only_a_drawn_page_meets_is_one_too() {
    let ward = Ward::open().await;
    let inspector = Inspector { bench: Bench { memory: 256 << 20, ..bench() }, ..ward.inspector() };
    let bomb = bomb_in_a_mask(1 << 30);
    let text = inspector.bench.draw(Portion::Text, bomb.clone().into()).await.unwrap();
    assert_eq!(text, Outcome::Drawn(Vec::new()), "the text knows nothing of it");
    let (patient, document, bombed) = found(&ward, &inspector, &form(&bomb)).await;
    assert_eq!((&bombed["status"], &bombed["reason"]), (&json!("QUARANTINED"), &json!("EXPANDS")));
    cannot_be_read(&ward, patient, document).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_to_be_taken_apart_is_kept_and_only_saved() {
    let ward = Ward::within(Limits { most: 40 << 20, ..Limits::default() }).await;
    // Nobody could take it apart.
    let inspector = Inspector { bench: Bench::of("/no/such/program".into()), ..ward.inspector() };
    let mut large = bomb(1 << 30);
    large.resize(33 << 20, b' ');
    let (patient, document, kept) = found(&ward, &inspector, &form(&large)).await;
    assert_eq!(
        ["status", "content_type", "has_thumbnail"].map(|member| kept[member].clone()),
        [json!("READY"), json!("application/pdf"), json!(false)]
    );
    assert_eq!(ward.hospital.count("document_texts").await, 0);
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let content = format!("{}{}{document}/content/", ward.hospital.server.url, path(patient));
    let link = client.get(content).bearer_auth(ward.hospital.admin()).send().await.unwrap();
    let link = link.headers()["location"].to_str().unwrap().to_owned();
    let saved = client.get(link).send().await.unwrap().error_for_status().unwrap();
    assert_eq!(saved.headers()["content-type"], "application/octet-stream");
}

/// A merge moves the history and then the documents; who has inspected a document writes that, and then counts the history.
#[tokio::test(flavor = "multi_thread")]
async fn an_inspection_that_ends_during_a_merge_waits_in_no_circle() {
    let ward = Ward::open().await;
    let hospital = &ward.hospital;
    let (target, source) =
        (hospital.register_named("Lakshmi", "Raman").await, hospital.register_named("Laxmi", "Raman").await);
    let note = json!({"kind": "NOTE", "note": "of the second"});
    hospital
        .server
        .post(&format!("/api/patients/{source}/medical-history/"), &hospital.admin(), &note)
        .await
        .expect(201);
    let document = id(&ward.upload(source, &form(&pdf("ECG"))).await.expect(201).body);
    hospital
        .db
        .sql(&format!(
            "INSERT INTO hl7_messages (sending_application, sending_facility, control_id, event, digest, raw, received_by, status, \
             acknowledgment, ack, answer, patient) \
             VALUES ('HIS', 'APOLLO', '1', 'ADT^A08', sha256('1'), '', 5, 'APPLIED', 'AA', 'MSA', '{{}}', {source})"
        ))
        .await;
    let (mut between, mut inspecting) = (hospital.db.connect().await, hospital.db.connect().await);
    let claim = work::claim(&mut inspecting).await.unwrap().unwrap();
    // The merge stops at its messages, which are between its history and its documents.
    let held = "SELECT FROM hl7_messages FOR UPDATE";
    between.batch_execute(&format!("BEGIN; {held}")).await.unwrap();
    let merge = format!("/api/patients/{target}/merge/");
    let (desk, body) = (hospital.receptionist(), json!({"source": source}));
    let merging = hospital.server.post(&merge, &desk, &body);
    let meanwhile = async {
        let waiting = format!(
            "SELECT count(*) FROM pg_stat_activity AS waiting, unnest(pg_blocking_pids(waiting.pid)) AS blocking \
             JOIN pg_stat_activity AS held ON held.pid = blocking WHERE held.query LIKE '%{held}'"
        );
        eventually(|| async { hospital.db.number(&waiting).await == 1 }).await;
        let finding = Finding::Readable { content_type: "application/pdf", text: None, has_thumbnail: false };
        let goes_on = async {
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
            between.batch_execute("COMMIT").await.unwrap();
        };
        tokio::join!(claim.end(&mut inspecting, Ok(finding)), goes_on).0
    };
    let (merged, ended) = tokio::join!(merging, meanwhile);
    merged.expect(200);
    assert_eq!(ended.unwrap(), "ready");
    let found = ward.read(target, document).await;
    assert_eq!((&found["status"], &found["patient"]), (&json!("READY"), &json!(target)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_too_large_to_be_made_small_has_no_small_one() {
    let ward = Ward::open().await;
    let mut large = picture(ImageFormat::Png);
    large.splice(16..24, [0, 0, 0x75, 0x30, 0, 0, 0x75, 0x30]); // 30,000 pixels either way
    let (.., found) = found(&ward, &ward.inspector(), &form_of(&file("a.png", "image/png", &large))).await;
    assert_eq!((&found["status"], &found["has_thumbnail"]), (&json!("READY"), &json!(false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_computes_without_end_is_ended() {
    // a form that draws itself, twice, and so on
    let content = "/X Do /X Do ".repeat(2_000);
    let form = format!(
        "<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Length {}/Resources<</XObject<</X 4 0 R>>>>>>stream\n{content}\nendstream",
        content.len()
    );
    let page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]/Contents 4 0 R/Resources<</XObject<</X 4 0 R>>>>>>";
    let pdf = pdf_with(&[
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>".to_vec(),
        page.as_bytes().to_vec(),
        form.into_bytes(),
    ]);
    let bench = Bench { seconds: 2, ..bench() };
    for portion in [Portion::Text, Portion::Page] {
        let outcome = bench.draw(portion, pdf.clone().into()).await.unwrap();
        assert!(!matches!(&outcome, Outcome::Drawn(drawn) if drawn.len() > 1 << 20));
    }
    // who asks for more than it may is refused by the system
    let small = Bench { memory: 1 << 20, ..bench };
    assert_ne!(small.draw(Portion::Picture, picture(ImageFormat::Png).into()).await.unwrap(), Outcome::Expands);
}

#[tokio::test(flavor = "multi_thread")]
async fn text_is_drawn_out_of_a_pdf() {
    let text = bench().draw(Portion::Text, pdf("Serum CREATININE 1.2").into()).await.unwrap();
    let Outcome::Drawn(text) = text else { panic!("{text:?}") };
    assert_eq!(String::from_utf8(text).unwrap(), "serum creatinine 1.2");
    let nothing = bench().draw(Portion::Text, pdf_of("", "").into()).await.unwrap();
    assert_eq!(nothing, Outcome::Drawn(Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_page_of_a_pdf_is_drawn_small() {
    let left_half = "0.8 0 0 rg 0 0 150 200 re f BT /F1 18 Tf 1 0 0 1 160 120 Tm 0 g (Serum) Tj ET";
    let page = bench().draw(Portion::Page, pdf_of(left_half, "").into()).await.unwrap();
    let Outcome::Drawn(page) = page else { panic!("{page:?}") };
    let page = image::load_from_memory_with_format(&page, ImageFormat::Jpeg).unwrap().to_rgb8();
    assert_eq!(page.dimensions(), (320, 213));
    let is = |x: u32, y: u32, colour: [u8; 3]| {
        page.get_pixel(x, y).0.iter().zip(colour).all(|(drawn, wanted)| drawn.abs_diff(wanted) < 25)
    };
    assert!(is(80, 100, [204, 0, 0]) && is(300, 20, [255, 255, 255]), "red, and paper");
    let is_dark = |(x, y, pixel): (u32, u32, &image::Rgb<u8>)| x > 165 && (60..90).contains(&y) && pixel.0[1] < 100;
    assert!(
        page.enumerate_pixels().filter(|pixel| is_dark(*pixel)).count() > 20,
        "letters, in a font that the PDF does not bring"
    );
    for without_area in ["0 0 0 0", "0 0 1e9 0.001", "9 9 9 9"] {
        let flat = String::from_utf8(pdf("ECG")).unwrap().replace("0 0 300 200", without_area);
        bench().draw(Portion::Page, flat.into_bytes().into()).await.unwrap(); // whatever comes of it, it ends
    }
    for no_pdf in [&b"%PDF-1.7 and nothing more"[..], b"", b"\x89PNG"] {
        assert_eq!(bench().draw(Portion::Page, no_pdf.to_vec().into()).await.unwrap(), Outcome::Nothing);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_what_was_uploaded_is_not_given_out() {
    let ward = Ward::open().await;
    let patient = ward.hospital.register_named("Lakshmi", "Raman").await;
    for instead in [Some(pdf("EEG")), None] {
        let document = id(&ward.upload(patient, &form(&pdf("ECG"))).await.expect(201).body);
        let key = ward.bucket.keys().await.into_iter().max().unwrap();
        match instead {
            Some(content) => {
                let url = format!("{}/{}/{key}", ward.bucket.endpoint, ward.bucket.name);
                reqwest::Client::new().put(url).body(content).send().await.unwrap().error_for_status().unwrap();
            }
            None => ward.bucket.remove(&key).await,
        }
        ward.inspect().await;
        let found = ward.read(patient, document).await;
        assert_eq!((&found["status"], &found["reason"]), (&json!("FAILED"), &json!("DAMAGED")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inspection_is_tried_a_few_times() {
    let ward = Ward::open().await;
    let patient = ward.hospital.register_named("Lakshmi", "Raman").await;
    let document = id(&ward.upload(patient, &form(&pdf("ECG"))).await.expect(201).body);
    let pool = ward.hospital.db.pool().await;
    let broken = Inspector { bench: Bench::of("/no/such/program".into()), ..ward.inspector() };
    for attempts in 1..=5 {
        assert!(broken.next(&pool).await.unwrap());
        assert_eq!(
            ward.hospital.count(&format!("document_work WHERE attempts = {attempts} AND due_at > now()")).await,
            1
        );
        assert_eq!(ward.read(patient, document).await["status"], "PROCESSING");
        ward.hospital.db.sql("UPDATE document_work SET due_at = now()").await;
    }
    assert!(broken.next(&pool).await.unwrap());
    let found = ward.read(patient, document).await;
    assert_eq!((&found["status"], &found["reason"]), (&json!("FAILED"), &json!("NOT_INSPECTED")));
    assert!(!broken.next(&pool).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_inspects_what_another_one_has_and_the_late_one_is_not_heard() {
    let ward = Ward::open().await;
    let patient = ward.hospital.register_named("Lakshmi", "Raman").await;
    let pool = ward.hospital.db.pool().await;
    for _ in 0..4 {
        ward.upload(patient, &form_of(&file("a.jpg", "image/jpeg", &picture(ImageFormat::Jpeg)))).await.expect(201);
    }
    let inspected = Arc::new(AtomicUsize::new(0));
    let loops = (0..4).map(|_| {
        let (inspector, pool, inspected) = (ward.inspector(), pool.clone(), Arc::clone(&inspected));
        async move {
            while inspector.next(&pool).await.unwrap() {
                inspected.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    futures_util::future::join_all(loops).await;
    assert_eq!(inspected.load(Ordering::Relaxed), 4);

    let document = id(&ward.upload(patient, &form(&pdf("ECG"))).await.expect(201).body);
    let mut conn = ward.hospital.db.connect().await;
    let late = work::claim(&mut conn).await.unwrap().unwrap();
    assert!(work::claim(&mut conn).await.unwrap().is_none(), "it is somebody's");
    ward.hospital.db.sql("UPDATE document_work SET due_at = now()").await;
    ward.inspect().await;
    assert_eq!(late.end(&mut conn, Ok(Finding::Unreadable(Reason::Infected))).await.unwrap(), "lost");
    assert_eq!(ward.read(patient, document).await["status"], "READY");
}

/// Plays `clamd`: says FOUND of what has EICAR in it, and what it is told to say of the rest. Gives its address.
async fn clamd(says: &'static [u8]) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((line, _)) = listener.accept().await {
            tokio::spawn(scan(line, says));
        }
    });
    format!("tcp://{address}")
}

async fn scan(mut line: TcpStream, says: &'static [u8]) -> std::io::Result<()> {
    let mut command = [0; 10];
    line.read_exact(&mut command).await?;
    assert_eq!(&command, b"zINSTREAM\0");
    let mut content = Vec::new();
    loop {
        let size = line.read_u32().await? as usize;
        if size == 0 {
            break;
        }
        let at = content.len();
        content.resize(at + size, 0);
        line.read_exact(&mut content[at..]).await?;
        if says.starts_with(b"INSTREAM size") {
            break; // and closes with what it has not read
        }
    }
    let infected = content.windows(5).any(|window| window == b"EICAR");
    line.write_all(if infected { b"stream: Eicar-Test-Signature FOUND\0" } else { says }).await
}

async fn scanned(ward: &Ward, address: &str) -> Inspector {
    Inspector { scanner: Some(address.parse().unwrap()), ..ward.inspector() }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_infected_document_is_quarantined_and_a_clean_one_is_not() {
    let ward = Ward::open().await;
    let inspector = scanned(&ward, &clamd(b"stream: OK\0").await).await;
    let (patient, document, infected) = found(&ward, &inspector, &form(&pdf("EICAR"))).await;
    assert_eq!((&infected["status"], &infected["reason"]), (&json!("QUARANTINED"), &json!("INFECTED")));
    cannot_be_read(&ward, patient, document).await;
    let (.., clean) = found(&ward, &inspector, &form(&pdf("ECG"))).await;
    assert_eq!(clean["status"], "READY");
    // in the second piece of a long one
    let mut long = pdf("ECG");
    long.extend(vec![b' '; 6 << 20]);
    long.extend(b"EICAR");
    let (.., infected) = found(&ward, &inspector, &form(&long)).await;
    assert_eq!(infected["reason"], "INFECTED");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_ready_before_the_scanner_has_said_so() {
    let ward = Ward::open().await;
    let pool = ward.hospital.db.pool().await;
    let patient = ward.hospital.register_named("Lakshmi", "Raman").await;
    let document = id(&ward.upload(patient, &form(&pdf("ECG"))).await.expect(201).body);
    let addresses = [
        "tcp://127.0.0.1:9".to_owned(),
        "unix:/no/such/socket".to_owned(),
        clamd(b"").await,
        clamd(b"stream: Can't allocate memory ERROR\0").await,
    ];
    for (times, address) in (1..).zip(&addresses) {
        assert!(scanned(&ward, address).await.next(&pool).await.unwrap());
        assert_eq!(ward.read(patient, document).await["status"], "PROCESSING", "{address}");
        let waits = format!("document_work WHERE attempts = 0 AND deferrals = {times} AND due_at > now()");
        assert_eq!(ward.hospital.count(&waits).await, 1, "{address}");
        ward.hospital.db.sql("UPDATE document_work SET due_at = now()").await;
    }
    assert!(scanned(&ward, &clamd(b"stream: OK\0").await).await.next(&pool).await.unwrap());
    assert_eq!(ward.read(patient, document).await["status"], "READY");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_scanner_does_not_take_is_not_given_out() {
    let ward = Ward::open().await;
    let mut long = pdf("ECG");
    long.extend(vec![b' '; 6 << 20]);
    let inspector = scanned(&ward, &clamd(b"INSTREAM size limit exceeded. ERROR\0").await).await;
    let pool = ward.hospital.db.pool().await;
    let patient = ward.hospital.register_named("Lakshmi", "Raman").await;
    let document = id(&ward.upload(patient, &form(&long)).await.expect(201).body);
    // its answer may be lost with the connection that it closed; then it is asked again
    eventually(|| async {
        ward.hospital.db.sql("UPDATE document_work SET due_at = now()").await;
        inspector.next(&pool).await.unwrap();
        ward.read(patient, document).await["status"] != "PROCESSING"
    })
    .await;
    let found = ward.read(patient, document).await;
    assert_eq!((&found["status"], &found["reason"]), (&json!("FAILED"), &json!("NOT_SCANNED")));
}
