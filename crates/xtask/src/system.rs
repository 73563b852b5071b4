//! What an EHS consists of, as data: its services, and what each is told through its environment.

use anyhow::Result;

use crate::cargo::Binaries;
use crate::home::{Home, Purpose, port};
use crate::parts::aws;
use crate::secrets::Secrets;
use crate::supervise::{Layer, Probe, Spec, Stop};

/// One domain service.
#[derive(Clone, Copy, Debug)]
pub struct Service {
    /// Its name, which is also its binary's, its schema's and its roles' first part.
    pub name: &'static str,
    /// Where `serve` listens.
    pub listen: u16,
    /// Where `serve` shows its metrics.
    pub admin: u16,
    /// Where `worker` shows its metrics.
    pub worker_admin: u16,
}

/// All domain services.
pub const SERVICES: [Service; 4] = [
    Service { name: "users", listen: 8101, admin: 9101, worker_admin: 9201 },
    Service { name: "patients", listen: 8102, admin: 9102, worker_admin: 9202 },
    Service { name: "appointments", listen: 8103, admin: 9103, worker_admin: 9203 },
    Service { name: "billing", listen: 8104, admin: 9104, worker_admin: 9204 },
];

/// The one database; each service has a schema and roles of its own in it.
pub const DATABASE: &str = "ehs";

/// The demo hospital as its invoices name it. The GSTIN is an example from the law's own texts.
const HOSPITAL: [(&str, &str); 6] = [
    ("EHS_HOSPITAL_NAME", "Asha Demo Hospital"),
    ("EHS_HOSPITAL_ADDRESS", "14, Anna Salai, Chennai, Tamil Nadu 600002"),
    ("EHS_HOSPITAL_GSTIN", "33AAATC1278N1ZN"),
    ("EHS_HOSPITAL_STATE_CODE", "33"),
    ("EHS_CONSULTATION_FEE", "600.00"),
    ("EHS_UPI_VPA", "asha.demo@upi"),
];

/// Every port of a system with what listens there.
pub fn ports(home: &Home) -> Vec<(String, u16)> {
    let mut ports = vec![
        ("gateway".to_owned(), port::GATEWAY),
        ("gateway's admin".to_owned(), port::GATEWAY_ADMIN),
        ("PostgreSQL".to_owned(), port::POSTGRES),
        ("Redis".to_owned(), port::REDIS),
        ("SQS and S3".to_owned(), port::AWS),
        ("trace receiver".to_owned(), port::OTLP),
        ("HL7 over MLLP".to_owned(), port::MLLP),
    ];
    for service in SERVICES {
        ports.push((service.name.to_owned(), service.listen));
        ports.push((format!("{}'s admin", service.name), service.admin));
        ports.push((format!("{}'s worker's admin", service.name), service.worker_admin));
    }
    ports.into_iter().map(|(name, usual)| (name, home.port(usual))).collect()
}

/// Everything that processes are told, in one place.
pub struct Settings<'a> {
    home: &'a Home,
    secrets: &'a Secrets,
    binaries: &'a Binaries,
}

impl<'a> Settings<'a> {
    /// The settings of this system.
    pub fn new(home: &'a Home, secrets: &'a Secrets, binaries: &'a Binaries) -> Self {
        Self { home, secrets, binaries }
    }

    /// What every command of a service is told.
    pub fn service_env(&self, service: Service) -> Result<Vec<(String, String)>> {
        let secrets = self.secrets.of(service.name)?;
        let mut env = self.common_env();
        env.extend(owned([
            ("DATABASE_URL", self.database_url(&format!("{}_app", service.name), &secrets.app)),
            ("EHS_LISTEN", self.address(service.listen)),
            ("EHS_ADMIN_LISTEN", self.address(service.admin)),
            ("EHS_CURSOR_KEY", secrets.cursor_key.clone()),
            ("EHS_DB_POOL_SIZE", "16".to_owned()),
        ]));
        match service.name {
            "users" => env.extend(owned([
                ("EHS_SIGNING_KEYS_FILE", self.signing_keys()),
                ("EHS_MFA_KEYS", format!("local:{}", self.secrets.mfa_key)),
            ])),
            "billing" => {
                env.extend(owned([("EHS_S3_BUCKET", aws::BILLING_BUCKET.to_owned())]));
                env.extend(HOSPITAL.map(|(name, value)| (name.to_owned(), value.to_owned())));
            }
            "patients" => {
                env.extend(owned([("EHS_S3_BUCKET", aws::DOCUMENTS_BUCKET.to_owned())]));
                let name = HOSPITAL.into_iter().filter(|(name, _)| *name == "EHS_HOSPITAL_NAME");
                env.extend(name.map(|(name, value)| (name.to_owned(), value.to_owned())));
            }
            _ => {}
        }
        Ok(env)
    }

    /// What `migrate` is told besides: only it knows the owner's password.
    pub fn migrate_env(&self, service: Service) -> Result<Vec<(String, String)>> {
        let mut env = self.service_env(service)?;
        let url = self.database_url(&format!("{}_owner", service.name), &self.secrets.of(service.name)?.owner);
        env.extend(owned([("EHS_MIGRATE_DATABASE_URL", url)]));
        Ok(env)
    }

    /// How to start a service's HTTP side.
    pub fn serve(&self, service: Service) -> Result<Spec> {
        self.spec(service, service.name.to_owned(), "serve", Layer::Serve, service.listen, self.service_env(service)?)
    }

    /// How to start a service's background side.
    pub fn worker(&self, service: Service) -> Result<Spec> {
        let mut env = self.service_env(service)?;
        env.retain(|(name, _)| name != "EHS_ADMIN_LISTEN" && name != "EHS_DB_POOL_SIZE");
        env.extend(owned([
            ("EHS_ADMIN_LISTEN", self.address(service.worker_admin)),
            ("EHS_DB_POOL_SIZE", worker_connections(service).to_owned()),
        ]));
        if service.name == "patients" {
            env.extend(owned([("EHS_MLLP_LISTEN", self.address(port::MLLP)), ("EHS_MLLP_AT_ONCE", "8".to_owned())]));
        }
        self.spec(service, format!("{}-worker", service.name), "worker", Layer::Worker, service.worker_admin, env)
    }

    /// How to start the gateway.
    pub fn gateway(&self, config: &std::path::Path) -> Result<Spec> {
        Ok(Spec {
            name: "gateway".to_owned(),
            program: self.binaries.path("gateway")?,
            args: vec!["--config".to_owned(), config.display().to_string()],
            env: self.common_env(),
            dir: self.home.root.clone(),
            user: None,
            stop: Stop::Terminate,
            layer: Layer::Gateway,
            address: self.home.gateway(),
            // its admin port speaks plain HTTP in any case
            probe: Probe::Http(format!("{}/readyz", self.home.http(port::GATEWAY_ADMIN))),
        })
    }

    /// What the `queues` command is told.
    pub fn queues_env(&self) -> Vec<(String, String)> {
        self.common_env()
    }

    /// Where the keys lie that sign access tokens.
    pub fn signing_keys(&self) -> String {
        self.home.path("signing-keys.json").display().to_string()
    }

    fn spec(
        &self,
        service: Service,
        name: String,
        command: &str,
        layer: Layer,
        ready_port: u16,
        env: Vec<(String, String)>,
    ) -> Result<Spec> {
        Ok(Spec {
            name,
            program: self.binaries.path(service.name)?,
            args: vec![command.to_owned()],
            env,
            dir: self.home.root.clone(),
            user: None,
            stop: Stop::Terminate,
            layer,
            address: self.home.http(ready_port),
            probe: Probe::Http(format!("{}/readyz", self.home.http(ready_port))),
        })
    }

    fn common_env(&self) -> Vec<(String, String)> {
        let home = self.home;
        let mut env = owned([
            ("EHS_MODE", "demo".to_owned()),
            ("EHS_LOG", std::env::var("EHS_LOG").unwrap_or_else(|_| "info".to_owned())),
            ("EHS_LOG_FORMAT", "text".to_owned()),
            ("NO_COLOR", "1".to_owned()), // the logs are files
            ("EHS_TIME_ZONE", "Asia/Kolkata".to_owned()),
            ("REDIS_URL", format!("redis://{}", self.address(port::REDIS))),
            ("EHS_JWKS_URL", format!("{}/.well-known/jwks.json", home.http(8101))),
            ("EHS_JWT_ISSUER", "ehs".to_owned()),
            ("EHS_JWT_AUDIENCE", "ehs-api".to_owned()),
            ("EHS_USERS_URL", home.http(8101)),
            ("EHS_PATIENTS_URL", home.http(8102)),
            ("EHS_APPOINTMENTS_URL", home.http(8103)),
            ("EHS_QUEUE_PREFIX", "ehs-".to_owned()),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", home.http(port::OTLP)),
            ("EHS_TRACE_SAMPLE_RATIO", self.trace_sample_ratio()),
        ]);
        env.extend(aws::sdk_env(&home.http(port::AWS)));
        env
    }

    /// Every request when somebody looks on, few when it is about speed.
    fn trace_sample_ratio(&self) -> String {
        let usual = if self.home.purpose == Purpose::Bench { "0.01" } else { "1.0" };
        std::env::var("EHS_TRACE_SAMPLE_RATIO").unwrap_or_else(|_| usual.to_owned())
    }

    fn database_url(&self, role: &str, password: &str) -> String {
        format!("postgres://{role}:{password}@{}/{DATABASE}", self.address(port::POSTGRES))
    }

    fn address(&self, usual: u16) -> String {
        format!("127.0.0.1:{}", self.home.port(usual))
    }
}

/// Some workers do much at the same time.
fn worker_connections(service: Service) -> &'static str {
    if matches!(service.name, "patients" | "billing") { "12" } else { "8" }
}

fn owned<const N: usize>(pairs: [(&str, String); N]) -> Vec<(String, String)> {
    pairs.map(|(name, value)| (name.to_owned(), value)).to_vec()
}
