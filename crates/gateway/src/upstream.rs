//! The services behind the gateway: clusters of endpoints, and one request to one of them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::web::Bytes;
use futures_util::{Stream, stream};
use reqwest::{Client, Request, Response, Url, redirect};
use serde::Serialize;
use tracing::Instrument;

use crate::config;
use crate::error::Error;

/// Connections kept open to one endpoint.
const IDLE_CONNECTIONS: usize = 64;

/// All clusters by name.
pub struct Clusters(BTreeMap<String, Cluster>);

/// A service's replicas.
pub struct Cluster {
    name: String,
    endpoints: Vec<Url>,
    next: AtomicUsize,
    client: Client,
    idle_timeout: Duration,
}

/// A cluster as operators see it.
#[derive(Serialize)]
pub struct View<'a> {
    name: &'a str,
    endpoints: &'a [Url],
}

impl Clusters {
    /// The clusters of a configuration.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(clusters: &BTreeMap<String, config::Cluster>) -> reqwest::Result<Self> {
        let clusters = clusters.iter().map(|(name, cluster)| Ok((name.clone(), Cluster::new(name, cluster)?)));
        clusters.collect::<reqwest::Result<_>>().map(Self)
    }

    /// A cluster by its name.
    pub fn get(&self, name: &str) -> Option<&Cluster> {
        self.0.get(name)
    }

    /// All clusters for operators.
    pub fn view(&self) -> Vec<View<'_>> {
        self.0.values().map(|cluster| View { name: &cluster.name, endpoints: &cluster.endpoints }).collect()
    }
}

impl Cluster {
    fn new(name: &str, config: &config::Cluster) -> reqwest::Result<Self> {
        let client = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .http1_only()
            .tcp_nodelay(true)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            // Shorter than a service keeps a connection: it must not close one that we are about to use.
            .pool_idle_timeout(Duration::from_secs(60))
            .connect_timeout(config.connect_timeout())
            .build()?;
        let endpoints = config.endpoints.clone();
        let (next, idle_timeout) = (AtomicUsize::new(0), config.idle_timeout());
        Ok(Self { name: name.to_owned(), endpoints, next, client, idle_timeout })
    }

    /// The client that requests to this cluster are built with.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The next endpoint's address of a path and query.
    pub fn address(&self, path_and_query: &str) -> Option<Url> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let endpoint = self.endpoints.get(turn.checked_rem(self.endpoints.len())?)?;
        format!("{}{path_and_query}", endpoint.as_str().trim_end_matches('/')).parse().ok()
    }

    /// Sends a request and waits for the answer's headers until the deadline.
    ///
    /// # Errors
    /// Says what failed; errors hold no URL.
    pub async fn send(&self, request: Request, deadline: Duration) -> Result<Response, Error> {
        let span = tracing::Span::current();
        let answer = tokio::time::timeout(deadline, self.client.execute(request)).instrument(span).await;
        let cluster = || self.name.clone();
        match answer {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(cause)) if cause.is_connect() => {
                Err(Error::Connect { cluster: cluster(), cause: cause.without_url() })
            }
            Ok(Err(cause)) => Err(Error::Broken { cluster: cluster(), cause: cause.without_url() }),
            Err(_elapsed) => Err(Error::Deadline { cluster: cluster() }),
        }
    }

    /// The body of an answer. A break within it ends the client's connection, so that it does not look whole; so does a
    /// pause that is too long.
    pub fn body(&self, answer: Response) -> impl Stream<Item = Result<Bytes, Error>> + use<> {
        let (cluster, idle_timeout) = (self.name.clone(), self.idle_timeout);
        stream::unfold(Some(answer), move |answer| {
            let cluster = cluster.clone();
            async move {
                let mut answer = answer?;
                let fault = match tokio::time::timeout(idle_timeout, answer.chunk()).await {
                    Ok(Ok(chunk)) => return chunk.map(|chunk| (Ok(chunk), Some(answer))),
                    Ok(Err(cause)) => Error::Broken { cluster, cause: cause.without_url() },
                    Err(_elapsed) => Error::Stalled { cluster },
                };
                fault.count();
                tracing::warn!(%fault, "an answer broke off");
                Some((Err(fault), None))
            }
        })
    }
}
