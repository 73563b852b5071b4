//! A load generator: a bounded number of connections, each with one request at a time.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::Manner;
use super::seed::Seeded;

/// Parts of names as somebody at a desk types them.
const PARTS: [&str; 8] = ["laksh", "venka", "chatter", "subra", "gurp", "nair", "krishna", "moham"];

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
}

impl Target {
    /// For the report.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Read(_) => "read a patient",
            Self::Search => "search by part of a name",
            Self::List => "list the first page",
            Self::OneOf(name, _) => name,
        }
    }

    fn path(&self, dice: &mut Seeded) -> String {
        match self {
            Self::Read(ids) => {
                let id = ids.start() + dice.below(ids.end() - ids.start() + 1);
                format!("/api/patients/{id}/")
            }
            Self::Search => format!("/api/patients/?search={}", dice.one_of(&PARTS).copied().unwrap_or("rao")),
            Self::List => "/api/patients/".to_owned(),
            Self::OneOf(_, paths) => dice.one_of(paths).cloned().unwrap_or_default(),
        }
    }
}

impl Load {
    /// Asks as fast as the connections allow; gives each answer's time in microseconds. Any answer but 200 is an error.
    pub async fn run(&self, target: &Target, length: Duration) -> Result<Vec<u64>> {
        let until = Instant::now() + length;
        let mut connections = JoinSet::new();
        for seed in (0..).take(self.manner.concurrency) {
            let sender = self.connect().await?;
            connections.spawn(drive(sender, target.clone(), self.token.clone(), Seeded::new(seed), until));
        }
        let mut latencies = Vec::new();
        while let Some(of_one) = connections.join_next().await {
            latencies.extend(of_one??);
        }
        Ok(latencies)
    }

    async fn connect(&self) -> Result<SendRequest<Empty<Bytes>>> {
        let stream = TcpStream::connect(("127.0.0.1", self.address)).await.context("the gateway does not answer")?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(sender)
    }
}

async fn drive(
    mut sender: SendRequest<Empty<Bytes>>,
    target: Target,
    token: String,
    mut dice: Seeded,
    until: Instant,
) -> Result<Vec<u64>> {
    let mut latencies = Vec::new();
    while Instant::now() < until {
        let request = Request::get(target.path(&mut dice))
            .header("host", "127.0.0.1")
            .header("authorization", format!("Bearer {token}"))
            .body(Empty::new())?;
        let began = Instant::now();
        sender.ready().await.context("the gateway closed the connection")?;
        let mut answer = sender.send_request(request).await?;
        let status = answer.status();
        while let Some(frame) = answer.frame().await {
            frame?;
        }
        if status != 200 {
            bail!("{} answered {status} under load", target.name());
        }
        latencies.push(u64::try_from(began.elapsed().as_micros())?);
    }
    Ok(latencies)
}
