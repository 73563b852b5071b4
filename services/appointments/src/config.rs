//! The settings of this service.
//!
//! | variable | meaning | default |
//! | --- | --- | --- |
//! | `EHS_USERS_URL` | base URL of the users service, asked about doctors that no event has told of yet | required |
//! | `EHS_PATIENTS_URL` | base URL of the patients service, asked likewise | required |
//! | `EHS_HOLIDAYS` | public holidays on which nobody is booked: `none`, `IN` (the national ones), or those of a state too, such as `IN-KA`, which are known through 2028 | `IN` |
//! | `EHS_NO_SHOW_GRACE_MINUTES` | how long after its start an appointment that nobody came to becomes `NO_SHOW`, 5 to 1440; never before its end | 60 |
//! | `EHS_WAITLIST_HOLD_MINUTES` | how long freed time is held for whom it is offered to, 1 to 120 | 15 |
//!
//! Those of [`chassis::base`], [`auth::verifier`] and [`events::queues`] come on top.

use auth::AuthConfig;
use chassis::base::BaseConfig;
use chassis::env::{ConfigFaults, Env};
use chrono::TimeDelta;
use events::QueueConfig;
use reqwest::Url;
use secrecy::SecretString;

use crate::holidays::Holidays;

/// Unless said otherwise, nobody is booked on the national holidays.
const NATIONAL: &str = "IN";
/// Minutes for which an offered time may be held.
const HOLD: std::ops::RangeInclusive<i64> = 1..=120;
/// Minutes that may be waited.
const GRACE: std::ops::RangeInclusive<i64> = 5..=1440;

/// What `serve` needs.
#[derive(Clone, Debug)]
pub struct ServeConfig {
    /// What every service has.
    pub base: BaseConfig,
    /// Whose tokens are good.
    pub auth: AuthConfig,
    /// Base of the users service.
    pub users: Url,
    /// Base of the patients service.
    pub patients: Url,
    /// Public holidays.
    pub holidays: Holidays,
}

/// What `worker` needs.
#[derive(Clone, Debug)]
pub struct WorkerConfig {
    /// What every service has.
    pub base: BaseConfig,
    /// Where the queues are.
    pub queues: QueueConfig,
    /// Public holidays.
    pub holidays: Holidays,
    /// How long after its start an appointment is waited for.
    pub no_show_grace: TimeDelta,
    /// How long a freed time is held for whom it is offered to.
    pub waitlist_hold: TimeDelta,
}

impl ServeConfig {
    /// Reads it; all faults at once.
    ///
    /// # Errors
    /// Names every variable that is missing or wrong.
    pub fn read(mut env: Env) -> Result<Self, ConfigFaults> {
        let base = BaseConfig::read(&mut env);
        let auth = AuthConfig::read(&mut env);
        let users = env.required("EHS_USERS_URL");
        let patients = env.required("EHS_PATIENTS_URL");
        let holidays = holidays(&mut env);
        let config =
            || Some(Self { base: base?, auth: auth?, users: users?, patients: patients?, holidays: holidays? });
        env.finish(config())
    }
}

impl WorkerConfig {
    /// Reads it; all faults at once.
    ///
    /// # Errors
    /// Names every variable that is missing or wrong.
    pub fn read(mut env: Env) -> Result<Self, ConfigFaults> {
        let base = BaseConfig::read(&mut env);
        let queues = QueueConfig::read(&mut env);
        let grace = env.or("EHS_NO_SHOW_GRACE_MINUTES", 60_i64);
        if grace.is_some_and(|minutes| !GRACE.contains(&minutes)) {
            env.fault("EHS_NO_SHOW_GRACE_MINUTES", format!("it is {} to {}", GRACE.start(), GRACE.end()));
        }
        let hold = env.or("EHS_WAITLIST_HOLD_MINUTES", 15_i64);
        if hold.is_some_and(|minutes| !HOLD.contains(&minutes)) {
            env.fault("EHS_WAITLIST_HOLD_MINUTES", format!("it is {} to {}", HOLD.start(), HOLD.end()));
        }
        let holidays = holidays(&mut env);
        let config = || {
            Some(Self {
                base: base?,
                queues: queues?,
                holidays: holidays?,
                no_show_grace: TimeDelta::minutes(grace?),
                waitlist_hold: TimeDelta::minutes(hold?),
            })
        };
        env.finish(config())
    }
}

fn holidays(env: &mut Env) -> Option<Holidays> {
    let place = env.or("EHS_HOLIDAYS", NATIONAL.to_owned())?;
    place.parse().map_err(|why: String| env.fault("EHS_HOLIDAYS", why)).ok()
}

/// The connection of the schema's owner, for `migrate`.
///
/// # Errors
/// When it is missing.
pub fn owner_url(mut env: Env) -> Result<SecretString, ConfigFaults> {
    let url = env.secret("EHS_MIGRATE_DATABASE_URL");
    env.finish(url)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_named() {
        let faults = ServeConfig::read(Env::of([("EHS_HOLIDAYS", "KA")])).unwrap_err().to_string();
        assert!(faults.contains("EHS_HOLIDAYS"), "{faults}");
        for bad in ["4", "1441", "an hour"] {
            let faults = WorkerConfig::read(Env::of([("EHS_NO_SHOW_GRACE_MINUTES", bad)])).unwrap_err().to_string();
            assert!(faults.contains("EHS_NO_SHOW_GRACE_MINUTES"), "{bad}: {faults}");
        }
        for bad in ["0", "121", "a while"] {
            let faults = WorkerConfig::read(Env::of([("EHS_WAITLIST_HOLD_MINUTES", bad)])).unwrap_err().to_string();
            assert!(faults.contains("EHS_WAITLIST_HOLD_MINUTES"), "{bad}: {faults}");
        }
    }

    #[test]
    fn every_missing_variable_is_named() {
        let faults = ServeConfig::read(Env::of([])).unwrap_err().to_string();
        for name in ["EHS_LISTEN", "DATABASE_URL", "EHS_JWKS_URL", "EHS_USERS_URL", "EHS_PATIENTS_URL"] {
            assert!(faults.contains(name), "{name} is missing in {faults}");
        }
    }
}
