//! HL7 v2 over MLLP: a listener in the worker. What it acknowledges is stored.
//!
//! A connection is one sender's and is served in order; the next frame is not read before the one before it is answered, so that
//! a sender that is too fast waits on its own connection. How many messages are worked on at once is bounded over all of them.

mod answer;
mod config;
mod connection;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use audit::Recorder;
use chassis::http::DRAIN;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::config::MllpConfig;
use super::receive::Desk;

/// A TLS handshake takes no longer than this.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// After the system gave no connection, for want of descriptors for instance.
const PAUSE: Duration = Duration::from_millis(100);

/// What all connections share.
struct Listener {
    config: MllpConfig,
    desk: Desk,
    recorder: Recorder,
    /// Messages that are worked on.
    at_work: Semaphore,
    /// Connections that may still be opened.
    room: Arc<Semaphore>,
}

/// Serves MLLP on a bound listener until `stop` is cancelled; messages that have begun are then finished and answered.
///
/// # Errors
/// When the listener cannot be used.
pub async fn run(
    listener: std::net::TcpListener,
    config: MllpConfig,
    desk: Desk,
    recorder: Recorder,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    listener.set_nonblocking(true).context("the MLLP listener")?;
    let listener = TcpListener::from_std(listener).context("the MLLP listener")?;
    tracing::info!(address = %config.listen, tls = config.tls.is_some(), "taking HL7 messages over MLLP");
    let (at_work, room) = (Semaphore::new(config.at_once), Arc::new(Semaphore::new(config.max_connections)));
    let shared = Arc::new(Listener { config, desk, recorder, at_work, room });
    let connections = TaskTracker::new();
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        shared.clone().accept(accepted, &connections, &stop).await;
    }
    connections.close();
    if timeout(DRAIN, connections.wait()).await.is_err() {
        tracing::warn!(left = connections.len(), "MLLP connections did not end in time");
    }
    Ok(())
}

impl Listener {
    async fn accept(
        self: Arc<Self>,
        accepted: io::Result<(TcpStream, SocketAddr)>,
        connections: &TaskTracker,
        stop: &CancellationToken,
    ) {
        let (stream, peer) = match accepted {
            Ok((stream, peer)) => (stream, peer.ip().to_canonical()),
            Err(fault) => {
                tracing::warn!(%fault, "an MLLP connection was not accepted");
                tokio::time::sleep(PAUSE).await;
                return;
            }
        };
        if !self.config.lets_in(peer) {
            return refused(peer, "address");
        }
        let Ok(place) = self.room.clone().try_acquire_owned() else {
            return refused(peer, "full");
        };
        let stop = stop.clone();
        connections.spawn(async move {
            let gauge = metrics::gauge!("mllp_connections");
            gauge.increment(1.0);
            self.serve(stream, peer, stop).await;
            gauge.decrement(1.0);
            drop(place);
        });
    }

    async fn serve(&self, stream: TcpStream, peer: IpAddr, stop: CancellationToken) {
        // An acknowledgment is small and waited for.
        let _ = stream.set_nodelay(true);
        let ended = match &self.config.tls {
            None => connection::serve(stream, peer, self, stop).await,
            Some(tls) => match timeout(HANDSHAKE, TlsAcceptor::from(tls.clone()).accept(stream)).await {
                Ok(Ok(stream)) => connection::serve(stream, peer, self, stop).await,
                Ok(Err(_)) | Err(_) => return refused(peer, "tls"),
            },
        };
        metrics::counter!("mllp_connections_ended_total", "why" => ended.as_str()).increment(1);
        if ended.is_noteworthy() {
            tracing::warn!(%peer, why = ended.as_str(), "an MLLP connection was ended");
        }
    }
}

/// Closed before a byte was read.
fn refused(peer: IpAddr, why: &'static str) {
    metrics::counter!("mllp_connections_refused_total", "why" => why).increment(1);
    tracing::warn!(%peer, why, "an MLLP connection was refused");
}
