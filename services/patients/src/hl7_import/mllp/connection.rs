//! One connection, from its first byte to its last.

use std::net::IpAddr;
use std::time::Duration;

use hl7::mllp::{FrameFault, FrameReader, frame};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::{Listener, answer};

/// Bytes that are read at once.
const BUFFER: usize = 16 * 1024;
/// Bytes between two frames after which this is no MLLP.
const MOST_JUNK: u64 = 64 * 1024;

/// Why a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The sender closed it between messages.
    Closed,
    /// The sender closed it within a message.
    BrokenFrame,
    /// It was silent for too long.
    Idle,
    /// A frame did not end in time.
    SlowFrame,
    /// A frame was larger than is taken.
    TooLarge,
    /// What came was no MLLP.
    NoFrames,
    /// The sender did not read its answer.
    Unread,
    /// The worker stops.
    Stopped,
}

impl Ended {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::BrokenFrame => "broken_frame",
            Self::Idle => "idle",
            Self::SlowFrame => "slow_frame",
            Self::TooLarge => "too_large",
            Self::NoFrames => "no_frames",
            Self::Unread => "unread",
            Self::Stopped => "stopped",
        }
    }

    /// Whether somebody should look at the sender.
    pub const fn is_noteworthy(self) -> bool {
        !matches!(self, Self::Closed | Self::Idle | Self::Stopped)
    }
}

/// Where answers go.
pub struct Answers<'a, S> {
    stream: &'a mut S,
    deadline: Duration,
}

impl<S: AsyncWrite + Unpin> Answers<'_, S> {
    /// Sends one, framed.
    ///
    /// # Errors
    /// When the sender is gone, or does not read.
    pub async fn send(&mut self, acknowledgment: &str) -> Result<(), Ended> {
        let bytes = frame(acknowledgment.as_bytes());
        let written = timeout(self.deadline, async {
            self.stream.write_all(&bytes).await?;
            self.stream.flush().await
        });
        match written.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Ended::Unread),
        }
    }
}

/// Serves a sender until it closes, breaks the rules, or `stop` is cancelled between two messages.
pub async fn serve<S>(mut stream: S, peer: IpAddr, listener: &Listener, stop: CancellationToken) -> Ended
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let ended = frames(&mut stream, peer, listener, &stop).await;
    // Politely where the other side still listens; it may be gone.
    let _ = timeout(Duration::from_secs(1), stream.shutdown()).await;
    ended
}

async fn frames<S>(stream: &mut S, peer: IpAddr, listener: &Listener, stop: &CancellationToken) -> Ended
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let config = &listener.config;
    let mut reader = FrameReader::new(config.max_bytes);
    let mut buffer = vec![0; BUFFER];
    let mut until = Instant::now() + config.idle;
    // Some senders show between their messages that they are alive: what stood before a whole frame is no junk.
    let mut forgiven = 0;
    loop {
        let was_inside = reader.is_inside();
        let read = timeout_at(until, stream.read(&mut buffer));
        let read = if was_inside {
            read.await
        } else {
            match stop.run_until_cancelled(read).await {
                Some(read) => read,
                None => return Ended::Stopped,
            }
        };
        let count = match read {
            Ok(Ok(count)) if count > 0 => count,
            Ok(Ok(_) | Err(_)) if was_inside => return Ended::BrokenFrame,
            Ok(Ok(_) | Err(_)) => return Ended::Closed,
            Err(_) if was_inside => return Ended::SlowFrame,
            Err(_) => return Ended::Idle,
        };
        let mut bytes = buffer.get(..count).unwrap_or_default();
        let mut answered = false;
        loop {
            let mut answers = Answers { stream: &mut *stream, deadline: config.deadline };
            match reader.read(&mut bytes) {
                Ok(Some(message)) => {
                    (answered, forgiven) = (true, reader.skipped());
                    if let Err(ended) = answer::answer(listener, peer, &message, &mut answers).await {
                        return ended;
                    }
                }
                Ok(None) => break,
                Err(FrameFault::TooLarge) => {
                    let _ = answer::too_large(reader.head(), &mut answers).await;
                    return Ended::TooLarge;
                }
                Err(FrameFault::Unfinished) => {
                    answered = true;
                    metrics::counter!("mllp_frames_given_up_total").increment(1);
                }
            }
        }
        if reader.skipped().saturating_sub(forgiven) > MOST_JUNK {
            return Ended::NoFrames;
        }
        // The clock of a frame begins with its first byte, that of silence with the last frame's end: neither is put back by
        // bytes that trickle in.
        until = match (reader.is_inside(), was_inside && !answered) {
            (true, false) => Instant::now() + config.deadline,
            (false, _) if answered => Instant::now() + config.idle,
            _ => until,
        };
    }
}
