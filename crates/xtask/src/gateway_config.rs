//! The gateway's configuration for a system on this machine.

use std::path::PathBuf;

use anyhow::Result;

use crate::home::Home;

/// Writes it and says where.
pub fn write(home: &Home) -> Result<PathBuf> {
    let path = home.path("gateway.yaml");
    std::fs::write(&path, "")?;
    Ok(path)
}
