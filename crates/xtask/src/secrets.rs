//! Passwords and keys of a local system: made once, at random, readable by their owner only.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::home::{Home, random_hex, write_private};
use crate::system::SERVICES;

/// Everything secret, as `secrets.json` keeps it.
#[derive(Clone, Serialize, Deserialize)]
pub struct Secrets {
    /// The password of PostgreSQL's superuser.
    pub postgres: String,
    /// Seals second factors; made when the services' others are.
    #[serde(default)]
    pub mfa_key: String,
    /// Per service.
    pub services: BTreeMap<String, ServiceSecrets>,
    /// Passwords of the demo hospital's people, by user name.
    pub people: BTreeMap<String, String>,
}

/// What one service needs.
#[derive(Clone, Serialize, Deserialize)]
pub struct ServiceSecrets {
    /// Password of the role that reads and writes rows.
    pub app: String,
    /// Password of the role that owns the schema.
    pub owner: String,
    /// Seals page cursors.
    pub cursor_key: String,
}

impl Secrets {
    /// The secrets of this system, made now if there are none.
    pub fn load_or_make(home: &Home) -> Result<Self> {
        let path = home.path("secrets.json");
        if path.is_file() {
            let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let mut secrets: Self = serde_json::from_str(&text)
                .with_context(|| format!("{} is damaged: `cargo xtask reset` starts afresh", path.display()))?;
            if secrets.mfa_key.is_empty() {
                secrets.mfa_key = random_hex(32)?;
                secrets.save(home)?;
            }
            return Ok(secrets);
        }
        let mut services = BTreeMap::new();
        for service in SERVICES {
            services.insert(
                service.name.to_owned(),
                ServiceSecrets { app: random_hex(16)?, owner: random_hex(16)?, cursor_key: random_hex(32)? },
            );
        }
        let secrets = Self { postgres: random_hex(16)?, mfa_key: random_hex(32)?, services, people: BTreeMap::new() };
        secrets.save(home)?;
        Ok(secrets)
    }

    /// One service's secrets.
    pub fn of(&self, service: &str) -> Result<&ServiceSecrets> {
        self.services
            .get(service)
            .with_context(|| format!("secrets.json has nothing for {service}: `cargo xtask reset` starts afresh"))
    }

    /// The password of a demo user, made and kept if it is new.
    pub fn person(&mut self, home: &Home, username: &str) -> Result<String> {
        if let Some(password) = self.people.get(username) {
            return Ok(password.clone());
        }
        // Capitals, digits and a sign, so that any sensible password rule is content.
        let password = format!("Ehs-{}-{}", random_hex(4)?, random_hex(6)?.to_uppercase());
        self.people.insert(username.to_owned(), password.clone());
        self.save(home)?;
        Ok(password)
    }

    fn save(&self, home: &Home) -> Result<()> {
        write_private(&home.path("secrets.json"), &serde_json::to_string_pretty(self)?)
    }
}
