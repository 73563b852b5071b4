//! The wish to stop: Ctrl-C, or SIGTERM. Said twice, it means at once.

use std::time::Duration;

use anyhow::Result;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Tells whether somebody wants us to stop.
#[derive(Clone)]
pub struct Shutdown(watch::Receiver<u32>);

impl Shutdown {
    /// Listens for the signals from now on.
    pub fn listen() -> Result<Self> {
        let (count, seen) = watch::channel(0_u32);
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hangup = signal(SignalKind::hangup())?;
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    _ = hangup.recv() => {}
                }
                count.send_modify(|count| *count = count.saturating_add(1));
            }
        });
        Ok(Self(seen))
    }

    /// Waits for the wish.
    pub async fn wished(&self) {
        let mut seen = self.0.clone();
        let _ = seen.wait_for(|count| *count > 0).await; // an error means the listener is gone, and so is the program
    }

    /// Waits for the wish, at most so long; says whether it came.
    pub async fn within(&self, bound: Duration) -> bool {
        tokio::time::timeout(bound, self.wished()).await.is_ok()
    }

    /// Whether it was said more than once.
    pub fn hurried(&self) -> bool {
        *self.0.borrow() > 1
    }
}
