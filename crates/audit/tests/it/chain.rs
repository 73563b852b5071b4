//! What the chain shows.

use std::time::Duration;

use audit::chain::hex;
use audit::link::{Head, Linked, link};
use audit::row::Outcome;
use audit::verify::{Seen, Verdict, Verification, verify};
use diesel_async::AsyncConnection;
use testkit::TestDb;

use crate::clinic::{link_all, migrations, recorder, trail};

async fn database() -> TestDb {
    TestDb::new("patients", migrations()).await
}

/// So many rows, each in a transaction of its own, linked in links of two.
async fn linked(db: &TestDb, rows: i64) {
    let mut conn = db.connect().await;
    for id in 1..=rows {
        audit::write(&mut conn, &trail("GET /x/", [id]), [id]).await.unwrap();
        if id % 2 == 0 {
            link_all(&db.app_url).await;
        }
    }
    link_all(&db.app_url).await;
}

async fn verdict(db: &TestDb) -> Verdict {
    verify(&mut db.connect().await, None).await.unwrap()
}

/// As whoever owns the machine can: past every trigger.
async fn tamper(db: &TestDb, sql: &str) {
    db.sql(&format!("SET session_replication_role = replica; {sql}")).await;
}

#[tokio::test]
async fn an_untouched_chain_holds() {
    let db = database().await;
    assert!(verdict(&db).await.holds, "an empty one");
    linked(&db, 9).await;
    let found = verdict(&db).await;
    assert!(found.holds, "{found:?}");
    assert_eq!((found.rows, found.unlinked), (9, 0));
    assert_eq!(link(&mut db.connect().await).await.unwrap(), Linked::default(), "nothing is linked twice");
}

#[tokio::test]
async fn change_removal_reorder_addition_and_missing_links_show() {
    for sql in [
        "UPDATE audit_log SET actor = 99 WHERE patients = '{3}'",
        "UPDATE audit_log SET patients = '{77}' WHERE patients = '{3}'",
        "UPDATE audit_log SET at = at + interval '1 microsecond' WHERE patients = '{3}'",
        "DELETE FROM audit_log WHERE patients = '{3}'",
        "DELETE FROM audit_log WHERE patients = '{9}'",
        "UPDATE audit_log SET tx = CASE WHEN patients = '{3}' THEN (SELECT tx FROM audit_log WHERE patients = '{4}') \
         ELSE (SELECT tx FROM audit_log WHERE patients = '{3}') END WHERE patients IN ('{3}', '{4}')",
        "INSERT INTO audit_log (tx, at, action, object, patients, outcome) \
         SELECT tx, now(), 'x', 'x', '{}', 'SUCCESS' FROM audit_log WHERE patients = '{3}'",
        "INSERT INTO audit_log (tx, at, action, object, patients, outcome) VALUES (1, now(), 'x', 'x', '{}', 'SUCCESS')",
        "DELETE FROM audit_link WHERE seq = 2",
        "UPDATE audit_link SET hash = sha256('') WHERE seq = 2",
        "DELETE FROM audit_log WHERE tx < (SELECT end_tx FROM audit_link WHERE seq = 1); DELETE FROM audit_link WHERE seq = 1",
    ] {
        let db = database().await;
        linked(&db, 9).await;
        tamper(&db, sql).await;
        let found = verdict(&db).await;
        assert!(!found.holds && !found.faults.is_empty(), "{sql}: {found:?}");
    }
}

#[tokio::test]
async fn an_end_that_was_cut_off_shows_against_the_head_in_the_log() {
    let db = database().await;
    linked(&db, 9).await;
    let head = Head::find(&mut db.connect().await).await.unwrap();
    let seen = Seen { seq: head.seq, hash: hex(&head.hash) };
    let whole = verify(&mut db.connect().await, Some(&seen)).await.unwrap();
    assert_eq!((whole.holds, whole.holds_head), (true, Some(true)));
    tamper(
        &db,
        "DELETE FROM audit_log WHERE tx >= (SELECT first_tx FROM audit_link ORDER BY seq DESC LIMIT 1); \
         DELETE FROM audit_link WHERE seq = (SELECT max(seq) FROM audit_link)",
    )
    .await;
    assert!(verdict(&db).await.holds, "by itself the rest is whole");
    let cut = verify(&mut db.connect().await, Some(&seen)).await.unwrap();
    assert_eq!((cut.holds, cut.holds_head), (false, Some(false)), "{cut:?}");
}

/// What the next answer says, of answers that verify a link each.
async fn part(db: &TestDb, verification: &mut Verification) -> Verdict {
    verification.go_on(&mut db.connect().await, Some(Duration::ZERO)).await.unwrap()
}

/// What the last of them says.
async fn in_parts(db: &TestDb, mut verification: Verification) -> Verdict {
    loop {
        let verdict = part(db, &mut verification).await;
        if verification.is_over() {
            return verdict;
        }
    }
}

#[tokio::test]
async fn a_long_chain_is_verified_part_by_part() {
    let db = database().await;
    linked(&db, 9).await;
    let whole = verdict(&db).await;
    let found = in_parts(&db, Verification::new(None)).await;
    assert_eq!((found.holds, found.links, found.rows), (true, whole.links, 9));
    assert_eq!((found.seq, &found.head), (whole.seq, &whole.head));

    let head = Seen { seq: whole.seq, hash: whole.head };
    let mut verification = Verification::new(Some(head.clone()));
    let first = part(&db, &mut verification).await;
    assert_eq!((first.links, first.holds, first.holds_head), (1, true, None), "the head is not reached yet");
    assert_eq!(in_parts(&db, verification).await.holds_head, Some(true));
    let beyond = in_parts(&db, Verification::new(Some(Seen { seq: head.seq + 1, ..head }))).await;
    assert_eq!((beyond.holds, beyond.holds_head), (false, Some(false)));
}

#[tokio::test]
async fn what_one_part_finds_amiss_the_last_one_still_says() {
    let db = database().await;
    linked(&db, 9).await;
    let mut verification = Verification::new(None);
    assert!(part(&db, &mut verification).await.holds);
    tamper(&db, "UPDATE audit_log SET actor = 99 WHERE patients = '{3}'").await;
    let second = part(&db, &mut verification).await;
    assert!(!second.holds && second.faults.len() == 1, "{second:?}");
    let last = in_parts(&db, verification).await;
    assert!(!last.holds && last.faults.is_empty(), "{last:?}");
}

#[tokio::test]
async fn a_past_that_is_written_anew_between_two_parts_shows() {
    let db = database().await;
    linked(&db, 9).await;
    let mut verification = Verification::new(None);
    part(&db, &mut verification).await;
    tamper(&db, "TRUNCATE audit_link; UPDATE audit_log SET actor = 99 WHERE patients = '{1}'").await;
    link_all(&db.app_url).await;
    assert!(verdict(&db).await.holds, "the new chain is whole by itself");
    assert!(!in_parts(&db, verification).await.holds, "it does not follow from what was verified");
}

#[tokio::test]
async fn a_transaction_that_is_late_is_linked_behind_and_in_order() {
    let db = database().await;
    let mut slow = db.connect().await;
    slow.transaction(async |slow| {
        audit::write(slow, &trail("GET /slow/", [1]), [1]).await?;
        audit::write(&mut db.connect().await, &trail("GET /fast/", [2]), [2]).await?;
        assert_eq!(link(&mut db.connect().await).await?, Linked::default(), "what is older is not committed yet");
        Ok::<_, diesel::result::Error>(())
    })
    .await
    .unwrap();
    link_all(&db.app_url).await;
    assert!(verdict(&db).await.holds);
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_that_link_at_once_make_one_chain() {
    let db = database().await;
    let recorder = recorder(&db.app_url);
    let url = db.app_url.clone();
    let linkers: Vec<_> = (0..3)
        .map(|_| {
            let url = url.clone();
            tokio::spawn(async move {
                let mut conn = diesel_async::AsyncPgConnection::establish(&url).await.unwrap();
                for _ in 0..60 {
                    link(&mut conn).await.unwrap();
                    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                }
            })
        })
        .collect();
    for round in 0..20 {
        let all = (0..20).map(|one| {
            let recorder = recorder.clone();
            async move { recorder.record(&trail("GET /x/", [round * 20 + one]), Outcome::Success).await.unwrap() }
        });
        futures_util::future::join_all(all).await;
    }
    for linker in linkers {
        linker.await.unwrap();
    }
    link_all(&db.app_url).await;
    let found = verdict(&db).await;
    assert!(found.holds, "{found:?}");
}
