//! The head of the chain goes to the log, and what the log says shows an end that was cut off.

use std::io;
use std::sync::{Arc, Mutex};

use audit::verify::{Seen, verify};
use audit::worker;
use serde_json::Value;
use testkit::{TestDb, eventually};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::fmt::MakeWriter;

use crate::clinic::{migrations, trail};

/// The lines that were logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Log {
    /// The last head that it names.
    fn head(&self) -> Option<Seen> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let mut lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let last = lines.rfind(|line| line["fields"]["message"] == "audit chain head")?;
        let fields = &last["fields"];
        Some(Seen { seq: fields["seq"].as_i64()?, hash: fields["hash"].as_str()?.to_owned() })
    }
}

async fn work_until(db: &TestDb, is_so: impl AsyncFn() -> bool) {
    let stop = CancellationToken::new();
    let working = worker::run(db.pool().await, stop.clone());
    let watching = async {
        eventually(|| is_so()).await;
        stop.cancel();
    };
    let (worked, ()) = tokio::join!(working, watching);
    worked.unwrap();
}

#[tokio::test]
async fn the_worker_logs_the_head_and_a_cut_end_shows_against_it() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().json().with_writer(log.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let db = TestDb::new("patients", migrations()).await;
    let mut conn = db.connect().await;
    for id in 1..=3 {
        audit::write(&mut conn, &trail("GET /x/", [id]), [id]).await.unwrap();
        let links = format!("SELECT coalesce(sum(rows), 0) FROM audit_link HAVING coalesce(sum(rows), 0) = {id}");
        work_until(&db, async || db.number(&format!("SELECT count(*) FROM ({links}) AS all_linked")).await == 1).await;
    }
    // A worker that starts says the head at once, and from then on every minute.
    work_until(&db, async || log.head().is_some_and(|head| head.seq == 3)).await;
    let seen = log.head().unwrap();
    assert!(verify(&mut conn, Some(&seen)).await.unwrap().holds);
    db.sql(
        "SET session_replication_role = replica; \
         DELETE FROM audit_log WHERE tx >= (SELECT first_tx FROM audit_link WHERE seq = 3); DELETE FROM audit_link WHERE seq = 3",
    )
    .await;
    assert!(verify(&mut conn, None).await.unwrap().holds, "the rest is whole by itself");
    let cut = verify(&mut conn, Some(&seen)).await.unwrap();
    assert_eq!((cut.holds, cut.holds_head), (false, Some(false)));
}
