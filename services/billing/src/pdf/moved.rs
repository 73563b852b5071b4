//! Takes documents to the store, from where PostgreSQL keeps them until then: those that are new, and those that were made
//! when there was no store. A document's object is named in its row before its first byte is stored, and its bytes are
//! always the same, so that whoever breaks off, or does it a second time, leaves nothing that no row knows of. PostgreSQL
//! lets go of the bytes once they were read back.

use std::time::Duration;

use anyhow::{Context, ensure};
use chassis::db::Pool;
use chassis::strict_json::digest;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bytea, Double, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use object_store::{Key, Store};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::kept::{FOLDER, MEDIA, PaperKind};
use crate::schema::papers;

/// Documents of one round.
const AT_ONCE: i64 = 20;
/// How long they are left to whoever took them.
const CLAIM_SECONDS: f64 = 300.0;
/// Pauses between rounds: the usual one, and the longest while the store is away.
const PAUSES: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(300));

#[derive(QueryableByName)]
struct Taken {
    #[diesel(sql_type = Text)]
    kind: PaperKind,
    #[diesel(sql_type = BigInt)]
    source_id: i64,
    #[diesel(sql_type = diesel::sql_types::Uuid)]
    object: Uuid,
    #[diesel(sql_type = Bytea)]
    content: Vec<u8>,
    #[diesel(sql_type = Bytea)]
    sha256: Vec<u8>,
}

/// Moves what waits, until told to stop.
///
/// # Errors
/// Never: what goes wrong is tried again.
pub async fn run(pool: Pool, store: Store, stop: CancellationToken) -> anyhow::Result<()> {
    let mut pause = PAUSES.0;
    loop {
        match round(&pool, &store).await {
            Ok(moved) => pause = if moved == AT_ONCE { Duration::ZERO } else { PAUSES.0 },
            Err(fault) => {
                tracing::warn!(fault = format!("{fault:#}"), "documents are not taken to the store for now");
                metrics::counter!("billing_papers_moved_total", "outcome" => "failed").increment(1);
                pause = (pause * 2).clamp(PAUSES.0 * 2, PAUSES.1);
            }
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Moves a few of those that wait; how many.
///
/// # Errors
/// When PostgreSQL or the store refuses; those that are left are taken again some minutes later.
pub async fn round(pool: &Pool, store: &Store) -> anyhow::Result<i64> {
    let taken = take(&mut *pool.get().await?).await?;
    let mut moved = 0;
    for paper in taken {
        let (kind, source, object) = (paper.kind, paper.source_id, paper.object);
        move_one(store, paper).await.with_context(|| format!("{} {source}", kind.as_str()))?;
        let_go(&mut *pool.get().await?, (kind, source), object).await?;
        metrics::counter!("billing_papers_moved_total", "outcome" => "moved").increment(1);
        moved += 1;
    }
    Ok(moved)
}

/// Those that wait longest; each has its object from here on.
async fn take(conn: &mut AsyncPgConnection) -> QueryResult<Vec<Taken>> {
    diesel::sql_query(
        "UPDATE papers AS p SET due_at = now() + make_interval(secs => $2), object = coalesce(p.object, gen_random_uuid()) \
         FROM (SELECT kind, source_id FROM papers WHERE content IS NOT NULL AND due_at <= now() ORDER BY due_at LIMIT $1 \
               FOR UPDATE SKIP LOCKED) AS due \
         WHERE p.kind = due.kind AND p.source_id = due.source_id \
         RETURNING p.kind, p.source_id, p.object, p.content, p.sha256",
    )
    .bind::<BigInt, _>(AT_ONCE)
    .bind::<Double, _>(CLAIM_SECONDS)
    .load(conn)
    .await
}

async fn move_one(store: &Store, paper: Taken) -> anyhow::Result<()> {
    let key = Key::new(FOLDER, paper.object);
    store.put_bytes(key, MEDIA, paper.content.into()).await?;
    let (mut object, mut bytes) = (store.get(key).await?, Vec::new());
    while let Some(chunk) = object.chunk().await? {
        bytes.extend_from_slice(&chunk);
    }
    ensure!(digest(&bytes).as_slice() == paper.sha256, "the store has other bytes than it was given");
    Ok(())
}

async fn let_go(conn: &mut AsyncPgConnection, paper: (PaperKind, i64), object: Uuid) -> QueryResult<()> {
    diesel::update(papers::table.find(paper).filter(papers::object.eq(object)))
        .set(papers::content.eq(None::<Vec<u8>>))
        .execute(conn)
        .await
        .map(drop)
}
