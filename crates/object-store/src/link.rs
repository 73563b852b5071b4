//! Addresses that read one object for a while, for whoever has them.

use std::time::Duration;

use aws_sdk_s3::presigning::PresigningConfig;

use crate::fault::Fault;
use crate::key::Key;
use crate::store::Store;

/// How long a link reads.
pub const LINK_LIFE: Duration = Duration::from_secs(300);

/// What the store is to say of the content. It stands in the link: neither holds anything of a person.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// The content's type.
    pub content_type: &'a str,
    /// What it is saved as.
    pub file_name: &'a str,
}

impl Store {
    /// A link to an object. It is worked out here: the store is not asked, and the object may not be there.
    ///
    /// # Errors
    /// When there are no credentials to sign with.
    pub async fn link(&self, key: Key, shown: Shown<'_>) -> Result<String, Fault> {
        let config = PresigningConfig::expires_in(LINK_LIFE).map_err(|fault| Fault::Refused(fault.into()))?;
        let request = self.links.get_object().bucket(&*self.bucket).key(key.to_string());
        let request = request
            .response_content_type(shown.content_type)
            .response_content_disposition(format!("inline; filename=\"{}\"", plain(shown.file_name)))
            .response_cache_control("private, no-store");
        Ok(request.presigned(config).await?.uri().to_owned())
    }
}

/// Nothing that would end the quotes.
fn plain(name: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    name.chars().map(|c| if allowed(c) { c } else { '_' }).collect()
}
