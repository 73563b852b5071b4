//! The services behind the gateway: clusters of endpoints, and one request to one of them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

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
            .read_timeout(config.idle_timeout())
            .build()?;
        let endpoints = config.endpoints.clone();
        Ok(Self { name: name.to_owned(), endpoints, next: AtomicUsize::new(0), client })
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
            Ok(Err(cause)) if cause.is_timeout() => Err(Error::Deadline { cluster: cluster() }),
            Ok(Err(cause)) => Err(Error::Broken { cluster: cluster(), cause: cause.without_url() }),
            Err(_elapsed) => Err(Error::Deadline { cluster: cluster() }),
        }
    }
}
