//! bench
use anyhow::Result;
/// bench
pub async fn bench(_write: bool, _seconds: u64, _concurrency: usize) -> Result<()> {
    Ok(())
}
