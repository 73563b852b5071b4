//! The generic cell rate algorithm (ITU-T I.371) as a bucket that empties steadily. Pure.
//!
//! A bucket is one number: the moment at which it will be empty. Each request adds `every` microseconds to it, as long as
//! it then holds no more than `burst` requests.

/// How fast a bucket empties and how much it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    every: u64,
    burst: u64,
}

impl Bucket {
    /// One that a request leaves every so many microseconds, and that holds so many at once. Zero counts as one.
    pub const fn new(every: u64, burst: u64) -> Self {
        Self { every: if every == 0 { 1 } else { every }, burst: if burst == 0 { 1 } else { burst } }
    }

    /// Microseconds that one request counts for.
    pub const fn every(self) -> u64 {
        self.every
    }

    /// Microseconds that it takes to empty when full.
    pub const fn capacity(self) -> u64 {
        self.every.saturating_mul(self.burst)
    }

    /// Requests at once.
    pub const fn burst(self) -> u64 {
        self.burst
    }

    /// For how long it is full at `now`, when it was to be empty at `empty_at`.
    pub const fn debt(self, empty_at: Option<u64>, now: u64) -> u64 {
        match empty_at {
            Some(empty_at) => empty_at.saturating_sub(now),
            None => 0,
        }
    }

    /// Its debt with one request more, if that fits.
    pub const fn with_one(self, debt: u64) -> Option<u64> {
        let full = debt.saturating_add(self.every);
        if full <= self.capacity() { Some(full) } else { None }
    }

    /// Requests that still fit.
    pub const fn room(self, debt: u64) -> u64 {
        self.capacity().saturating_sub(debt) / self.every
    }

    /// Microseconds until one more fits.
    pub const fn wait(self, debt: u64) -> u64 {
        debt.saturating_add(self.every).saturating_sub(self.capacity())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Every request that passed is remembered, and the bucket is worked out from them each time.
    fn passes_by_model(bucket: Bucket, passed: &[u64], now: u64) -> bool {
        let mut empty_at = 0;
        for at in passed {
            empty_at = at.max(&empty_at) + bucket.every();
        }
        empty_at.max(now) + bucket.every() - now <= bucket.every() * bucket.burst()
    }

    #[test]
    fn a_burst_then_the_steady_rate() {
        let bucket = Bucket::new(100, 3);
        let mut empty_at = None;
        let mut at = |now: u64| {
            let debt = bucket.debt(empty_at, now);
            let taken = bucket.with_one(debt);
            if let Some(debt) = taken {
                empty_at = Some(now + debt);
            }
            (taken.is_some(), bucket.room(taken.unwrap_or(debt)), taken.map_or(bucket.wait(debt), |_| 0))
        };
        assert_eq!(at(1000), (true, 2, 0));
        assert_eq!(at(1000), (true, 1, 0));
        assert_eq!(at(1000), (true, 0, 0));
        assert_eq!(at(1000), (false, 0, 100));
        assert_eq!(at(1099), (false, 0, 1));
        assert_eq!(at(1100), (true, 0, 0));
        assert_eq!(at(1400), (true, 2, 0));
        assert_eq!(at(9000), (true, 2, 0));
    }

    proptest! {
        #[test]
        fn it_decides_as_the_obvious_model_does(
            every in 1_u64..50, burst in 1_u64..6, gaps in prop::collection::vec(0_u64..80, 1..120),
        ) {
            let bucket = Bucket::new(every, burst);
            let (mut now, mut empty_at, mut passed) = (1_000, None, Vec::new());
            for gap in gaps {
                now += gap;
                let taken = bucket.with_one(bucket.debt(empty_at, now));
                prop_assert_eq!(taken.is_some(), passes_by_model(bucket, &passed, now));
                if let Some(debt) = taken {
                    empty_at = Some(now + debt);
                    passed.push(now);
                } else {
                    let wait = bucket.wait(bucket.debt(empty_at, now));
                    prop_assert!(passes_by_model(bucket, &passed, now + wait));
                    prop_assert!(!passes_by_model(bucket, &passed, now + wait - 1));
                }
            }
        }

        #[test]
        fn nothing_overflows(every in any::<u64>(), burst in any::<u64>(), debt in any::<u64>()) {
            let bucket = Bucket::new(every, burst);
            let _ = (bucket.with_one(debt), bucket.room(debt), bucket.wait(debt));
        }
    }
}
