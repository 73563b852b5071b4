//! Where the real parts are.

use std::{env, path::Path, sync::LazyLock, time::Duration};

use chassis::redis::RedisConfig;
use serde::Deserialize;

/// Addresses of the parts that tests run against.
#[derive(Debug, Clone, Deserialize)]
pub struct Endpoints {
    /// PostgreSQL, signed in as a superuser.
    pub postgres: String,
    /// Redis.
    pub redis: String,
    /// SQS and S3.
    pub aws: String,
}

impl Endpoints {
    /// From the environment, or from `target/ehs-test/endpoints.json`.
    ///
    /// # Panics
    /// When neither is there: `cargo xtask test` sets both up.
    pub fn get() -> &'static Self {
        static FOUND: LazyLock<Endpoints> = LazyLock::new(|| {
            Endpoints::from_env()
                .or_else(Endpoints::from_file)
                .expect("no parts to test against: run `cargo xtask test`")
        });
        &FOUND
    }

    fn from_env() -> Option<Self> {
        Some(Self {
            postgres: env::var("EHS_TEST_POSTGRES_URL").ok()?,
            redis: env::var("EHS_TEST_REDIS_URL").ok()?,
            aws: env::var("EHS_TEST_AWS_ENDPOINT").ok()?,
        })
    }

    fn from_file() -> Option<Self> {
        let here = env::var("CARGO_MANIFEST_DIR").map_or_else(|_| env::current_dir().unwrap_or_default(), Into::into);
        let found =
            here.ancestors().map(|folder| folder.join("target/ehs-test/endpoints.json")).find(|file| file.exists())?;
        serde_json::from_slice(&std::fs::read(found).ok()?).ok()
    }

    /// Settings of Redis with a deadline that a busy machine keeps.
    pub fn redis_config(&self) -> RedisConfig {
        RedisConfig { url: self.redis.clone().into(), deadline: Duration::from_secs(2) }
    }
}

/// The workspace's folder.
pub(crate) fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("this crate is two folders down")
}
