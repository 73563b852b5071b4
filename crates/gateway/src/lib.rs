#![doc = include_str!("../README.md")]

pub mod config;
pub mod route;

pub mod edge;
pub mod listen;
pub mod request;
pub mod tls;

pub mod authn;
pub mod body;
pub mod client;
pub mod headers;
pub mod limits;
pub mod upstream;

pub mod error;
pub mod outcome;

pub mod admin;
pub mod docs;

use std::sync::Arc;

use actix_web::web;
use auth::{Revocations, Verifier};
use chassis::edge::Edge;
use chassis::http::{self, Readiness, Routes};
use chassis::redis::Redis;
use chassis::shutdown::CancellationToken;
use ipnet::IpNet;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::config::Config;
use crate::docs::{Documents, Source};
use crate::limits::Limits;
use crate::listen::Clients;
use crate::route::Table;
use crate::upstream::Clusters;

/// What a request meets.
#[derive(Clone)]
pub struct Gateway {
    table: Arc<Table>,
    clusters: Arc<Clusters>,
    verifier: Verifier,
    revocations: Revocations,
    limits: Limits,
    proxies: Arc<[IpNet]>,
    documents: Documents,
    edge: Arc<dyn Edge>,
}

impl Gateway {
    /// Builds it from a checked configuration.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn build(config: &Config, verifier: Verifier, redis: Redis) -> reqwest::Result<Self> {
        let clusters = Clusters::new(&config.clusters)?;
        let documents = Documents::new(Source::all(config))?;
        let table = Arc::new(Table::new(&config.routes));
        let edge = edge::edge(&config.cors);
        let limits = Limits::new(&config.limits, redis.clone());
        let (revocations, proxies) = (Revocations::new(redis), config.listener.trusted_proxies.clone().into());
        Ok(Self { table, clusters: Arc::new(clusters), verifier, revocations, limits, proxies, documents, edge })
    }

    /// Every resource of the gateway: its own, then whatever the routes match.
    pub fn routes(&self) -> impl Routes + Sync + use<> {
        let gateway = self.clone();
        move |config: &mut ServiceConfig<'_>| {
            config.app_data(gateway.verifier.clone()).app_data(web::Data::new(gateway.clone()));
            config.app_data(Arc::clone(&gateway.edge));
            config.app_data(outcome::for_whoever_accepts_it());
            config.map(|config| {
                config
                    .configure(|config| docs::routes(config, &gateway.documents))
                    .configure(|config| request::routes(config, &gateway.table))
            });
        }
    }
}

/// Serves until `stop` is cancelled, then finishes what is under way.
///
/// # Errors
/// Names the address that is taken, or what is wrong with the certificate.
pub async fn run(config: Config, verifier: Verifier, redis: Redis, stop: CancellationToken) -> anyhow::Result<()> {
    let operators = http::bind(config.admin.address)?;
    let clients = Clients::bind(&config.listener)?;
    let gateway = Gateway::build(&config, verifier, redis)?;
    tracing::info!(address = %config.listener.address, "serving");
    let ready = Readiness::new(async || Ok(()));
    let more = admin::routes(Arc::new(config), Arc::clone(&gateway.clusters));
    tokio::try_join!(
        clients.serve(gateway.routes(), ready.clone(), stop.clone()),
        http::serve_admin(operators, ready, more, stop),
    )?;
    Ok(())
}
