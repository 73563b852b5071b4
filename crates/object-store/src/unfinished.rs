//! Uploads in parts that nobody finished. They cannot be read, and are paid for.

use aws_sdk_s3::types::MultipartUpload;
use chrono::{DateTime, Utc};

use crate::fault::Fault;
use crate::store::{Store, observed};

/// An upload in parts that was not finished yet.
#[derive(Clone, Debug)]
pub struct Unfinished {
    /// When it began.
    pub begun_at: DateTime<Utc>,
    key: String,
    id: String,
}

impl Store {
    /// Unfinished uploads to a folder, at most a thousand.
    ///
    /// # Errors
    /// When the store is away or refuses.
    pub async fn unfinished(&self, folder: &str) -> Result<Vec<Unfinished>, Fault> {
        let request = self.client.list_multipart_uploads().bucket(&*self.bucket).prefix(format!("{folder}/"));
        let answer = observed("unfinished", Box::pin(async { Ok(request.send().await?) })).await?;
        Ok(answer.uploads.unwrap_or_default().into_iter().filter_map(Unfinished::of).collect())
    }

    /// Removes its parts; one that is gone is removed already.
    ///
    /// # Errors
    /// When the store is away or refuses.
    pub async fn give_up(&self, upload: &Unfinished) -> Result<(), Fault> {
        self.abort(&upload.key, &upload.id).await
    }

    pub(crate) async fn abort(&self, key: &str, id: &str) -> Result<(), Fault> {
        let request = self.client.abort_multipart_upload().bucket(&*self.bucket).key(key).upload_id(id);
        match observed("abort", Box::pin(async { Ok(request.send().await.map(drop)?) })).await {
            Err(Fault::NotFound) => Ok(()),
            outcome => outcome,
        }
    }
}

impl Unfinished {
    fn of(upload: MultipartUpload) -> Option<Self> {
        let begun_at = DateTime::from_timestamp(upload.initiated?.secs(), 0)?;
        Some(Self { begun_at, key: upload.key?, id: upload.upload_id? })
    }
}
