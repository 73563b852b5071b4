//! What the handlers share.

use audit::Recorder;
use auth::Verifier;
use chassis::db::Pool;
use chassis::page::CursorKey;
use chrono::{NaiveDate, Utc};
use chrono_tz::Tz;
use events::Outbox;
use object_store::Store;

use crate::config::{Hospital, ServeConfig};
use crate::documents::Documents;
use crate::history::cache::Histories;
use crate::staff::UsersService;

/// The state of a serving process.
#[derive(Clone)]
pub struct App {
    /// Connections to this service's schema.
    pub db: Pool,
    /// Writes down who did what.
    pub audit: Recorder,
    /// Where events go.
    pub outbox: Outbox,
    /// Checks tokens.
    pub verifier: Verifier,
    /// The owner of doctors.
    pub users: UsersService,
    /// Medical histories, as they are read again and again.
    pub histories: Histories,
    /// Where documents are, and what they may be.
    pub documents: Documents,
    /// Seals page cursors.
    pub cursor_key: CursorKey,
    /// The hospital's time zone.
    pub time_zone: Tz,
    /// The URI that FHIR gives the hospital's patient numbers.
    pub patient_id_system: String,
    /// The hospital, in FHIR documents.
    pub hospital: Hospital,
}

impl App {
    /// Connects lazily to everything.
    ///
    /// # Errors
    /// When a setting cannot be used.
    pub async fn build(config: &ServeConfig) -> anyhow::Result<Self> {
        let (db, base) = (chassis::db::pool(&config.base.db, "patients serve")?, &config.base);
        Ok(Self {
            histories: Histories::new(db.clone(), &base.redis, &base.cursor_key, base.time_zone)?,
            db,
            audit: audit::config::recorder(&config.base, "patients")?,
            outbox: Outbox::new(),
            verifier: config.auth.verifier()?,
            users: UsersService::at(config.users_url.clone())?,
            documents: Documents::new(Store::connect(&config.store).await, config.uploads.clone()),
            cursor_key: config.base.cursor_key.clone(),
            time_zone: config.base.time_zone,
            patient_id_system: config.patient_id_system.clone(),
            hospital: config.hospital.clone(),
        })
    }

    /// The date in the hospital.
    pub fn today(&self) -> NaiveDate {
        Utc::now().with_timezone(&self.time_zone).date_naive()
    }
}
