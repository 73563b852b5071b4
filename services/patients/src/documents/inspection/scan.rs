//! ClamAV's `clamd` over its socket: a content goes by as a stream (`INSTREAM`, clamd(8)), a verdict comes back.

use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

/// To connect, and to take one piece.
const PIECE: Duration = Duration::from_secs(30);
/// To think about the whole.
const VERDICT: Duration = Duration::from_secs(300);
/// Bytes of an answer.
const LONGEST_ANSWER: u64 = 4 * 1024;

/// Where a scanner listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scanner(Address);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Address {
    Tcp(String),
    Unix(PathBuf),
}

impl FromStr for Scanner {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match (text.strip_prefix("tcp://"), text.strip_prefix("unix:")) {
            (Some(address), _) if address.contains(':') => Ok(Self(Address::Tcp(address.to_owned()))),
            (_, Some(path)) if path.starts_with('/') => Ok(Self(Address::Unix(path.into()))),
            _ => Err("it is tcp://host:port or unix:/path"),
        }
    }
}

/// What a scanner says of a content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing was found.
    Clean,
    /// Malware.
    Infected,
    /// It takes nothing as large as this (`StreamMaxLength`).
    TooLarge,
}

/// A content on its way past the scanner.
pub struct Scan(Box<dyn Line>);

trait Line: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Line for T {}

impl Scanner {
    /// Connects, for one content.
    ///
    /// # Errors
    /// When it is away.
    pub async fn begin(&self) -> io::Result<Scan> {
        let connecting = async {
            let mut line: Box<dyn Line> = match &self.0 {
                Address::Tcp(address) => Box::new(TcpStream::connect(address).await?),
                Address::Unix(path) => Box::new(UnixStream::connect(path).await?),
            };
            line.write_all(b"zINSTREAM\0").await?;
            Ok(Scan(line))
        };
        timeout(PIECE, connecting).await?
    }
}

impl Scan {
    /// The next piece.
    ///
    /// # Errors
    /// When it is not taken: the verdict may say why.
    pub async fn send(&mut self, piece: &[u8]) -> io::Result<()> {
        if piece.is_empty() {
            return Ok(()); // it would end the stream
        }
        let size = u32::try_from(piece.len()).map_err(io::Error::other)?;
        let sending = async {
            self.0.write_all(&size.to_be_bytes()).await?;
            self.0.write_all(piece).await
        };
        timeout(PIECE, sending).await?
    }

    /// Ends the content, and waits for what the scanner says.
    ///
    /// # Errors
    /// When it is away, or says something else.
    pub async fn verdict(mut self) -> io::Result<Verdict> {
        // one that has stopped listening has answered already
        let _ = timeout(PIECE, self.0.write_all(&0_u32.to_be_bytes())).await?;
        let mut answer = Vec::new();
        timeout(VERDICT, self.0.take(LONGEST_ANSWER).read_to_end(&mut answer)).await??;
        read(&answer)
    }
}

fn read(answer: &[u8]) -> io::Result<Verdict> {
    let text = String::from_utf8_lossy(answer);
    let text = text.trim_matches(|c: char| c == '\0' || c.is_whitespace());
    if text == "stream: OK" {
        Ok(Verdict::Clean)
    } else if text.starts_with("stream: ") && text.ends_with(" FOUND") {
        Ok(Verdict::Infected)
    } else if text.starts_with("INSTREAM size limit exceeded") {
        Ok(Verdict::TooLarge)
    } else {
        Err(io::Error::other("the scanner said neither OK nor FOUND"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_clamd() {
        assert_eq!(read(b"stream: OK\0").unwrap(), Verdict::Clean);
        assert_eq!(read(b"stream: Eicar-Test-Signature FOUND\0").unwrap(), Verdict::Infected);
        assert_eq!(read(b"INSTREAM size limit exceeded. ERROR\0").unwrap(), Verdict::TooLarge);
        for answer in [
            &b""[..],
            b"\0",
            b"stream: OK, more",
            b"UNKNOWN COMMAND\0",
            b"stream: Can't allocate memory ERROR\0",
            b"OK",
        ] {
            assert!(read(answer).is_err(), "{answer:?}");
        }
    }

    #[test]
    fn addresses() {
        assert!(
            "tcp://clamav:3310".parse::<Scanner>().is_ok() && "unix:/run/clamav/clamd.ctl".parse::<Scanner>().is_ok()
        );
        for text in ["clamav:3310", "tcp://clamav", "unix:run", "http://clamav:3310", ""] {
            assert!(text.parse::<Scanner>().is_err(), "{text}");
        }
    }
}
