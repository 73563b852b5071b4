use std::{future::Future, panic::Location, time::Duration};

use tokio::time::{Instant, sleep};

const BOUND: Duration = Duration::from_secs(30);
const EVERY: Duration = Duration::from_millis(25);

/// Asks again and again until the answer is true.
///
/// # Panics
/// After 30 seconds, naming the caller's line.
#[track_caller]
pub fn eventually<F: Future<Output = bool>>(mut is_so: impl FnMut() -> F) -> impl Future<Output = ()> {
    let caller = Location::caller();
    async move {
        let until = Instant::now() + BOUND;
        while !is_so().await {
            assert!(Instant::now() < until, "not so within {BOUND:?}: {caller}");
            sleep(EVERY).await;
        }
    }
}
