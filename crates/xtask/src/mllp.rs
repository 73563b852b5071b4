//! The sender's side of MLLP: a message in a frame, and the acknowledgment that comes back.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An acknowledgment takes no longer than this.
const PATIENCE: Duration = Duration::from_secs(30);
/// And is no longer than this.
const LONGEST: usize = 64 * 1024;

/// Connects to whoever listens on this machine.
pub async fn connect(port: u16) -> Result<TcpStream> {
    TcpStream::connect(("127.0.0.1", port)).await.context("nobody listens for MLLP")
}

/// Sends one message; gives its acknowledgment.
pub async fn exchange(stream: &mut TcpStream, message: &str) -> Result<String> {
    tokio::time::timeout(PATIENCE, within_patience(stream, message)).await.context("no acknowledgment")?
}

async fn within_patience(stream: &mut TcpStream, message: &str) -> Result<String> {
    let frame = [b"\x0B", message.as_bytes(), b"\x1C\r"].concat();
    stream.write_all(&frame).await?;
    let (mut heard, mut buffer) = (Vec::new(), [0; 4096]);
    while !heard.ends_with(b"\x1C\r") {
        match stream.read(&mut buffer).await? {
            0 => bail!("the listener hung up"),
            _ if heard.len() > LONGEST => bail!("an acknowledgment without end"),
            count => heard.extend_from_slice(buffer.get(..count).unwrap_or_default()),
        }
    }
    Ok(String::from_utf8_lossy(&heard).trim_matches(['\u{b}', '\u{1c}', '\r']).to_owned() + "\r")
}
