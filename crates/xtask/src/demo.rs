//! demo
use crate::home::Home;
use anyhow::Result;
/// demo
pub async fn demo(_home: &Home) -> Result<()> {
    Ok(())
}
