//! The settings that every service has.
//!
//! | variable | meaning | default |
//! | --- | --- | --- |
//! | `EHS_MODE` | `demo` or `production`; demo secrets are accepted in demo mode only | `production` |
//! | `EHS_LISTEN` | address of the API | required |
//! | `EHS_ADMIN_LISTEN` | address of metrics and health for operators | required |
//! | `EHS_HTTP_WORKERS` | threads that serve requests | the processor's, at most 4 |
//! | `EHS_TIME_ZONE` | the hospital's zone (IANA name) | `Asia/Kolkata` |
//! | `EHS_CURSOR_KEY` | 64 hexadecimal digits: seals page cursors; the same in all replicas | required |
//!
//! Those of [`crate::db`], [`crate::redis`] and [`crate::telemetry`] come on top.

use std::net::SocketAddr;
use std::str::FromStr;

use chrono_tz::Tz;

use crate::db::DbConfig;
use crate::env::Env;
use crate::page::CursorKey;
use crate::redis::RedisConfig;
use crate::telemetry::TelemetryConfig;

/// Whether this is a real hospital.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A demonstration on one machine.
    Demo,
    /// A hospital.
    Production,
}

impl FromStr for Mode {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "demo" => Ok(Self::Demo),
            "production" => Ok(Self::Production),
            _ => Err("it is demo or production"),
        }
    }
}

/// Settings of every service; see the module's table.
#[derive(Clone, Debug)]
pub struct BaseConfig {
    /// Whether this is a real hospital.
    pub mode: Mode,
    /// Where the API listens.
    pub listen: SocketAddr,
    /// Where metrics are served.
    pub admin_listen: SocketAddr,
    /// Threads that serve requests.
    pub http_workers: usize,
    /// PostgreSQL.
    pub db: DbConfig,
    /// Redis.
    pub redis: RedisConfig,
    /// Logs, traces, metrics.
    pub telemetry: TelemetryConfig,
    /// The hospital's time zone.
    pub time_zone: Tz,
    /// Seals page cursors.
    pub cursor_key: CursorKey,
}

impl BaseConfig {
    /// Reads the settings; `None` means that faults were noted in `env`.
    pub fn read(env: &mut Env) -> Option<Self> {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let mode = env.or("EHS_MODE", Mode::Production);
        let listen = env.required("EHS_LISTEN");
        let admin_listen = env.required("EHS_ADMIN_LISTEN");
        let http_workers = env.or("EHS_HTTP_WORKERS", cores.min(4));
        let db = DbConfig::read(env);
        let redis = RedisConfig::read(env);
        let telemetry = TelemetryConfig::read(env);
        let time_zone = env.or("EHS_TIME_ZONE", chrono_tz::Asia::Kolkata);
        let cursor_key = env.required("EHS_CURSOR_KEY");
        Some(Self {
            mode: mode?,
            listen: listen?,
            admin_listen: admin_listen?,
            http_workers: http_workers?.clamp(1, 64),
            db: db?,
            redis: redis?,
            telemetry: telemetry?,
            time_zone: time_zone?,
            cursor_key: cursor_key?,
        })
    }
}
