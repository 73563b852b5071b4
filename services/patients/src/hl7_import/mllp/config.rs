//! Settings of the listener.

use std::fs::File;
use std::io::BufReader;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use chassis::env::Env;
use ipnet::IpNet;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;

/// Settings of the listener; [`crate::config`] has the table.
#[derive(Clone, Debug)]
pub struct MllpConfig {
    /// Where it listens.
    pub listen: SocketAddr,
    /// TLS, where it is spoken.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// Who may connect.
    pub allow: Vec<IpNet>,
    /// The largest frame.
    pub max_bytes: usize,
    /// How long a connection may be silent between messages.
    pub idle: Duration,
    /// Within what a frame that began must end, a message must be taken, an answer must be read.
    pub deadline: Duration,
    /// Connections at most.
    pub max_connections: usize,
    /// Messages that are worked on at once, at most.
    pub at_once: usize,
}

impl MllpConfig {
    /// Reads the settings; `Some(None)`: there is to be no listener. `None` means that faults were noted in `env`.
    pub fn read(env: &mut Env) -> Option<Option<Self>> {
        let listen = env.optional::<SocketAddr>("EHS_MLLP_LISTEN");
        let allow = allow(env);
        let max_bytes = between(env, "EHS_MLLP_MAX_BYTES", hl7::MAX_BYTES, 1024, hl7::MAX_BYTES);
        let idle = between(env, "EHS_MLLP_IDLE_SECONDS", 600, 1, 86_400);
        let deadline = between(env, "EHS_MLLP_DEADLINE_SECONDS", 30, 1, 600);
        let max_connections = between(env, "EHS_MLLP_MAX_CONNECTIONS", 64, 1, 10_000);
        let at_once = between(env, "EHS_MLLP_AT_ONCE", 4, 1, 256);
        let tls = tls(env);
        let Some(listen) = listen? else { return Some(None) };
        Some(Some(Self {
            listen,
            tls: tls?,
            allow: allow?,
            max_bytes: max_bytes?,
            idle: Duration::from_secs(idle?),
            deadline: Duration::from_secs(deadline?),
            max_connections: max_connections?,
            at_once: at_once?,
        }))
    }

    /// Whether this address may connect.
    pub fn lets_in(&self, peer: IpAddr) -> bool {
        self.allow.iter().any(|net| net.contains(&peer))
    }
}

fn between<T>(env: &mut Env, name: &str, default: T, least: T, most: T) -> Option<T>
where
    T: std::str::FromStr + PartialOrd + std::fmt::Display + Copy,
    T::Err: std::fmt::Display,
{
    let value = env.or(name, default)?;
    if value < least || value > most {
        env.fault(name, format_args!("must be {least} to {most}"));
        return None;
    }
    Some(value)
}

/// Networks, with commas between them; an address alone is a network of one.
fn allow(env: &mut Env) -> Option<Vec<IpNet>> {
    const NAME: &str = "EHS_MLLP_ALLOW";
    let text = env.or(NAME, "127.0.0.0/8,::1/128".to_owned())?;
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let nets: Result<Vec<IpNet>, &str> = parts
        .map(|part| {
            part.parse().or_else(|_no_net| part.parse::<IpAddr>().map(IpNet::from)).map_err(|_nor_address| part)
        })
        .collect();
    match nets {
        Ok(nets) if nets.is_empty() => {
            env.fault(NAME, "must name at least one network");
            None
        }
        Ok(nets) => Some(nets),
        Err(part) => {
            env.fault(NAME, format_args!("has no network or address in {part:?}"));
            None
        }
    }
}

fn tls(env: &mut Env) -> Option<Option<Arc<rustls::ServerConfig>>> {
    const CERTIFICATE: &str = "EHS_MLLP_TLS_CERT_FILE";
    const KEY: &str = "EHS_MLLP_TLS_KEY_FILE";
    let (certificate, key) = (env.optional::<PathBuf>(CERTIFICATE), env.optional::<PathBuf>(KEY));
    let clients = env.optional::<PathBuf>("EHS_MLLP_TLS_CLIENT_CA_FILE");
    let (certificate, key, clients) = (certificate?, key?, clients?);
    match (certificate, key) {
        (None, None) if clients.is_none() => Some(None),
        (Some(certificate), Some(key)) => match server(&certificate, &key, clients.as_deref()) {
            Ok(server) => Some(Some(Arc::new(server))),
            Err(fault) => {
                env.fault(CERTIFICATE, format_args!("cannot be used: {fault:#}"));
                None
            }
        },
        _ => {
            env.fault(CERTIFICATE, format_args!("and {KEY} come together, and with EHS_MLLP_TLS_CLIENT_CA_FILE"));
            None
        }
    }
}

fn server(certificate: &Path, key: &Path, clients: Option<&Path>) -> anyhow::Result<rustls::ServerConfig> {
    let chain = certificates(certificate)?;
    let key = PrivateKeyDer::from_pem_file(key).context("the key")?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        rustls::ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for root in certificates(path)? {
                roots.add(root).context("the clients' authority")?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build()?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    builder.with_single_cert(chain, key).context("certificate and key")
}

fn certificates(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let file = BufReader::new(File::open(path).context("the certificate")?);
    let chain = CertificateDer::pem_reader_iter(file).collect::<Result<Vec<_>, _>>().context("the certificate")?;
    anyhow::ensure!(!chain.is_empty(), "the file holds no certificate");
    Ok(chain)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read<const N: usize>(variables: [(&str, &str); N]) -> Result<Option<MllpConfig>, String> {
        let mut env = Env::of(variables);
        let config = MllpConfig::read(&mut env);
        env.finish(config).map_err(|faults| faults.to_string())
    }

    #[test]
    fn without_an_address_there_is_no_listener_and_with_one_only_this_machine_gets_in() {
        assert!(read([]).unwrap().is_none());
        let config = read([("EHS_MLLP_LISTEN", "127.0.0.1:2575")]).unwrap().unwrap();
        assert!(config.tls.is_none() && config.lets_in("127.0.0.1".parse().unwrap()));
        assert!(!config.lets_in("10.1.2.3".parse().unwrap()));
        let allow = ("EHS_MLLP_ALLOW", "10.1.0.0/16, 192.168.7.7,2001:db8::/32");
        let config = read([("EHS_MLLP_LISTEN", "0.0.0.0:2575"), allow]).unwrap().unwrap();
        for (address, lets_in) in [
            ("10.1.2.3", true),
            ("10.2.0.1", false),
            ("192.168.7.7", true),
            ("192.168.7.8", false),
            ("2001:db8::7", true),
        ] {
            assert_eq!(config.lets_in(address.parse().unwrap()), lets_in, "{address}");
        }
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let faults = read([
            ("EHS_MLLP_LISTEN", "2575"),
            ("EHS_MLLP_ALLOW", "10.0.0.0/99"),
            ("EHS_MLLP_MAX_BYTES", "999999999"),
            ("EHS_MLLP_IDLE_SECONDS", "0"),
            ("EHS_MLLP_TLS_KEY_FILE", "key.pem"),
        ])
        .unwrap_err();
        for name in [
            "EHS_MLLP_LISTEN",
            "EHS_MLLP_ALLOW",
            "EHS_MLLP_MAX_BYTES",
            "EHS_MLLP_IDLE_SECONDS",
            "EHS_MLLP_TLS_CERT_FILE",
        ] {
            assert!(faults.contains(name), "{faults}");
        }
    }
}
