//! A load generator: a bounded number of connections, each with one request at a time.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::Manner;
use super::seed::Seeded;

/// Parts of names as somebody at a desk types them.
const PARTS: [&str; 8] = ["laksh", "venka", "chatter", "subra", "gurp", "nair", "krishna", "moham"];
/// Of a large answer, its first bytes are kept.
const HEAD: usize = 256;

/// Where the load goes.
pub struct Load {
    /// The gateway's port.
    pub address: u16,
    /// An access token.
    pub token: String,
    /// How much, how long.
    pub manner: Manner,
}

/// What is asked for.
#[derive(Clone)]
pub enum Target {
    /// One patient, a different one each time.
    Read(RangeInclusive<u64>),
    /// Patients by a part of their name.
    Search,
    /// The first page of all patients.
    List,
    /// One of these paths, by what they are called.
    OneOf(&'static str, Arc<[String]>),
    /// Something written, by what it is called: each once, until none is left.
    Each(&'static str, Arc<Writes>),
}

/// Things to be written.
pub struct Writes {
    /// Where they are sent.
    path: &'static str,
    /// Which run it is, so that no other's keys are met.
    run: u128,
    bodies: Vec<String>,
    next: AtomicUsize,
}

impl Writes {
    /// To this path, each with an `Idempotency-Key`, as a careful client sends it.
    pub fn new(path: &'static str, bodies: Vec<String>) -> Result<Arc<Self>> {
        ensure!(!bodies.is_empty(), "there is nothing to write to {path}");
        let run = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_nanos();
        Ok(Arc::new(Self { path, run, bodies, next: AtomicUsize::new(0) }))
    }

    fn request(&self) -> Option<Asked> {
        let at = self.next.fetch_add(1, Ordering::Relaxed);
        let body = self.bodies.get(at)?.clone();
        Some(Asked { path: self.path.to_owned(), write: Some((format!("bench-{}-{at}", self.run), body)) })
    }
}

/// One request; what it writes, and under which key.
struct Asked {
    path: String,
    write: Option<(String, String)>,
}

/// A large answer.
pub struct Fetched {
    /// How it begins.
    pub head: String,
    /// How long it is.
    pub bytes: u64,
    /// How long it took.
    pub took: Duration,
}

impl Target {
    /// For the report.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Read(_) => "read a patient",
            Self::Search => "search by part of a name",
            Self::List => "list the first page",
            Self::OneOf(name, _) | Self::Each(name, _) => name,
        }
    }

    /// None when nothing is left.
    fn request(&self, dice: &mut Seeded) -> Option<Asked> {
        let path = match self {
            Self::Read(ids) => {
                let id = ids.start() + dice.below(ids.end() - ids.start() + 1);
                format!("/api/patients/{id}/")
            }
            Self::Search => format!("/api/patients/?search={}", dice.one_of(&PARTS).copied().unwrap_or("rao")),
            Self::List => "/api/patients/".to_owned(),
            Self::OneOf(_, paths) => dice.one_of(paths).cloned().unwrap_or_default(),
            Self::Each(_, writes) => return writes.request(),
        };
        Some(Asked { path, write: None })
    }
}

impl Load {
    /// Asks as fast as the connections allow; gives each answer's time in microseconds. Any answer but 200 or 201 is an error.
    pub async fn run(&self, target: &Target, length: Duration) -> Result<Vec<u64>> {
        self.drive(target, length, None).await
    }

    /// Each connection asks once in a while, its next question at its time also when the answer before came late, as those
    /// do who do something else in between.
    pub async fn run_paced(&self, target: &Target, length: Duration, every: Duration) -> Result<Vec<u64>> {
        self.drive(target, length, Some(every)).await
    }

    /// Asks once, for something large.
    pub async fn fetch(&self, path: &str) -> Result<Fetched> {
        let mut sender = self.connect().await?;
        let began = Instant::now();
        let request = request(&Asked { path: path.to_owned(), write: None }, &self.token)?;
        let mut answer = sender.send_request(request).await?;
        let status = answer.status();
        let (mut head, mut bytes) = (Vec::new(), 0_u64);
        while let Some(frame) = answer.frame().await {
            let frame = frame.with_context(|| format!("{path} broke off"))?;
            let Some(data) = frame.data_ref() else { continue };
            bytes += u64::try_from(data.len())?;
            head.extend(data.iter().take(HEAD.saturating_sub(head.len())));
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        ensure!(status == 200, "{path} answered {status}: {head}");
        Ok(Fetched { head, bytes, took: began.elapsed() })
    }

    async fn drive(&self, target: &Target, length: Duration, every: Option<Duration>) -> Result<Vec<u64>> {
        let until = Instant::now() + length;
        let mut connections = JoinSet::new();
        for seed in (0..).take(self.manner.concurrency) {
            let user = User {
                sender: self.connect().await?,
                target: target.clone(),
                token: self.token.clone(),
                dice: Seeded::new(seed),
                every,
            };
            connections.spawn(user.drive(until));
        }
        let mut latencies = Vec::new();
        while let Some(of_one) = connections.join_next().await {
            latencies.extend(of_one??);
        }
        Ok(latencies)
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>> {
        let stream = TcpStream::connect(("127.0.0.1", self.address)).await.context("the gateway does not answer")?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(sender)
    }
}

fn request(asked: &Asked, token: &str) -> Result<Request<Full<Bytes>>> {
    let builder = Request::builder()
        .uri(&asked.path)
        .header("host", "127.0.0.1")
        .header("authorization", format!("Bearer {token}"));
    Ok(match &asked.write {
        None => builder.method(Method::GET).body(Full::default())?,
        Some((key, body)) => builder
            .method(Method::POST)
            .header("content-type", "application/json")
            .header("idempotency-key", key)
            .body(Full::from(body.clone()))?,
    })
}

/// One connection.
struct User {
    sender: SendRequest<Full<Bytes>>,
    target: Target,
    token: String,
    dice: Seeded,
    every: Option<Duration>,
}

impl User {
    async fn drive(mut self, until: Instant) -> Result<Vec<u64>> {
        let mut latencies = Vec::new();
        let mut due = self.every.map(|every| Instant::now() + self.phase(every));
        while Instant::now() < until {
            let began = match due {
                Some(due) if due >= until => break,
                // Late already: the wait for the answer before is part of this one's.
                Some(due) if due <= Instant::now() => due,
                Some(due) => {
                    tokio::time::sleep_until(due.into()).await;
                    Instant::now()
                }
                None => Instant::now(),
            };
            let Some(asked) = self.target.request(&mut self.dice) else { break };
            self.ask(&asked).await?;
            latencies.push(u64::try_from(began.elapsed().as_micros())?);
            due = due.zip(self.every).map(|(due, every)| due + every);
        }
        Ok(latencies)
    }

    /// When within the pause the first question comes, so that not all come at once.
    fn phase(&mut self, every: Duration) -> Duration {
        every.saturating_mul(u32::try_from(self.dice.below(1000)).unwrap_or_default()) / 1000
    }

    async fn ask(&mut self, asked: &Asked) -> Result<()> {
        let request = request(asked, &self.token)?;
        self.sender.ready().await.context("the gateway closed the connection")?;
        let mut answer = self.sender.send_request(request).await?;
        let status = answer.status();
        let mut refusal = Vec::new();
        while let Some(frame) = answer.frame().await {
            let frame = frame?;
            if status.as_u16() >= 400 {
                refusal.extend(frame.data_ref().map(|data| data.to_vec()).unwrap_or_default());
            }
        }
        if status != 200 && status != 201 {
            bail!("{} answered {status} under load: {}", self.target.name(), String::from_utf8_lossy(&refusal));
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;

    #[test]
    fn each_is_written_once_under_a_key_of_its_own() {
        let writes = Writes::new("/api/x/", vec!["a".to_owned(), "b".to_owned()]).unwrap();
        let target = Target::Each("x", writes);
        let mut dice = Seeded::new(1);
        let sent: Vec<(String, String)> =
            std::iter::from_fn(|| target.request(&mut dice)).filter_map(|asked| asked.write).collect();
        let [(first, a), (second, b)] = sent.as_slice() else { unreachable!("two were to be written: {sent:?}") };
        assert!(first != second && a == "a" && b == "b");
        assert!(Writes::new("/api/x/", Vec::new()).is_err());
    }
}
