//! What was passed over, or read with a doubt.

use serde::Serialize;

/// The most warnings that are kept of one message.
const MAX_WARNINGS: usize = 100;

/// Something that was passed over, or read with a doubt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// Where: `PID-7`.
    pub location: String,
    /// What, in words that are safe to log and to send back.
    pub message: &'static str,
}

/// Warnings as they gather, each once.
#[derive(Default)]
pub(crate) struct Warnings(Vec<Warning>);

impl Warnings {
    pub(crate) fn add(&mut self, location: impl ToString, message: &'static str) {
        let warning = Warning { location: location.to_string(), message };
        if self.0.len() < MAX_WARNINGS && !self.0.contains(&warning) {
            self.0.push(warning);
        }
    }

    pub(crate) fn into_vec(self) -> Vec<Warning> {
        self.0
    }

    #[cfg(test)]
    pub(crate) fn locations(self) -> Vec<String> {
        self.0.into_iter().map(|warning| warning.location).collect()
    }
}
