//! Which bucket, where, and how it encrypts.

use std::str::FromStr;
use std::time::Duration;

use chassis::env::Env;

/// Settings of a store; see the crate's README.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// The bucket.
    pub bucket: String,
    /// How it encrypts.
    pub encryption: Encryption,
    /// Its region.
    pub region: String,
    /// Another S3 than Amazon's.
    pub endpoint: Option<String>,
    /// Where clients reach it, if not there.
    pub links: Option<String>,
    /// For one attempt of a call.
    pub attempt: Duration,
    /// For a call with its retries.
    pub deadline: Duration,
}

/// How the store encrypts what it keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// With keys of its own.
    Aes256,
    /// With this key of KMS.
    Kms(String),
}

impl FromStr for Encryption {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match (text, text.strip_prefix("aws:kms:")) {
            ("AES256", _) => Ok(Self::Aes256),
            (_, Some(key)) if !key.is_empty() => Ok(Self::Kms(key.to_owned())),
            _ => Err("it is AES256, or aws:kms: and a key's id"),
        }
    }
}

impl StoreConfig {
    /// A bucket with the usual settings.
    pub fn of(bucket: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            encryption: Encryption::Aes256,
            region: "ap-south-1".to_owned(),
            endpoint: None,
            links: None,
            attempt: Duration::from_secs(15),
            deadline: Duration::from_secs(40),
        }
    }

    /// Reads the settings; `None` means that faults were noted in `env`.
    pub fn read(env: &mut Env) -> Option<Self> {
        let bucket = env.required::<String>("EHS_S3_BUCKET");
        let encryption = env.or("EHS_S3_ENCRYPTION", Encryption::Aes256);
        let region = env.or("AWS_REGION", "ap-south-1".to_owned());
        let (endpoint, links) = (address(env, "AWS_ENDPOINT_URL_S3"), address(env, "EHS_S3_LINKS_URL"));
        if bucket.as_ref().is_some_and(|bucket| !is_bucket(bucket)) {
            env.fault("EHS_S3_BUCKET", "is no bucket's name: 3 to 63 lower-case letters, digits, dots and dashes");
        }
        Some(Self { encryption: encryption?, region: region?, endpoint: endpoint?, links: links?, ..Self::of(bucket?) })
    }
}

fn address(env: &mut Env, name: &str) -> Option<Option<String>> {
    let address = env.optional::<String>(name);
    if address.as_ref().is_some_and(|url| url.as_ref().is_some_and(|url| !url.starts_with("http"))) {
        env.fault(name, "is not an http address");
    }
    address
}

fn is_bucket(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-');
    (3..=63).contains(&name.len()) && name.chars().all(plain) && name.starts_with(|c: char| c.is_ascii_alphanumeric())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn settings_have_defaults_and_faults_are_named() {
        let mut env = Env::of([("EHS_S3_BUCKET", "ehs-documents")]);
        let config = StoreConfig::read(&mut env);
        let config = env.finish(config).unwrap();
        assert_eq!((config.bucket.as_str(), config.encryption), ("ehs-documents", Encryption::Aes256));

        let mut env = Env::of([
            ("EHS_S3_BUCKET", "My Bucket"),
            ("EHS_S3_ENCRYPTION", "none"),
            ("AWS_ENDPOINT_URL_S3", "localhost"),
            ("EHS_S3_LINKS_URL", "ftp://x"),
        ]);
        let config = StoreConfig::read(&mut env);
        let faults = env.finish(config).unwrap_err().to_string();
        for name in ["EHS_S3_BUCKET", "EHS_S3_ENCRYPTION", "AWS_ENDPOINT_URL_S3", "EHS_S3_LINKS_URL"] {
            assert!(faults.contains(name), "{faults}");
        }
    }

    #[test]
    fn a_key_of_kms_is_named() {
        assert_eq!("aws:kms:alias/ehs".parse(), Ok(Encryption::Kms("alias/ehs".to_owned())));
        assert!("aws:kms:".parse::<Encryption>().is_err());
    }
}
