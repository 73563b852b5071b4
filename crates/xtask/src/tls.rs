//! A certificate authority of this machine alone, for `up --tls`, and the gateway's certificate by it.
//!
//! The authority may sign for 127.0.0.1 and localhost only: who trusts it trusts nothing else by it.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, NameConstraints,
};
use x509_parser::pem::parse_x509_pem;

use crate::home::{Home, write_private};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The authority, which people add to their browsers.
const AUTHORITY_DAYS: u32 = 3_650;
/// The gateway's own. Apple's clients take none that is good for longer than 398 days.
const LEAF_DAYS: u32 = 90;
/// What is good for no longer than this is made anew.
const RENEW_BELOW_DAYS: i64 = 30;

/// Where a system's certificates lie: made at the first start with TLS, kept, and renewed when they soon expire.
pub struct Certificates {
    /// The authority's certificate.
    pub authority: PathBuf,
    /// The gateway's certificate.
    pub certificate: PathBuf,
    /// The gateway's key.
    pub key: PathBuf,
}

impl Certificates {
    /// Where they are, or would be.
    pub fn of(home: &Home) -> Self {
        let file = |name: &str| home.path("tls").join(name);
        Self { authority: file("ca.pem"), certificate: file("gateway.pem"), key: file("gateway-key.pem") }
    }

    /// Makes what is missing or expires soon.
    pub fn ensure(&self, home: &Home) -> Result<()> {
        let folder = home.path("tls");
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
        let authority_key = folder.join("ca-key.pem");
        let kept = fs::read_to_string(&authority_key).ok().filter(|_key| lasts(&self.authority));
        let fresh = kept.is_none();
        let issuer = match kept {
            Some(key) => {
                let key = KeyPair::from_pem(&key).context("the authority's key is damaged")?;
                Issuer::from_ca_cert_pem(&fs::read_to_string(&self.authority)?, key)
                    .context("the authority's certificate is damaged")?
            }
            None => {
                let (params, key) = (authority()?, KeyPair::generate()?);
                let certificate = params.self_signed(&key)?;
                write_private(&authority_key, &key.serialize_pem())?;
                write_private(&self.authority, &certificate.pem())?;
                Issuer::new(params, key)
            }
        };
        if fresh || !lasts(&self.certificate) || !self.key.is_file() {
            let key = KeyPair::generate()?;
            let certificate = leaf()?.signed_by(&key, &issuer)?;
            write_private(&self.key, &key.serialize_pem())?;
            write_private(&self.certificate, &certificate.pem())?;
        }
        Ok(())
    }
}

fn authority() -> Result<CertificateParams> {
    let mut params = CertificateParams::new([])?;
    params.distinguished_name.push(DnType::CommonName, "EHS on this machine");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let address = CidrSubnet::from_v4_prefix(Ipv4Addr::LOCALHOST.octets(), 32);
    let only = vec![GeneralSubtree::DnsName("localhost".to_owned()), GeneralSubtree::IpAddress(address)];
    params.name_constraints = Some(NameConstraints { permitted_subtrees: only, excluded_subtrees: Vec::new() });
    good_for(&mut params, AUTHORITY_DAYS);
    Ok(params)
}

fn leaf() -> Result<CertificateParams> {
    let mut params = CertificateParams::new(["localhost".to_owned(), Ipv4Addr::LOCALHOST.to_string()])?;
    params.distinguished_name.push(DnType::CommonName, "EHS gateway");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    good_for(&mut params, LEAF_DAYS);
    Ok(params)
}

/// From an hour ago, for clocks that go differently.
fn good_for(params: &mut CertificateParams, days: u32) {
    let now = SystemTime::now();
    params.not_before = (now - Duration::from_secs(60 * 60)).into();
    params.not_after = (now + DAY * days).into();
}

/// Whether it is a certificate that is good for a while.
fn lasts(certificate: &std::path::Path) -> bool {
    let left = || {
        let (_rest, pem) = parse_x509_pem(&fs::read(certificate).ok()?).ok()?;
        pem.parse_x509().ok()?.validity().time_to_expiration().map(|left| left.whole_days())
    };
    left().is_some_and(|days| days > RENEW_BELOW_DAYS)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::home::{Purpose, random_hex};

    #[test]
    fn certificates_are_kept_private_and_renewed_when_they_must_be() {
        let dir = std::env::temp_dir().join(format!("ehs-tls-{}", random_hex(8).unwrap()));
        let mut home = Home::of(Purpose::Test).unwrap();
        home.dir = dir.clone();
        let certificates = Certificates::of(&home);
        let made = || {
            certificates.ensure(&home).unwrap();
            [&certificates.authority, &certificates.certificate, &certificates.key].map(|path| fs::read(path).unwrap())
        };
        let first = made();
        assert_eq!(made(), first, "kept");
        for entry in fs::read_dir(dir.join("tls")).unwrap().flatten() {
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{}", entry.path().display());
        }
        let mut short = leaf().unwrap();
        good_for(&mut short, 20);
        fs::write(&certificates.certificate, short.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()).unwrap();
        let second = made();
        let [[authority, leaf, key], [authority_before, leaf_before, key_before]] = [second, first];
        assert!(authority == authority_before && leaf != leaf_before && key != key_before, "only what expires soon");
        fs::remove_file(&certificates.authority).unwrap();
        assert_ne!(made().map(|file| file.len() > 100 && file != leaf), [false; 3]);
        fs::remove_dir_all(dir).unwrap();
    }
}
