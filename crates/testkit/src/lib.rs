#![doc = include_str!("../README.md")]
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

pub mod endpoints;

mod audited;
mod authority;
mod bucket;
mod database;
mod eventually;
mod queues;
mod redis;
mod server;
mod tokens;

pub use audited::{Audited, Good};
pub use authority::Authority;
pub use bucket::Bucket;
pub use database::TestDb;
pub use endpoints::Endpoints;
pub use eventually::eventually;
pub use queues::Queues;
pub use redis::OwnRedis;
pub use server::{Answer, Call, Server};
pub use tokens::Tokens;

/// Runs what a `Drop` has to await, on a thread and a runtime of its own.
fn block_on_elsewhere(work: impl Future<Output = ()> + Send + 'static) {
    let thread = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(work);
    });
    // A panic in there has said what was wrong; a second one in a drop would abort.
    let _ = thread.join();
}
