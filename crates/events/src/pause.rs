//! Growing pauses with jitter.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    time::Duration,
};

/// A pause that doubles from `first` to `last`.
#[derive(Debug, Clone)]
pub(crate) struct Pause {
    first: Duration,
    last: Duration,
    next: Duration,
}

impl Pause {
    pub(crate) fn between(first: Duration, last: Duration) -> Self {
        Self { first, last, next: first }
    }

    /// How long to wait now; longer the next time.
    pub(crate) fn next(&mut self) -> Duration {
        let now = self.next;
        self.next = now.saturating_mul(2).min(self.last);
        jittered(now)
    }

    /// All is well again.
    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }
}

/// Up to a quarter less, so that what failed together does not come back together.
pub(crate) fn jittered(pause: Duration) -> Duration {
    let dice = u32::from(RandomState::new().build_hasher().finish().to_le_bytes().first().copied().unwrap_or_default());
    pause.saturating_sub(pause.saturating_mul(dice) / 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_to_their_bound_and_start_over() {
        let mut pause = Pause::between(Duration::from_secs(1), Duration::from_secs(3));
        let near = |found: Duration, wanted: u64| {
            found <= Duration::from_secs(wanted) && found >= Duration::from_millis(wanted * 750)
        };
        assert!(near(pause.next(), 1) && near(pause.next(), 2) && near(pause.next(), 3) && near(pause.next(), 3));
        pause.reset();
        assert!(near(pause.next(), 1));
    }
}
