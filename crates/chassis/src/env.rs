//! Typed settings from environment variables, every fault reported at once.
//!
//! ```
//! use chassis::env::Env;
//! let mut env = Env::of([("PORT", "80x"), ("HOST", "a")]);
//! let port = env.required::<u16>("PORT");
//! let name = env.required::<String>("NAME");
//! let faults = env.finish(port.zip(name)).unwrap_err();
//! assert_eq!(faults.to_string().lines().count(), 3);
//! ```

use std::collections::HashMap;
use std::fmt::{self, Display};
use std::str::FromStr;

use secrecy::SecretString;

/// A source of settings that collects faults as it is read.
pub struct Env {
    source: Source,
    faults: Vec<String>,
}

enum Source {
    Process,
    Map(HashMap<String, String>),
}

/// Everything that is wrong with a process's settings.
#[derive(Debug, thiserror::Error)]
pub struct ConfigFaults(Vec<String>);

impl Display for ConfigFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration has {} fault(s):", self.0.len())?;
        for fault in &self.0 {
            write!(f, "\n  {fault}")?;
        }
        Ok(())
    }
}

impl Env {
    /// The environment of this process.
    pub fn process() -> Self {
        Self { source: Source::Process, faults: Vec::new() }
    }

    /// Exactly these variables: for tests, which never touch the process's own.
    pub fn of<const N: usize>(variables: [(&str, &str); N]) -> Self {
        variables.into_iter().collect()
    }

    fn get(&self, name: &str) -> Option<String> {
        let value = match &self.source {
            Source::Process => std::env::var(name).ok(),
            Source::Map(map) => map.get(name).cloned(),
        };
        value.filter(|v| !v.trim().is_empty())
    }

    /// A variable that must be there. `None` means that a fault was noted.
    pub fn required<T>(&mut self, name: &str) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        match self.optional(name)? {
            Some(value) => Some(value),
            None => {
                self.fault(name, "is required");
                None
            }
        }
    }

    /// A variable with a default. `None` means that a fault was noted.
    pub fn or<T>(&mut self, name: &str, default: T) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        self.optional(name).map(|value| value.unwrap_or(default))
    }

    /// A variable that may be absent (or empty): `Some(None)` then. `None` means that a fault was noted.
    pub fn optional<T>(&mut self, name: &str) -> Option<Option<T>>
    where
        T: FromStr,
        T::Err: Display,
    {
        let Some(text) = self.get(name) else {
            return Some(None);
        };
        match text.trim().parse() {
            Ok(value) => Some(Some(value)),
            Err(why) => {
                self.fault(name, format_args!("is not valid: {why}"));
                None
            }
        }
    }

    /// A required variable whose value is never shown, not even when it is wrong.
    pub fn secret(&mut self, name: &str) -> Option<SecretString> {
        let value = self.get(name);
        if value.is_none() {
            self.fault(name, "is required");
        }
        value.map(SecretString::from)
    }

    /// Notes a fault that the caller found. `why` must not contain a secret.
    pub fn fault(&mut self, name: &str, why: impl Display) {
        self.faults.push(format!("{name} {why}"));
    }

    /// The settings, when there was no fault.
    ///
    /// # Errors
    /// All faults noted so far.
    pub fn finish<T>(self, settings: Option<T>) -> Result<T, ConfigFaults> {
        match settings {
            Some(settings) if self.faults.is_empty() => Ok(settings),
            _ => Err(ConfigFaults(self.faults)),
        }
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Env {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(variables: I) -> Self {
        let map = variables.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        Self { source: Source::Map(map), faults: Vec::new() }
    }
}
