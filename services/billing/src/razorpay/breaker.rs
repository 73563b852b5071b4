//! When the provider is not asked: after a row of failures it is left alone for a while, then one call tries.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Failures in a row that open it.
const FAILURES: u32 = 5;
/// How long it stays open.
const PAUSE: Duration = Duration::from_secs(10);

/// Counts failures.
#[derive(Debug, Default)]
pub struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    open_until: Option<Instant>,
}

impl Breaker {
    /// Lets a call through; or says how long to wait. While it is open, one call in each pause is let through.
    ///
    /// # Errors
    /// The time until the next call is let through.
    pub fn admit(&self, now: Instant) -> Result<(), Duration> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match state.open_until {
            Some(until) if now < until => Err(until - now),
            Some(_) => {
                // this call tries; the others wait for what comes of it
                state.open_until = Some(now + PAUSE);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Notes what came of a call that was let through.
    pub fn note(&self, answered: bool, now: Instant) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if answered {
            *state = State::default();
            return;
        }
        state.failures = state.failures.saturating_add(1);
        if state.failures >= FAILURES {
            state.open_until = Some(now + PAUSE);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::as_conversions)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_after_failures_in_a_row_and_lets_one_try() {
        let (breaker, start) = (Breaker::default(), Instant::now());
        for _ in 1..FAILURES {
            breaker.admit(start).unwrap();
            breaker.note(false, start);
        }
        breaker.note(true, start);
        for _ in 0..FAILURES {
            breaker.admit(start).unwrap();
            breaker.note(false, start);
        }
        assert_eq!(breaker.admit(start), Err(PAUSE));
        let later = start + PAUSE;
        breaker.admit(later).unwrap();
        assert_eq!(breaker.admit(later), Err(PAUSE), "one tries, the others wait");
        breaker.note(false, later);
        assert_eq!(breaker.admit(later), Err(PAUSE));
        let last = later + PAUSE;
        breaker.admit(last).unwrap();
        breaker.note(true, last);
        breaker.admit(last).unwrap();
        breaker.admit(last).unwrap();
    }
}
