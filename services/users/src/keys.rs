//! The key set that everyone checks tokens with, and the commands that make the key file.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpResponse, get, web};
use anyhow::{Context, ensure};
use auth::{Jwks, SigningKeys};
use secrecy::{ExposeSecret, SecretString};

use crate::app::App;

/// An access token lives an hour; the rest is for the start that the new key waits for, and for clocks.
const BETWEEN_ROTATIONS: Duration = Duration::from_secs(70 * 60);

/// Read the public keys.
///
/// The key that signs now, then the one that signed before, if any.
#[utoipa::path(
    tag = "keys",
    responses((status = 200, description = "the public keys (RFC 7517)", body = Jwks)),
    security(())
)]
#[get("/.well-known/jwks.json")]
pub async fn jwks(app: web::Data<App>) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "public, max-age=60")).json(app.keys.jwks())
}

/// Makes a key file that only its owner reads. Refuses to overwrite one: everybody would be signed out.
///
/// # Errors
/// When there is a file, or it cannot be written.
pub fn generate(path: &Path) -> anyhow::Result<SigningKeys> {
    let keys = SigningKeys::generate()?;
    write_new(path, &keys).with_context(|| format!("{} was not written", path.display()))?;
    Ok(keys)
}

/// A new key signs from the next start on, and the last one still verifies; the one before last does not any more. The
/// file is replaced at once or not at all.
///
/// # Errors
/// When it cannot be read or replaced, or was made so lately that access tokens of the key before last may still live.
pub fn rotate(path: &Path) -> anyhow::Result<SigningKeys> {
    let age = fs::metadata(path).and_then(|file| file.modified()).with_context(|| path.display().to_string())?;
    let age = age.elapsed().unwrap_or_default();
    ensure!(
        read(path)?.jwks().keys.len() < 2 || age >= BETWEEN_ROTATIONS,
        "the keys were rotated {} minutes ago; to do it again within {} would sign people out",
        age.as_secs() / 60,
        BETWEEN_ROTATIONS.as_secs() / 60
    );
    rotate_at_once(path)
}

/// As [`rotate`], whenever the last time was: who still has a token of the key before last renews it.
///
/// # Errors
/// When it cannot be read or replaced.
pub fn rotate_at_once(path: &Path) -> anyhow::Result<SigningKeys> {
    let keys = read(path)?.rotated()?;
    let next = path.with_extension("next");
    write_new(&next, &keys).with_context(|| format!("{} was not written", next.display()))?;
    fs::rename(&next, path).with_context(|| format!("{} was not replaced", path.display()))?;
    Ok(keys)
}

fn read(path: &Path) -> anyhow::Result<SigningKeys> {
    let text = SecretString::from(fs::read_to_string(path).with_context(|| path.display().to_string())?);
    Ok(SigningKeys::parse(&text)?)
}

fn write_new(path: &Path, keys: &SigningKeys) -> anyhow::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(keys.to_file()?.expose_secret().as_bytes())?;
    file.sync_all()?;
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_file_is_the_owners_own_and_never_overwritten() {
        let folder = std::env::temp_dir().join(uuid::Uuid::new_v4().to_string());
        fs::create_dir(&folder).unwrap();
        let path = folder.join("keys.json");
        let first = generate(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(generate(&path).is_err());
        let second = rotate(&path).unwrap();
        assert_eq!(second.jwks().keys[1], first.jwks().keys[0]);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let read = SigningKeys::parse(&SecretString::from(fs::read_to_string(&path).unwrap())).unwrap();
        assert_eq!(read.jwks(), second.jwks());
        fs::remove_dir_all(&folder).unwrap();
    }
}
