//! A stream into an object: hashed and counted on its way, in parts where it is larger than one.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::mem;
use std::pin::pin;

use aws_lc_rs::digest::{Context, SHA256};
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::fault::Fault;
use crate::key::Key;
use crate::store::{Store, observed};

/// S3 takes no smaller part but the last, and ten thousand of them: 48 GiB.
const PART: usize = 5 * 1024 * 1024;
/// What one chunk may add to a part that was nearly full.
const MARGIN: usize = 256 * 1024;

/// What was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Bytes.
    pub size: u64,
    /// SHA-256 of them.
    pub sha256: [u8; 32],
}

/// Why it was not stored.
#[derive(Debug, thiserror::Error)]
pub enum PutFault<E: StdError + 'static> {
    /// What was to be stored broke off.
    #[error("what was to be stored broke off")]
    Source(#[source] E),
    /// It is larger than its bound.
    #[error("larger than its bound")]
    TooLarge,
    /// The store's own.
    #[error(transparent)]
    Store(#[from] Fault),
}

impl Store {
    /// Stores a stream of at most `most` bytes. What breaks, is too large, or is dropped on its way, leaves no object; its
    /// parts are given up.
    ///
    /// # Errors
    /// See [`PutFault`].
    #[tracing::instrument(name = "object_store.put", skip_all, fields(otel.kind = "client"))]
    pub async fn put<E: StdError + 'static>(
        &self,
        key: Key,
        content_type: &str,
        most: u64,
        content: impl Stream<Item = Result<Bytes, E>>,
    ) -> Result<Stored, PutFault<E>> {
        let mut content = pin!(content);
        let (mut hash, mut size) = (Context::new(&SHA256), 0_u64);
        let (mut part, mut parts) = (BytesMut::new(), None::<Parts>);
        while let Some(chunk) = content.next().await {
            let chunk = chunk.map_err(PutFault::Source)?;
            size = size.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
            if size > most {
                return Err(PutFault::TooLarge);
            }
            hash.update(&chunk);
            part.extend_from_slice(&chunk);
            if part.len() >= PART {
                let full = mem::replace(&mut part, BytesMut::with_capacity(PART + MARGIN)).freeze();
                let parts = match &mut parts {
                    Some(parts) => parts,
                    none => none.insert(self.begin(key, content_type).await?),
                };
                parts.send(full).await?;
            }
        }
        match parts {
            None => self.put_whole(key, content_type, part.freeze()).await?,
            Some(mut parts) => {
                if !part.is_empty() {
                    parts.send(part.freeze()).await?;
                }
                parts.complete().await?;
            }
        }
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(hash.finish().as_ref());
        Ok(Stored { size, sha256 })
    }

    /// Stores what is in memory already.
    ///
    /// # Errors
    /// When the store is away or refuses.
    pub async fn put_bytes(&self, key: Key, content_type: &str, content: Bytes) -> Result<(), Fault> {
        let stream = futures_util::stream::iter([Ok::<_, Infallible>(content)]);
        match self.put(key, content_type, u64::MAX, stream).await {
            Ok(_stored) => Ok(()),
            Err(PutFault::Store(fault)) => Err(fault),
            Err(fault @ (PutFault::TooLarge | PutFault::Source(_))) => Err(Fault::Refused(fault.into())),
        }
    }

    async fn put_whole(&self, key: Key, content_type: &str, content: Bytes) -> Result<(), Fault> {
        let (sse, kms) = self.sse();
        let request = self
            .client
            .put_object()
            .bucket(&*self.bucket)
            .key(key.to_string())
            .content_type(content_type)
            .server_side_encryption(sse)
            .set_ssekms_key_id(kms)
            .body(content.into());
        observed("put", Box::pin(async { Ok(request.send().await.map(drop)?) })).await
    }

    async fn begin(&self, key: Key, content_type: &str) -> Result<Parts, Fault> {
        let (sse, kms) = self.sse();
        let request = self
            .client
            .create_multipart_upload()
            .bucket(&*self.bucket)
            .key(key.to_string())
            .content_type(content_type)
            .server_side_encryption(sse)
            .set_ssekms_key_id(kms);
        let begun = observed("begin", Box::pin(async { Ok(request.send().await?) })).await?;
        let id = begun.upload_id.ok_or_else(|| Fault::Refused("an upload without an id".into()))?;
        Ok(Parts {
            upload: Some(Upload { store: self.clone(), key: key.to_string(), id }),
            sent: Vec::new(),
            way: None,
        })
    }
}

/// An upload in parts. Dropped before it is complete, it is given up.
struct Parts {
    upload: Option<Upload>,
    sent: Vec<CompletedPart>,
    /// The part that is on its way while the next one fills.
    way: Option<JoinHandle<Result<CompletedPart, Fault>>>,
}

#[derive(Clone)]
struct Upload {
    store: Store,
    key: String,
    id: String,
}

impl Parts {
    async fn send(&mut self, part: Bytes) -> Result<(), Fault> {
        self.land().await?;
        let number = i32::try_from(self.sent.len() + 1).unwrap_or(i32::MAX);
        let upload = self.upload.clone().ok_or_else(|| Fault::Refused("an upload that ended".into()))?;
        self.way = Some(tokio::spawn(async move { upload.send(number, part).await }));
        Ok(())
    }

    async fn land(&mut self) -> Result<(), Fault> {
        let Some(way) = &mut self.way else { return Ok(()) };
        let landed = way.await;
        self.way = None;
        self.sent.push(landed.map_err(|fault| Fault::Unavailable(fault.into()))??);
        Ok(())
    }

    async fn complete(mut self) -> Result<(), Fault> {
        self.land().await?;
        let Some(Upload { store, key, id }) = self.upload.clone() else { return Ok(()) };
        let parts = CompletedMultipartUpload::builder().set_parts(Some(mem::take(&mut self.sent))).build();
        let request = store.client.complete_multipart_upload().bucket(&*store.bucket).key(key).upload_id(id);
        let request = request.multipart_upload(parts);
        observed("complete", Box::pin(async { Ok(request.send().await.map(drop)?) })).await?;
        self.upload = None;
        Ok(())
    }
}

impl Upload {
    async fn send(self, number: i32, part: Bytes) -> Result<CompletedPart, Fault> {
        let Self { store, key, id } = self;
        let request = store.client.upload_part().bucket(&*store.bucket).key(key).upload_id(id).part_number(number);
        let request = request.body(part.into());
        let sent = observed("part", Box::pin(async { Ok(request.send().await?) })).await?;
        Ok(CompletedPart::builder().part_number(number).set_e_tag(sent.e_tag).build())
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        let (Some(Upload { store, key, id }), Ok(runtime)) = (self.upload.take(), Handle::try_current()) else {
            return;
        };
        let way = self.way.take();
        runtime.spawn(async move {
            if let Some(way) = way {
                way.abort();
                // however it ended: a part that lands after its upload was given up would stay
                let _ = way.await;
            }
            if let Err(fault) = store.abort(&key, &id).await {
                tracing::warn!(%fault, "the parts of an upload are left to be swept");
            }
        });
    }
}
