//! `cargo xtask openapi`: renews every service's `openapi.json`. Tests fail while one is stale.

use anyhow::{Context, Result};
use tokio::process::Command;

use crate::cargo::{Binaries, Profile};
use crate::home::root;
use crate::process::run;
use crate::system::SERVICES;

/// Builds the services and writes what each says of itself.
pub async fn openapi() -> Result<()> {
    let root = root()?;
    let binaries = Binaries::build(&root, Profile::Dev).await?;
    for service in SERVICES {
        let document = run(
            Command::new(binaries.path(service.name)?).arg("openapi"),
            &format!("ask {} for its document", service.name),
        )
        .await?;
        let path = root.join("services").join(service.name).join("openapi.json");
        let before = std::fs::read_to_string(&path).unwrap_or_default();
        std::fs::write(&path, &document).with_context(|| format!("cannot write {}", path.display()))?;
        say!(
            "services/{}/openapi.json {}",
            service.name,
            if before == document { "was up to date" } else { "is renewed" }
        );
    }
    Ok(())
}
