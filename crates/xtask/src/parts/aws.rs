//! ministack: SQS and S3 on this machine.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::supervise::{Layer, Probe, Spec, Stop};

/// The region that everything pretends to be in.
pub const REGION: &str = "ap-south-1";
/// The bucket of patients' documents.
pub const DOCUMENTS_BUCKET: &str = "ehs-documents";
/// The bucket of bills and of reports.
pub const BILLING_BUCKET: &str = "ehs-billing";

/// Whose signature a link to a document bears. Of no use anywhere else.
const ACCESS_KEY: (&str, &str) = ("test", "test");

/// How to start it. Its defaults listen on all addresses and keep nothing; these do neither.
pub fn spec(program: &Path, dir: &Path, port: u16) -> Spec {
    let state = dir.display().to_string();
    let env = [
        ("BIND_HOST", "127.0.0.1"),
        ("MINISTACK_HOST", "127.0.0.1"),
        ("GATEWAY_PORT", &port.to_string()),
        ("IOT_MTLS_ENABLED", "0"),
        ("SERVICES", "sqs,s3,kms,sts,iam"),
        ("PERSIST_STATE", "1"),
        ("STATE_DIR", &state),
        ("S3_PERSIST", "1"),
        ("S3_DATA_DIR", &format!("{state}/s3")),
        ("MINISTACK_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY.0), // a link signed by another key is refused
        ("AWS_SECRET_ACCESS_KEY", ACCESS_KEY.1),
        ("AWS_DEFAULT_REGION", REGION),
    ];
    Spec {
        name: "ministack".to_owned(),
        program: program.to_path_buf(),
        args: Vec::new(),
        env: env.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect(),
        dir: dir.to_path_buf(),
        user: None,
        stop: Stop::Terminate,
        layer: Layer::Part,
        address: format!("http://127.0.0.1:{port}"),
        probe: Probe::Http(format!("http://127.0.0.1:{port}/_ministack/health")),
    }
}

/// What the AWS SDK reads from the environment to find it.
pub fn sdk_env(endpoint: &str) -> Vec<(String, String)> {
    [
        ("AWS_ENDPOINT_URL_SQS", endpoint),
        ("AWS_ENDPOINT_URL_S3", endpoint),
        ("AWS_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY.0),
        ("AWS_SECRET_ACCESS_KEY", ACCESS_KEY.1),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

/// Makes every bucket; one that is there already is as good.
pub async fn create_buckets(http: &reqwest::Client, endpoint: &str) -> Result<()> {
    for bucket in [DOCUMENTS_BUCKET, BILLING_BUCKET] {
        create_bucket(http, endpoint, bucket).await?;
    }
    Ok(())
}

async fn create_bucket(http: &reqwest::Client, endpoint: &str, bucket: &str) -> Result<()> {
    let body = format!(
        "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><LocationConstraint>{REGION}</LocationConstraint></CreateBucketConfiguration>"
    );
    let answer = http
        .put(format!("{endpoint}/{bucket}"))
        .body(body)
        .send()
        .await
        .context("cannot reach S3 to make the bucket")?;
    let status = answer.status();
    let text = answer.text().await.unwrap_or_default();
    if status.is_success() || text.contains("BucketAlreadyOwnedByYou") {
        return Ok(());
    }
    bail!("S3 refused to make the bucket {bucket} ({status}): {text}")
}
