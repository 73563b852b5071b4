//! Argon2id on memory that goes back to the system.
//!
//! glibc keeps freed blocks of up to 32 MiB in the arena of the thread that had them, so that ten sign-ins at 19 MiB leave
//! 200 MB with the process for good. A larger block it maps and unmaps; so one is reserved, and only as much of it touched
//! as the parameters ask for.

use anyhow::{anyhow, ensure};
use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Block, Params, Version};

/// Just above what glibc ever keeps, in blocks of 1 KiB.
const MAPPED: usize = 33 * 1024;

/// A new hash of `password` with a salt of its own.
///
/// # Errors
/// When the system has no randomness.
pub fn hash(params: &Params, password: &[u8]) -> anyhow::Result<phc::PasswordHash> {
    let salt = phc::Salt::generate();
    let output = output(params, Version::V0x13, password, &salt, Params::DEFAULT_OUTPUT_LEN)?;
    Ok(phc::PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: phc::ParamsString::try_from(params).map_err(|fault| anyhow!(fault))?,
        salt: Some(salt),
        hash: Some(output),
    })
}

/// Whether `stored` is a hash of `password`. Compares in constant time.
///
/// # Errors
/// When `stored` is no argon2id hash.
pub fn matches(password: &[u8], stored: &phc::PasswordHash) -> anyhow::Result<bool> {
    ensure!(stored.algorithm == Algorithm::Argon2id.ident(), "a hash of another kind: {}", stored.algorithm);
    let (Some(salt), Some(expected)) = (&stored.salt, &stored.hash) else {
        return Err(anyhow!("a hash without salt or output"));
    };
    let params = Params::try_from(stored).map_err(|fault| anyhow!(fault))?;
    let version = stored.version.map_or(Ok(Version::V0x13), Version::try_from).map_err(|fault| anyhow!(fault))?;
    Ok(output(&params, version, password, salt, expected.len())? == *expected)
}

fn output(
    params: &Params,
    version: Version,
    password: &[u8],
    salt: &phc::Salt,
    length: usize,
) -> anyhow::Result<phc::Output> {
    let argon2 = Argon2::new(Algorithm::Argon2id, version, params.clone());
    let mut memory: Vec<Block> = Vec::with_capacity(params.block_count().max(MAPPED));
    memory.resize(params.block_count(), Block::default());
    let mut bytes = vec![0; length];
    argon2
        .hash_password_into_with_memory(password, salt.as_ref(), &mut bytes, memory.as_mut_slice())
        .map_err(|fault| anyhow!(fault))?;
    phc::Output::new(&bytes).map_err(|fault| anyhow!(fault))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use argon2::{PasswordHasher, PasswordVerifier};

    use super::*;

    #[test]
    fn the_crates_own_functions_agree() {
        let params = Params::new(64, 2, 1, None).unwrap();
        let theirs = Argon2::from(&params);
        let ours = hash(&params, b"correct horse").unwrap();
        assert!(theirs.verify_password(b"correct horse", ours.to_string().as_str()).is_ok());
        let hash: phc::PasswordHash = theirs.hash_password(b"correct horse").unwrap();
        assert!(matches(b"correct horse", &hash).unwrap());
        assert!(!matches(b"Correct horse", &hash).unwrap());
    }

    #[test]
    fn another_kind_of_hash_is_an_error_and_no_match() {
        let other = phc::PasswordHash::new(
            "$argon2i$v=19$m=64,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8",
        )
        .unwrap();
        assert!(matches(b"x", &other).is_err());
    }
}
