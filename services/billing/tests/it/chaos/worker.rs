//! Workers of the service, processes of their own: killed at random moments with SIGKILL, and started anew.

use std::net::TcpListener;
use std::process::Stdio;
use std::time::{Duration, Instant};

use reqwest::Client;
use testkit::Endpoints;
use tokio::process::{Child, Command};

use super::{Dice, Hospital};
use crate::provider::WEBHOOK_SECRET;

/// A busy machine starts it slowly.
const READY_WITHIN: Duration = Duration::from_secs(120);

/// `billing worker`; killed when dropped.
pub struct Worker {
    process: Child,
    /// Says whether it can work.
    readiness: String,
    http: Client,
}

impl Worker {
    fn start(hospital: &Hospital) -> Self {
        let admin = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().to_string();
        let process = Command::new(env!("CARGO_BIN_EXE_billing"))
            .arg("worker")
            .env_clear()
            .envs(settings(hospital, &admin))
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self { process, readiness: format!("http://{admin}/readyz"), http: hospital.http.clone() }
    }

    /// One that can work. One that does not get so far is started anew, as whoever supervises it does.
    pub async fn at_work(hospital: &Hospital) -> Self {
        for _ in 0..5 {
            let mut worker = Self::start(hospital);
            if worker.gets_ready().await {
                return worker;
            }
        }
        panic!("no worker gets ready");
    }

    /// False where it ended before: it needs the database, whose connections are killed.
    async fn gets_ready(&mut self) -> bool {
        let until = Instant::now() + READY_WITHIN;
        while self.goes_on() {
            assert!(Instant::now() < until, "a worker is not ready within {READY_WITHIN:?}");
            if self.http.get(&self.readiness).send().await.is_ok_and(|answer| answer.status() == 200) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        false
    }

    fn goes_on(&mut self) -> bool {
        self.process.try_wait().unwrap().is_none()
    }
}

/// Keeps a worker running until then, and kills it again and again: how many were killed at work, one at least.
pub async fn killed_at_random(hospital: &Hospital, mut dice: Dice, longest: Duration, until: Instant) -> u32 {
    let longest = usize::try_from(longest.as_millis()).unwrap();
    let mut killed = 0;
    // On a slow machine the first may get to work only when nothing disturbs it any more.
    while Instant::now() < until || killed == 0 {
        let mut worker = Worker::start(hospital);
        // some do not get to work
        let is_at_work = (killed == 0 || dice.below(4) > 0) && worker.gets_ready().await;
        tokio::time::sleep(Duration::from_millis(dice.below(longest) as u64)).await;
        if is_at_work {
            assert!(worker.goes_on(), "a worker that could work ended by itself");
            worker.process.kill().await.unwrap();
            killed += 1;
        }
    }
    killed
}

/// What `cargo xtask up` tells it, with the parts of the test.
fn settings(hospital: &Hospital, admin: &str) -> Vec<(&'static str, String)> {
    let (clinic, queues, parts) = (&hospital.clinic, hospital.queues.config(), Endpoints::get());
    [
        ("EHS_MODE", "demo"),
        ("EHS_LOG", "error"),
        ("EHS_LISTEN", "127.0.0.1:0"),
        ("EHS_ADMIN_LISTEN", admin),
        ("EHS_CURSOR_KEY", &"7f".repeat(32)),
        ("EHS_DB_POOL_SIZE", "12"),
        ("DATABASE_URL", &clinic.db.app_url),
        ("REDIS_URL", &parts.redis),
        ("EHS_JWKS_URL", "http://127.0.0.1:9/.well-known/jwks.json"),
        ("EHS_PATIENTS_URL", "http://127.0.0.1:9"),
        ("EHS_APPOINTMENTS_URL", "http://127.0.0.1:9"),
        ("EHS_HOSPITAL_NAME", "Asha Hospital"),
        ("EHS_HOSPITAL_ADDRESS", "12 FC Road, Pune 411004"),
        ("EHS_HOSPITAL_GSTIN", "27AAPFU0939F1ZV"),
        ("EHS_HOSPITAL_STATE_CODE", "27"),
        ("EHS_CONSULTATION_FEE", "500.00"),
        ("EHS_UPI_VPA", "asha@okbank"),
        ("EHS_RAZORPAY_KEY_ID", "rzp_test_1"),
        ("EHS_RAZORPAY_KEY_SECRET", "a key secret"),
        ("EHS_RAZORPAY_WEBHOOK_SECRET", WEBHOOK_SECRET),
        ("EHS_RAZORPAY_URL", hospital.provider.url()),
        ("EHS_RAZORPAY_DEADLINE_MS", "20000"),
        ("EHS_QUEUE_PREFIX", &queues.prefix),
        ("EHS_S3_BUCKET", &clinic.bucket.name),
        ("AWS_ENDPOINT_URL_SQS", &parts.aws),
        ("AWS_ENDPOINT_URL_S3", &clinic.bucket.endpoint),
        ("AWS_REGION", &queues.region),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .to_vec()
}
