//! Many clients issue, pay, refund and cancel, take advances, use them and give them back, and pay by the provider, at random,
//! while connections to PostgreSQL and workers are killed. Then the books are proven, and what the workers had to do is done.
//!
//! Short as a rule; `EHS_TEST_CHAOS_CLIENTS=500 EHS_TEST_CHAOS_SECONDS=60 EHS_TEST_CHAOS_INVOICES=200` is the full measure.
//!
//! - [`client`]: who does something; - [`worker`]: who is killed; - [`told`], [`papers`]: what has to be there afterwards.

mod client;
mod papers;
mod told;
mod worker;

use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ::events::v1::Envelope;
use ::events::{Outbox, Payload, envelope};
use billing::heard::SUBSCRIBER;
use billing::numbering::day_in_india;
use chrono::{Days, Utc};
use futures_util::future::join_all;
use prost::Message;
use serde_json::json;
use testkit::Queues;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::client::{Client, Promised};
use self::told::{Told, listen};
use self::worker::{Worker, killed_at_random};
use crate::clinic::{ASHA, Clinic, invoice, serve, with};
use crate::events::{event, visit};
use crate::provider::Provider;
use crate::verify::findings;

/// With nothing more done for so long, what is left is lost. A message that a killed worker had taken is there again sooner.
const LOST_AFTER: Duration = Duration::from_secs(90);
/// The first of the visits that end meanwhile.
const VISITS: i64 = 1_000;

fn scale(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

struct Dice(u64);

impl Dice {
    fn of(seed: u64) -> Self {
        Self(seed * 7_919 + 1)
    }

    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % most as u64) as usize
    }
}

/// A clinic with all that its workers work with.
struct Hospital {
    clinic: Clinic,
    provider: Provider,
    queues: Queues,
    http: reqwest::Client,
}

impl Hospital {
    async fn new() -> Self {
        let (mut clinic, provider) = (Clinic::new().await, Provider::start().await);
        clinic.app.outbox = Outbox::with(told::subscriptions());
        clinic.app.provider = Some(provider.client());
        clinic.server = serve(&clinic.app).await;
        let queues = Queues::of(told::subscriptions()).await;
        // many clients of a small machine wait long
        let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).timeout(Duration::from_secs(60));
        let http = http.build().unwrap();
        Self { clinic, provider, queues, http }
    }

    /// Kills connections, and now and then lets time pass: how many were killed.
    async fn disturb(&self, until: Instant) -> i64 {
        let some = "SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity \
                    WHERE datname = current_database() AND pid <> pg_backend_pid() ORDER BY random() LIMIT 2) AS victims";
        let mut killed = 0;
        for round in 1.. {
            if Instant::now() >= until {
                break;
            }
            killed += self.clinic.db.number(some).await;
            if round % 5 == 0 {
                self.days_pass().await;
                self.minutes_pass().await;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        killed
    }

    /// Some bills are due the day before yesterday.
    async fn days_pass(&self) {
        let past = "SET LOCAL session_replication_role = replica; UPDATE invoices SET due_date = due_date - 3 WHERE id IN ( \
                    SELECT id FROM invoices WHERE due_date >= day_in_india(now()) AND status <> 'DRAFT' ORDER BY random() LIMIT 5 FOR UPDATE SKIP LOCKED)";
        self.clinic.db.sql(past).await;
    }

    /// What was left for some minutes, to whoever had taken it or because it was too early, is due.
    async fn minutes_pass(&self) {
        self.clinic.db.sql("UPDATE papers SET due_at = now() WHERE content IS NOT NULL").await;
        self.clinic.db.sql("UPDATE provider_orders SET check_at = now() WHERE check_at IS NOT NULL").await;
        self.clinic.db.sql("UPDATE provider_refunds SET try_at = now() WHERE try_at IS NOT NULL").await;
    }

    /// Visits end, each of which is a draft: how many.
    async fn visits_end(&self, until: Instant) -> i64 {
        let mut ended = 0;
        while Instant::now() < until {
            let id = VISITS + ended;
            let over = event(("appointment", id), Payload::AppointmentCompleted(visit(id, ASHA)));
            self.send(&over).await;
            ended += 1;
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
        ended
    }

    /// Sends until the queue has it: where only the answer was lost, it has it twice.
    async fn send(&self, event: &Envelope) {
        let sqs = self.queues.sqs();
        let (url, body) = (sqs.url(SUBSCRIBER).await.unwrap(), envelope::to_wire(&event.encode_to_vec()));
        for _ in 0..20 {
            let message = sqs.client().send_message().queue_url(&url).message_body(&body);
            let message = message.message_group_id(event.message_group());
            if message.message_deduplication_id(Uuid::new_v4().to_string()).send().await.is_ok() {
                return;
            }
        }
        panic!("the queue takes no event");
    }

    /// How much the workers have to do.
    async fn left(&self) -> i64 {
        let waiting = "SELECT (SELECT count(*) FROM outbox) \
            + (SELECT count(*) FROM papers WHERE made_at IS NULL OR content IS NOT NULL) \
            + (SELECT count(*) FROM provider_orders WHERE check_at IS NOT NULL) \
            + (SELECT count(*) FROM provider_refunds WHERE try_at IS NOT NULL)";
        self.clinic.db.number(waiting).await + i64::from(self.queues.depth(SUBSCRIBER).await)
    }

    /// A worker does what is left, undisturbed.
    async fn recover(&self) {
        let worker = Worker::at_work(self).await;
        let (mut least, mut when) = (i64::MAX, Instant::now());
        for round in 0.. {
            if round % 50 == 0 {
                self.minutes_pass().await;
            }
            let left = self.left().await;
            if left == 0 {
                break;
            }
            if left < least {
                (least, when) = (left, Instant::now());
            }
            assert!(when.elapsed() < LOST_AFTER, "{left} things are never done");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        drop(worker);
        // on a slow machine the time of the clients may have been over before any did
        self.days_pass().await;
        // one that begins looks at once for what is overdue, as each does every few minutes
        let _worker = Worker::at_work(self).await;
        let when = Instant::now();
        loop {
            let late = self.clinic.db.number(&late("('ISSUED', 'PARTIALLY_PAID')")).await;
            if late == 0 {
                return;
            }
            assert!(when.elapsed() < LOST_AFTER, "{late} bills are never said to be overdue");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Bills past their due date, of such a status.
fn late(statuses: &str) -> String {
    let today = day_in_india(Utc::now());
    format!("SELECT count(*) FROM invoices WHERE due_date < '{today}' AND status IN {statuses}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "says how much was done, where it is scaled up")]
async fn no_paisa_is_made_or_lost() {
    let (clients, seconds) = (scale("EHS_TEST_CHAOS_CLIENTS", 10), scale("EHS_TEST_CHAOS_SECONDS", 4));
    let most = usize::try_from(scale("EHS_TEST_CHAOS_INVOICES", 12)).unwrap();
    let (hospital, promised) = (Hospital::new().await, Promised::default());
    let tomorrow = day_in_india(Utc::now()) + Days::new(1);
    for _ in 0..3 {
        let bill = with(&invoice(ASHA), json!({"due_date": tomorrow}));
        let issued = hospital.clinic.bill(&bill).await.expect(201).body["id"].as_i64().unwrap();
        promised.invoices.lock().unwrap().push(issued);
    }
    let until = Instant::now() + Duration::from_secs(seconds);
    let client = |seed| Client { hospital: &hospital, promised: &promised, dice: Dice::of(seed), most };
    let longest = Duration::from_millis(1_500 + seconds * 100);
    let stop = CancellationToken::new();
    let (told, (connections, visits, killed, left)) = tokio::join!(listen(&hospital.queues, stop.clone()), async {
        let working = join_all((1..=clients).map(|seed| client(seed).work(until)));
        let killing = join_all([11, 12].map(|seed| killed_at_random(&hospital, Dice::of(seed), longest, until)));
        let (connections, visits, _, killed) =
            tokio::join!(hospital.disturb(until), hospital.visits_end(until), working, killing);
        let left = hospital.left().await;
        hospital.recover().await;
        stop.cancel();
        (connections, visits, killed, left)
    });
    assert!(killed.iter().all(|killed| *killed > 0), "workers were killed at work: {killed:?}");

    assert_eq!(findings(&hospital.clinic).await, [""; 0]);
    assert_is_in_the_books(&hospital.clinic, &promised).await;
    let papers = papers::assert_all_are_kept(&hospital.clinic, &promised).await;
    assert_work_is_done(&hospital, &promised, &told, visits).await;
    let [refused, unavailable] = [&promised.refused, &promised.unavailable].map(|count| count.load(Ordering::Relaxed));
    assert!(connections > 0, "no connection was killed");
    let Promised { invoices, payments, online, refunds, advances, refund_vouchers, credit_notes, .. } = &promised;
    let counts = [invoices, payments, online, refunds, advances, refund_vouchers, credit_notes]
        .map(|ids| ids.lock().unwrap().len());
    println!(
        "invoices, payments, online, refunds, advances, refund vouchers, credit notes: {counts:?}; refused {refused}, \
         unavailable {unavailable}; connections killed {connections}, workers killed at work {killed:?}, {left} things left to do then, {papers} documents, \
         {visits} visits"
    );
}

/// Every 201 is in the books, and nothing else.
async fn assert_is_in_the_books(clinic: &Clinic, promised: &Promised) {
    for (table, ids) in [
        ("invoices WHERE NOT drafted_by_event", &promised.invoices),
        ("payments WHERE method <> 'ONLINE'", &promised.payments),
        ("payments WHERE method = 'ONLINE'", &promised.online),
        // the worker sends back what came when nothing was owed
        ("refunds WHERE refunded_by IS NOT NULL", &promised.refunds),
        ("advances WHERE true", &promised.advances),
        ("refund_vouchers WHERE true", &promised.refund_vouchers),
    ] {
        assert_are_all(clinic, table, "id", ids).await;
    }
    assert_are_all(clinic, "credit_notes WHERE true", "invoice_id", &promised.credit_notes).await;
    assert!(!promised.credit_notes.lock().unwrap().is_empty(), "nothing was cancelled");
}

async fn assert_are_all(clinic: &Clinic, table: &str, id: &str, ids: &Mutex<Vec<i64>>) {
    let mut ids = ids.lock().unwrap().clone();
    let promised = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), promised, "{table}: one answer for each");
    let list = ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let kept = clinic.db.number(&format!("SELECT count(*) FROM {table}")).await;
    let found = clinic.db.number(&format!("SELECT count(*) FROM {table} AND {id} = ANY('{{{list}}}')")).await;
    assert_eq!((found, kept), (promised as i64, promised as i64), "{table}: every 201 is there, and nothing else");
}

/// What was told, heard, settled and is overdue.
async fn assert_work_is_done(hospital: &Hospital, promised: &Promised, told: &Told, visits: i64) {
    let db = &hospital.clinic.db;
    told.assert_is(promised);
    let drafts = "SELECT count(*) FROM invoices WHERE drafted_by_event";
    let of_visits = format!("{drafts} AND appointment_id BETWEEN {VISITS} AND {VISITS} + {visits} - 1");
    assert_eq!((db.number(drafts).await, db.number(&of_visits).await), (visits, visits), "a draft for each visit");
    assert_eq!(hospital.queues.dead_letter_count(SUBSCRIBER).await, 0);

    let waiting = "SELECT count(*) FROM payments WHERE status NOT IN ('COMPLETED', 'RETURNED')";
    assert_eq!(db.number(waiting).await, 0, "every order that was paid is known to be");
    assert_eq!(db.number("SELECT count(*) FROM refunds WHERE status <> 'COMPLETED'").await, 0);
    let sum = |table: &str| format!("SELECT coalesce(sum(amount), 0) FROM {table} WHERE method = 'ONLINE'");
    let booked = (db.number(&sum("payments")).await, db.number(&sum("refunds")).await);
    assert_eq!(booked, hospital.provider.taken_and_sent_back(), "the provider has what the books say");
    let held = "SELECT coalesce(sum(amount), 0) FROM postings WHERE account = 'PROVIDER'";
    assert_eq!(db.number(held).await, booked.0 - booked.1);

    assert!(db.number(&late("('OVERDUE', 'PAID', 'REFUNDED', 'CANCELLED')")).await > 0, "nothing was ever due");
}
