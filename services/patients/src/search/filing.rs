//! Putting what was written of patients into its places in the indexes that take parts of words and numbers.
//!
//! One patient has some fifty such parts. They wait in a short list that every search reads too, and are filed by the worker, many
//! patients' at once: that costs a fraction of filing each patient's by itself, and no registration waits for it. With no worker
//! PostgreSQL files them when the list is full.

use std::time::Duration;

use chassis::db::Pool;
use chassis::prepared::Prepare as _;
use diesel_async::RunQueryDsl;
use tokio_util::sync::CancellationToken;

/// How long a part waits.
const PAUSE: Duration = Duration::from_millis(500);

/// Files what waits until `stop` is cancelled.
///
/// # Errors
/// Never; what fails is tried again.
pub async fn run(pool: Pool, stop: CancellationToken) -> anyhow::Result<()> {
    while stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await.is_some() {
        if let Err(fault) = file(&pool).await {
            tracing::warn!(fault = format!("{fault:#}"), "what search has to find is not filed yet");
        }
    }
    Ok(())
}

async fn file(pool: &Pool) -> anyhow::Result<()> {
    diesel::sql_query("SELECT search_files()").prepared().execute(&mut *pool.get().await?).await?;
    Ok(())
}
