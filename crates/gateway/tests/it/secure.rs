//! A gateway that speaks TLS, with an authority of its own.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;

use auth::Role;
use chassis::http::Readiness;
use chassis::shutdown::CancellationToken;
use gateway::Gateway;
use gateway::config::Config;
use gateway::listen::Clients;
use reqwest::{Certificate, ClientBuilder};
use testkit::{Authority, Tokens};
use tokio_util::sync::DropGuard;

use crate::binary::{Folder, written};
use crate::house::{self, Behind};

/// Where the gateway is reached.
pub const HOSTS: &[&str] = &["127.0.0.1", "localhost"];

pub struct Secure {
    pub url: String,
    pub address: SocketAddr,
    pub redirect: String,
    pub token: String,
    pub authority: Authority,
    folder: Folder,
    _stops: [DropGuard; 2],
}

impl Secure {
    pub fn open() -> Self {
        let [address, redirect] =
            [0, 1].map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).map(|held| held.local_addr().unwrap());
        let (authority, behind, stop, tokens) =
            (Authority::new(), Behind::start(), CancellationToken::new(), Tokens::new());
        let (folder, _file) = written("");
        let files = format!(
            "{{address: \"{address}\", tls: {{certificate: '{0}/cert.pem', key: '{0}/key.pem', redirect: '{redirect}'}}, ",
            folder.0.display()
        );
        let yaml = house::yaml(&behind.url).replace("{address: \"127.0.0.1:1\", ", &files);
        let secure = Self {
            url: format!("https://{address}"),
            address,
            redirect: format!("http://{redirect}"),
            token: tokens.mint(7, Role::Admin),
            authority,
            folder,
            _stops: [stop.clone().drop_guard(), behind.stop.drop_guard()],
        };
        let (certificate, key) = secure.authority.pair(HOSTS, 90);
        secure.write(&certificate, &key);
        let config = Config::parse(&yaml).unwrap();
        let clients = Clients::bind(&config.listener).unwrap();
        let gateway = Gateway::build(&config, tokens.verifier(), house::redis()).unwrap();
        house::in_thread(async move {
            clients.serve(gateway.routes(), Readiness::new(async || Ok(())), stop).await.unwrap();
        });
        secure
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.0.join(name)
    }

    /// Puts another pair in the place of the one that is there.
    pub fn write(&self, certificate: &str, key: &str) {
        for (name, text) in [("cert.pem", certificate), ("key.pem", key)] {
            std::fs::write(self.file("new"), text).unwrap();
            std::fs::rename(self.file("new"), self.file(name)).unwrap();
        }
    }

    /// A client that believes the authority.
    pub fn client(&self) -> ClientBuilder {
        let authority = Certificate::from_pem(self.authority.pem.as_bytes()).unwrap();
        reqwest::Client::builder().tls_certs_only([authority]).tls_info(true).no_proxy()
    }
}
