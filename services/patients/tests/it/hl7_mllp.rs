//! HL7 v2 over MLLP: what is acknowledged is stored, whatever a sender does.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use audit::Recorder;
use events::Outbox;
use hl7::mllp::{FrameReader, frame};
use patients::hl7_import::backlog;
use patients::hl7_import::mllp::{self, MllpConfig};
use patients::hl7_import::receive::Desk;
use serde_json::json;
use testkit::{Authority, eventually};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::hl7_import::ADMIT;
use crate::hospital::Hospital;

/// What a busy machine takes for what is done at once elsewhere.
const LONG: Duration = Duration::from_secs(60);

pub struct Listener {
    address: SocketAddr,
    pub desk: Desk,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<anyhow::Result<()>>,
}

impl Listener {
    pub async fn start(hospital: &Hospital) -> Self {
        Self::start_with(hospital, |_| {}).await
    }

    async fn start_with(hospital: &Hospital, change: impl FnOnce(&mut MllpConfig)) -> Self {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let mut config = MllpConfig {
            listen: address,
            tls: None,
            allow: vec!["127.0.0.0/8".parse().unwrap()],
            max_bytes: hl7::MAX_BYTES,
            idle: LONG,
            deadline: LONG,
            max_connections: 8,
            at_once: 4,
        };
        change(&mut config);
        let desk = Desk { db: hospital.db.pool().await, outbox: Outbox::new(), time_zone: chrono_tz::Asia::Kolkata };
        let recorder = Recorder::start(chassis::db::pool(&hospital.db.config(), "audit").unwrap()).unwrap();
        let stop = CancellationToken::new();
        let task = tokio::spawn(mllp::run(socket, config, desk.clone(), recorder, stop.clone()));
        Self { address, desk, stop, task }
    }

    pub async fn connect(&self) -> Sender<TcpStream> {
        Sender::of(TcpStream::connect(self.address).await.unwrap())
    }
}

/// A system that sends.
pub struct Sender<S> {
    pub stream: S,
    reader: FrameReader,
    left: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Sender<S> {
    fn of(stream: S) -> Self {
        Self { stream, reader: FrameReader::new(hl7::MAX_BYTES), left: Vec::new() }
    }

    pub async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The next frame; nothing where the other side closed.
    async fn hear(&mut self) -> Option<String> {
        let mut buffer = [0; 4096];
        loop {
            let mut bytes = self.left.as_slice();
            let found = self.reader.read(&mut bytes).unwrap();
            self.left = bytes.to_vec();
            if let Some(frame) = found {
                return Some(String::from_utf8(frame).unwrap());
            }
            let count = timeout(LONG, self.stream.read(&mut buffer)).await.expect("an answer in time").unwrap_or(0);
            if count == 0 {
                return None;
            }
            self.left.extend_from_slice(&buffer[..count]);
        }
    }

    pub async fn send(&mut self, message: &str) -> String {
        self.write(&frame(message.as_bytes())).await;
        self.hear().await.expect("an acknowledgment")
    }

    pub async fn is_closed(&mut self) -> bool {
        self.hear().await.is_none()
    }
}

pub fn numbered(control_id: &str) -> String {
    ADMIT.replace("MSG-0001", control_id)
}

fn enhanced(control_id: &str, accept: &str, application: &str) -> String {
    numbered(control_id).replace("|P|2.5.1||||||", &format!("|P|2.5.1|||{accept}|{application}||"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_stored_applied_and_acknowledged_and_again_the_same() {
    let hospital = Hospital::open().await;
    let listener = Listener::start(&hospital).await;
    let mut sender = listener.connect().await;
    let ack = sender.send(ADMIT).await;
    assert!(
        ack.starts_with("MSH|^~\\&|EHS|EHS CHENNAI|HIS|APOLLO CHENNAI|") && ack.contains("\rMSA|AA|MSG-0001\r"),
        "{ack}"
    );
    assert_eq!(sender.send(ADMIT).await, ack, "the stored acknowledgment");
    assert_eq!(listener.connect().await.send(ADMIT).await, ack, "on another connection too");
    let applied = "hl7_messages WHERE status = 'APPLIED' AND received_via = 'MLLP' AND received_by IS NULL AND peer = '127.0.0.1'";
    assert_eq!((hospital.count(applied).await, hospital.count("patients").await), (1, 1));
    let audited = "audit_log WHERE action = 'Hl7Import' AND object = 'MLLP' AND actor IS NULL AND address = '127.0.0.1' \
         AND outcome = 'SUCCESS' AND patients = ARRAY(SELECT id FROM patients)";
    assert_eq!(hospital.count(audited).await, 1);
    let patient = hospital.db.number("SELECT id FROM patients").await;
    let log = hospital.server.get(&format!("/api/patients/{patient}/access-log/"), &hospital.admin()).await.expect(200);
    let first = log.body["results"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        (&first["action"], &first["purpose"], &first["role"], &first["own"]),
        (&json!("Hl7Import"), &json!("INTERFACE"), &json!(null), &json!(false)),
        "the patient sees that it was no person"
    );
    assert_eq!(hospital.count("outbox WHERE event_type = 'PatientRegistered' AND subscriber = 'billing'").await, 1);
    // Over HTTP it is the same message.
    assert_eq!(hospital.import_as("application/hl7-v2", ADMIT.as_bytes()).await.expect(200).text, ack);

    // Frames that come in pieces, and several at once.
    let bytes = [frame(numbered("MSG-2").as_bytes()), frame(numbered("MSG-3").as_bytes())].concat();
    for piece in bytes.chunks(97) {
        sender.write(piece).await;
    }
    assert!(sender.hear().await.unwrap().contains("MSA|AA|MSG-2"));
    assert!(sender.hear().await.unwrap().contains("MSA|AA|MSG-3"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_in_enhanced_mode_hears_what_it_asks_for() {
    let hospital = Hospital::open().await;
    let listener = Listener::start(&hospital).await;
    let mut sender = listener.connect().await;
    let receipt = sender.send(&enhanced("E-1", "AL", "NE")).await;
    assert!(receipt.contains("\rMSA|CA|E-1\r"), "{receipt}");
    assert_eq!(sender.send(&enhanced("E-1", "AL", "NE")).await, receipt, "the stored receipt");

    let receipt = sender.send(&enhanced("E-2", "AL", "AL")).await;
    assert!(receipt.contains("\rMSA|CA|E-2\r"), "{receipt}");
    let applied = sender.hear().await.unwrap();
    assert!(applied.contains("\rMSA|AA|E-2\r"), "{applied}");
    // The sender's own receipt for that is not answered, nor is a message whose sender wants to hear nothing.
    sender.write(&frame(b"MSH|^~\\&|HIS|APOLLO CHENNAI|EHS|EHS|||ACK^A01|R-1|P|2.5.1\rMSA|CA|X\r")).await;
    sender.write(&frame(enhanced("E-3", "NE", "NE").as_bytes())).await;
    assert!(sender.send(&numbered("E-4")).await.contains("\rMSA|AA|E-4\r"));
    assert_eq!(hospital.count("hl7_messages WHERE status = 'APPLIED'").await, 4);
    assert_eq!(hospital.count("hl7_messages WHERE status = 'PARKED'").await, 0);

    // What cannot be read is refused on receipt; what cannot be applied was received, and is refused after.
    let refused = sender.send(&enhanced("E-5", "AL", "AL").replace("PID|", "ZZZ|")).await;
    assert!(refused.contains("\rMSA|CE|E-5\r") && refused.contains("\rERR|"), "{refused}");
    let nameless = enhanced("E-6", "AL", "AL")
        .replace("778899", "778800")
        .replace("Raman^Lakshmi|", "|")
        .replace("91-1234-5678-9012^^^ABDM^HIN~", "");
    assert!(sender.send(&nameless).await.contains("\rMSA|CA|E-6\r"));
    let refused = sender.hear().await.unwrap();
    assert!(refused.contains("\rMSA|AE|E-6\r"), "{refused}");
    let audited = "audit_log WHERE object = 'MLLP' AND outcome = 'REFUSED'";
    eventually(|| async { hospital.count(audited).await == 2 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_message_is_refused_and_kept_and_the_sender_goes_on() {
    let hospital = Hospital::open().await;
    let listener = Listener::start(&hospital).await;
    let mut sender = listener.connect().await;
    let many = format!("{ADMIT}{}", "NTE|1\r".repeat(100_000));
    let nested = numbered("N-1").replace("12 MG Road", &"\\H\\\\E\\T\\E\\\\X41\\\\.sp9999\\".repeat(200));
    for (expected, message) in [
        ("AE|", "hello".to_owned()),
        ("AE|", String::new()),
        ("AE|MSG-0001", ADMIT.replace("PID|", "ZZZ|")),
        ("AR|MSG-0001", ADMIT.replace("ADT^A01", "ADT^A99")),
        ("AE|MSG-0001", many),
        ("AA|N-1", nested),
        ("AA|N-2", numbered("N-2")),
    ] {
        let shown: String = message.chars().take(60).collect();
        let ack = sender.send(&message).await;
        assert!(ack.contains(&format!("MSA|{expected}")), "{shown}: {ack}");
    }
    assert_eq!(hospital.count("hl7_messages WHERE status = 'PARKED'").await, 5);
    let waiting = hospital.server.get("/api/patients/hl7/parked/", &hospital.receptionist()).await.expect(200).body;
    assert_eq!((&waiting["count"], &waiting["results"][0]["received_via"]), (&json!(5), &json!("MLLP")), "{waiting}");
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_frame_leaves_nothing_and_an_endless_one_ends() {
    let hospital = Hospital::open().await;
    let listener = Listener::start_with(&hospital, |config| config.deadline = Duration::from_secs(2)).await;
    // Hangs up in the middle.
    let mut half = listener.connect().await;
    half.write(&frame(ADMIT.as_bytes())[..200]).await;
    drop(half);
    // Never ends, and trickles on so as not to seem silent.
    let mut endless = listener.connect().await;
    endless.write(&frame(ADMIT.as_bytes())[..200]).await;
    let (mut read, mut write) = endless.stream.into_split();
    let trickle = tokio::spawn(async move {
        while write.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let mut rest = Vec::new();
    let _reset = timeout(LONG, read.read_to_end(&mut rest)).await.expect("the listener ends it");
    assert!(rest.is_empty());
    timeout(LONG, trickle).await.expect("and it cannot go on").unwrap();
    assert_eq!(hospital.count("hl7_messages").await, 0);
    assert!(listener.connect().await.send(ADMIT).await.contains("MSA|AA|"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gigabyte_is_refused_with_the_first_byte_too_many() {
    let hospital = Hospital::open().await;
    let listener = Listener::start(&hospital).await;
    let sender = listener.connect().await;
    let (mut read, mut write) = sender.stream.into_split();
    let flood = tokio::spawn(async move {
        let mut sent = 0_u64;
        if write.write_all(&frame(ADMIT.as_bytes())[..300]).await.is_err() {
            return sent;
        }
        let chunk = vec![b'A'; 64 * 1024];
        while sent < 1024 * 1024 * 1024 && write.write_all(&chunk).await.is_ok() {
            sent += 64 * 1024;
        }
        sent
    });
    let mut heard = Vec::new();
    let mut byte = [0; 1024];
    while let Ok(Ok(count @ 1..)) = timeout(LONG, read.read(&mut byte)).await {
        heard.extend_from_slice(&byte[..count]);
    }
    let sent = timeout(LONG, flood).await.expect("the listener hangs up").unwrap();
    assert!(sent < 256 * 1024 * 1024, "{sent} bytes were taken");
    let heard = String::from_utf8_lossy(&heard).into_owned();
    // A reset may overtake the refusal; where it came it is addressed.
    assert!(heard.is_empty() || heard.contains("\rMSA|AE|MSG-0001"), "{heard}");
    assert_eq!(hospital.count("hl7_messages").await, 0);
    // The same as a frame that ends, one byte too long, is refused for sure.
    let mut sender = listener.connect().await;
    let long = format!("{ADMIT}NTE|1||{}\r", "x".repeat(hl7::MAX_BYTES));
    assert!(sender.send(&long[..hl7::MAX_BYTES + 1]).await.contains("\rMSA|AE|MSG-0001"));
    assert!(sender.is_closed().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_come_in_and_who_is_one_too_many_is_sent_away() {
    let hospital = Hospital::open().await;
    let elsewhere = Listener::start_with(&hospital, |config| config.allow = vec!["10.0.0.0/8".parse().unwrap()]).await;
    assert!(elsewhere.connect().await.is_closed().await);
    let small = Listener::start_with(&hospital, |config| config.max_connections = 1).await;
    let mut first = small.connect().await;
    assert!(first.send(ADMIT).await.contains("MSA|AA|"));
    assert!(small.connect().await.is_closed().await);
    drop(first);
    eventually(|| async {
        let mut next = small.connect().await;
        // Closed at once, or served.
        next.stream.write_all(&frame(ADMIT.as_bytes())).await.is_ok() && next.hear().await.is_some()
    })
    .await;
    // Something else than MLLP, and silence.
    let strict = Listener::start_with(&hospital, |config| config.idle = Duration::from_secs(1)).await;
    assert!(strict.connect().await.is_closed().await, "silent for too long");
    let mut web = strict.connect().await;
    let _cut_short = web.stream.write_all("GET / HTTP/1.1\r\n".repeat(8192).as_bytes()).await;
    assert!(web.is_closed().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_acknowledged_while_the_database_is_away() {
    let hospital = Hospital::open().await;
    let listener = Listener::start_with(&hospital, |config| config.deadline = Duration::from_secs(120)).await;
    let mut sender = listener.connect().await;
    assert!(sender.send(&numbered("D-0")).await.contains("\rMSA|AA|D-0"));
    hospital
        .db
        .sql(
            "DO $$ BEGIN EXECUTE format('REVOKE CONNECT ON DATABASE %I FROM PUBLIC', current_database()); END $$; \
             SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .await;
    let ack = timeout(Duration::from_secs(120), sender.send(&numbered("D-1"))).await.expect("an answer");
    assert!(ack.contains("\rMSA|AR|D-1"), "{ack}");
    let mut quiet = listener.connect().await;
    let ack = timeout(Duration::from_secs(120), quiet.send(&enhanced("D-2", "AL", "AL"))).await.expect("an answer");
    assert!(ack.contains("\rMSA|CR|D-2"), "{ack}");
    hospital
        .db
        .sql("DO $$ BEGIN EXECUTE format('GRANT CONNECT ON DATABASE %I TO PUBLIC', current_database()); END $$")
        .await;
    assert_eq!(hospital.count("hl7_messages").await, 1);
    // Sent again, as that acknowledgment asks for, it is taken.
    assert!(sender.send(&numbered("D-1")).await.contains("\rMSA|AA|D-1"));
    assert_eq!(hospital.count("hl7_messages WHERE status = 'APPLIED'").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_stored_and_not_applied_is_applied_later() {
    let hospital = Hospital::open().await;
    let listener = Listener::start(&hospital).await;
    let mut sender = listener.connect().await;
    hospital.db.sql("ALTER TABLE outbox RENAME TO outbox_away").await;
    // In original mode it is to be sent again; who wanted a receipt has it, rightly.
    assert!(sender.send(&numbered("L-1")).await.contains("\rMSA|AR|L-1"));
    assert!(sender.send(&enhanced("L-2", "AL", "NE")).await.contains("\rMSA|CA|L-2"));
    let left = "hl7_messages WHERE status = 'RECEIVED' AND attempts = 1";
    eventually(|| async { hospital.count(left).await == 2 }).await;
    assert_eq!(hospital.count("patients").await, 0);
    assert_eq!(backlog::round(&listener.desk).await.unwrap(), 0, "not while somebody may still work on it");
    hospital.db.sql("UPDATE hl7_messages SET received_at = now() - interval '2 minutes'").await;
    assert_eq!(backlog::round(&listener.desk).await.unwrap(), 0, "it fails again, and stays");
    hospital.db.sql("ALTER TABLE outbox_away RENAME TO outbox").await;
    hospital.db.sql("UPDATE hl7_messages SET received_at = now() - interval '1 hour'").await;
    assert_eq!(backlog::round(&listener.desk).await.unwrap(), 2);
    assert_eq!(hospital.count("hl7_messages WHERE status = 'APPLIED'").await, 2);
    assert_eq!(hospital.count("patients").await, 1);
    assert!(sender.send(&numbered("L-1")).await.contains("\rMSA|AA|L-1"), "what it was acknowledged with since");
    // What a fault of ours keeps from being applied time and again waits for a person.
    hospital.db.sql("UPDATE hl7_messages SET status = 'RECEIVED', attempts = 12, received_at = now() - interval '9 days' WHERE control_id = 'L-2'").await;
    assert_eq!(backlog::round(&listener.desk).await.unwrap(), 1);
    assert_eq!(hospital.count("hl7_messages WHERE status = 'PARKED' AND reason LIKE 'could not be applied%'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_a_sender_shows_who_it_is() {
    let hospital = Hospital::open().await;
    let authority = Authority::new();
    let folder = std::env::temp_dir().join(format!("ehs-mllp-{}", uuid::Uuid::new_v4().simple()));
    std::fs::create_dir(&folder).unwrap();
    let (certificate, key) = authority.pair(&["127.0.0.1"], 30);
    for (name, text) in [("cert.pem", &certificate), ("key.pem", &key), ("ca.pem", &authority.pem)] {
        std::fs::write(folder.join(name), text).unwrap();
    }
    let path = |name: &str| folder.join(name).display().to_string();
    let (cert_file, key_file, ca_file) = (path("cert.pem"), path("key.pem"), path("ca.pem"));
    let mut env = chassis::env::Env::of([
        ("EHS_MLLP_LISTEN", "127.0.0.1:0"),
        ("EHS_MLLP_TLS_CERT_FILE", &cert_file),
        ("EHS_MLLP_TLS_KEY_FILE", &key_file),
        ("EHS_MLLP_TLS_CLIENT_CA_FILE", &ca_file),
    ]);
    let config = MllpConfig::read(&mut env);
    let tls = env.finish(config).unwrap().unwrap().tls;
    let listener = Listener::start_with(&hospital, |config| config.tls = tls).await;
    std::fs::remove_dir_all(&folder).unwrap();

    let connect = async |with_certificate: bool| {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = rustls::RootCertStore::empty();
        roots.add(pem(&authority.pem)).unwrap();
        let builder = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let client = if with_certificate {
            let (certificate, key) = authority.pair(&["his.example.in"], 30);
            builder.with_client_auth_cert(vec![pem(&certificate)], secret(&key)).unwrap()
        } else {
            builder.with_no_client_auth()
        };
        let stream = TcpStream::connect(listener.address).await.unwrap();
        tokio_rustls::TlsConnector::from(Arc::new(client)).connect("127.0.0.1".try_into().unwrap(), stream).await
    };
    let mut sender = Sender::of(connect(true).await.unwrap());
    assert!(sender.send(ADMIT).await.contains("\rMSA|AA|MSG-0001"));
    // Without a certificate, and without TLS, nobody gets a word in.
    if let Ok(stream) = connect(false).await {
        let mut nobody = Sender::of(stream);
        let _refused = nobody.stream.write_all(&frame(numbered("T-2").as_bytes())).await;
        assert!(nobody.is_closed().await);
    }
    let mut plain = listener.connect().await;
    plain.write(&frame(numbered("T-3").as_bytes())).await;
    let mut rest = Vec::new();
    let _reset = timeout(LONG, plain.stream.read_to_end(&mut rest)).await.expect("it is closed");
    assert!(!rest.windows(3).any(|part| part == b"MSA"));
    assert_eq!(hospital.count("hl7_messages").await, 1);
}

fn pem<T: rustls::pki_types::pem::PemObject>(text: &str) -> T {
    T::from_pem_slice(text.as_bytes()).ok().unwrap()
}

fn secret(text: &str) -> rustls::pki_types::PrivateKeyDer<'static> {
    pem(text)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_stops_finishes_what_has_begun() {
    let hospital = Hospital::open().await;
    let listener = Listener::start(&hospital).await;
    let mut idle = listener.connect().await;
    assert!(idle.send(&numbered("S-0")).await.contains("MSA|AA|"));
    let mut busy = listener.connect().await;
    let bytes = frame(numbered("S-1").as_bytes());
    busy.write(&bytes[..200]).await;
    // The beginning is there before the stop is.
    tokio::time::sleep(Duration::from_secs(1)).await;
    listener.stop.cancel();
    assert!(idle.is_closed().await);
    busy.write(&bytes[200..]).await;
    assert!(busy.hear().await.unwrap().contains("\rMSA|AA|S-1"));
    assert!(busy.is_closed().await);
    timeout(LONG, listener.task).await.expect("it ends").unwrap().unwrap();
    assert!(TcpStream::connect(listener.address).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_in_a_frame_gets_one_answer_for_all() {
    let hospital = Hospital::open().await;
    let listener = Listener::start(&hospital).await;
    let batch = format!(
        "BHS|^~\\&|HIS|APOLLO CHENNAI|EHS|EHS CHENNAI||||||B-1\r{}{}{}BTS|3\r",
        numbered("B-11"),
        numbered("B-12").replace("PID|", "ZZZ|"),
        numbered("B-13")
    );
    let mut sender = listener.connect().await;
    let answer = sender.send(&batch).await;
    assert!(answer.starts_with("BHS|^~\\&|EHS|EHS CHENNAI|HIS|APOLLO CHENNAI|"), "{answer}");
    for expected in ["2 of 3 accepted", "MSA|AA|B-11\r", "MSA|AE|B-12\r", "MSA|AA|B-13\r", "\rBTS|3\r"] {
        assert!(answer.contains(expected), "{expected}: {answer}");
    }
    assert_eq!(hospital.count("hl7_messages WHERE received_via = 'MLLP'").await, 3);
}
