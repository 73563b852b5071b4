//! A bucket per test.

use reqwest::{Client, Method};
use uuid::Uuid;

use crate::{Endpoints, block_on_elsewhere};

const REGION: &str = "ap-south-1";

/// A bucket that a test has to itself, emptied and removed with the value. It is asked without signatures, which the test's S3
/// lets by.
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// Where S3 is.
    pub endpoint: String,
    client: Client,
}

impl Bucket {
    /// Makes it.
    pub async fn new() -> Self {
        let bucket = Self {
            name: format!("t-{}", Uuid::new_v4().simple()),
            endpoint: Endpoints::get().aws.clone(),
            client: Client::builder().no_proxy().build().expect("a client"),
        };
        let place = format!(
            "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><LocationConstraint>{REGION}</LocationConstraint></CreateBucketConfiguration>"
        );
        let made = bucket.client.put(bucket.url("")).body(place).send().await.expect("S3 answers");
        assert!(made.status().is_success(), "{}", made.text().await.unwrap_or_default());
        bucket
    }

    /// The keys of its objects, at most a thousand.
    pub async fn keys(&self) -> Vec<String> {
        values(&self.read("?list-type=2").await, "Key")
    }

    /// The keys of uploads in parts that nobody finished.
    pub async fn unfinished(&self) -> Vec<String> {
        values(&self.read("?uploads").await, "Key")
    }

    /// Removes an object.
    pub async fn remove(&self, key: &str) {
        self.client.request(Method::DELETE, self.url(&format!("/{key}"))).send().await.expect("S3 answers");
    }

    async fn read(&self, of: &str) -> String {
        let answer = self.client.get(self.url(of)).send().await.expect("S3 answers");
        answer.text().await.expect("a list")
    }

    fn url(&self, of: &str) -> String {
        format!("{}/{}{of}", self.endpoint, self.name)
    }
}

/// What stands in the elements of a name.
fn values(xml: &str, name: &str) -> Vec<String> {
    let (opens, closes) = (format!("<{name}>"), format!("</{name}>"));
    xml.split(&opens).skip(1).filter_map(|rest| Some(rest.split_once(&closes)?.0.to_owned())).collect()
}

impl Drop for Bucket {
    fn drop(&mut self) {
        // a client belongs to the runtime that made it
        let (name, endpoint) = (self.name.clone(), self.endpoint.clone());
        block_on_elsewhere(async move {
            let client = Client::builder().no_proxy().build().expect("a client");
            let emptied = std::mem::ManuallyDrop::new(Self { name, endpoint, client });
            for key in emptied.keys().await {
                emptied.remove(&key).await;
            }
            emptied.client.request(Method::DELETE, emptied.url("")).send().await.expect("S3 answers");
        });
    }
}
