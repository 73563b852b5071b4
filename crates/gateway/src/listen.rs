//! Where clients come in: plain HTTP, or TLS with its certificate watched and plain HTTP sent there.

use std::net::TcpListener;

use anyhow::Context;
use chassis::http::{self, Readiness, Routes, Socket};
use chassis::shutdown::CancellationToken;

use crate::config::{Listener, Tls};
use crate::tls::{self, Current, Pair};

/// How a listener names itself in its document, which the gateway's own hides.
const TITLE: &str = "EHS gateway";

/// Ports that are listened on already, and what to serve them with.
pub struct Clients {
    listener: TcpListener,
    workers: usize,
    secure: Option<Secure>,
}

struct Secure {
    files: Tls,
    pair: Pair,
    redirect: Option<TcpListener>,
}

impl Clients {
    /// Listens, and reads the certificate.
    ///
    /// # Errors
    /// Names the address that is taken, or what is wrong with the certificate.
    pub fn bind(config: &Listener) -> anyhow::Result<Self> {
        let secure = config.tls.as_ref().map(|files| {
            let pair = Pair::load(files).context("listener.tls")?;
            anyhow::Ok(Secure { files: files.clone(), pair, redirect: files.redirect.map(http::bind).transpose()? })
        });
        Ok(Self { listener: http::bind(config.address)?, workers: config.workers, secure: secure.transpose()? })
    }

    /// Serves `routes` until `stop` is cancelled, then finishes what is under way.
    ///
    /// # Errors
    /// When a listener cannot be used.
    pub async fn serve(self, routes: impl Routes, ready: Readiness, stop: CancellationToken) -> anyhow::Result<()> {
        let Some(Secure { files, pair, redirect }) = self.secure else {
            return http::serve(self.listener, self.workers, TITLE, routes, ready, stop).await;
        };
        let port = self.listener.local_addr()?.port();
        let current = Current::new(pair.clone());
        let socket = Socket::tls(self.listener, tls::server_config(current.clone())?);
        let plain = async {
            match redirect {
                Some(listener) => {
                    http::serve(listener, 1, TITLE, tls::redirect(port), ready.clone(), stop.clone()).await
                }
                None => Ok(()),
            }
        };
        let watch = async {
            tls::watch(&files, &current, pair, stop.clone()).await;
            Ok(())
        };
        let clients = http::serve(socket, self.workers, TITLE, routes, ready.clone(), stop.clone());
        tokio::try_join!(clients, plain, watch).map(drop)
    }
}
