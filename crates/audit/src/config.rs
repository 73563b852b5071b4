//! Settings of the audit.
//!
//! | variable | meaning | default |
//! | --- | --- | --- |
//! | `EHS_AUDIT` | `on`; `off` in demo mode only, to measure what it costs | `on` |
//! | `EHS_AUDIT_RETENTION_YEARS` | `audit detach` leaves this many years in the log | 6 |

use chassis::base::{BaseConfig, Mode};
use chassis::db;
use chassis::env::Env;

use crate::Recorder;

/// Starts the recorder of a serving process, with a connection of its own.
///
/// # Errors
/// When `EHS_AUDIT` cannot be used.
pub fn recorder(base: &BaseConfig, service: &str) -> anyhow::Result<Recorder> {
    let mut env = Env::process();
    let audit = env.or("EHS_AUDIT", "on".to_owned());
    match (env.finish(audit)?.as_str(), base.mode) {
        ("on", _) => {}
        ("off", Mode::Demo) => {
            tracing::warn!("EHS_AUDIT=off: nothing is written down");
            return Ok(Recorder::off());
        }
        ("off", Mode::Production) => anyhow::bail!("EHS_AUDIT=off is for demonstrations"),
        _ => anyhow::bail!("EHS_AUDIT is on or off"),
    }
    let own = db::DbConfig { pool_size: 1, ..base.db.clone() };
    Recorder::start(db::pool(&own, &format!("{service} audit"))?)
}

/// Years that stay in the log.
///
/// # Errors
/// When it is no number of years.
pub fn retention_years() -> anyhow::Result<i32> {
    let mut env = Env::process();
    let years = env.or("EHS_AUDIT_RETENTION_YEARS", 6);
    Ok(env.finish(years)?)
}
