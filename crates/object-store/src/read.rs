//! An object's content as a stream.

use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use tokio::time::{Duration, timeout};

use crate::fault::Fault;
use crate::key::Key;
use crate::store::{Store, observed};

/// An object that is being read.
pub struct Object {
    /// Bytes in all.
    pub size: u64,
    body: ByteStream,
    stall: Duration,
}

impl Store {
    /// Opens an object.
    ///
    /// # Errors
    /// `NotFound`, or when the store is away or refuses.
    #[tracing::instrument(name = "object_store.get", skip_all, fields(otel.kind = "client"))]
    pub async fn get(&self, key: Key) -> Result<Object, Fault> {
        let request = self.client.get_object().bucket(&*self.bucket).key(key.to_string());
        let answer = observed("get", Box::pin(async { Ok(request.send().await?) })).await?;
        let size = answer.content_length.and_then(|length| u64::try_from(length).ok()).unwrap_or_default();
        Ok(Object { size, body: answer.body, stall: self.stall })
    }
}

impl Object {
    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// `Unavailable` when it breaks off or stalls.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Fault> {
        match timeout(self.stall, self.body.next()).await {
            Ok(chunk) => chunk.transpose().map_err(|cause| Fault::Unavailable(cause.into())),
            Err(elapsed) => Err(Fault::Unavailable(elapsed.into())),
        }
    }
}
