//! Names of objects.

use std::fmt;

use uuid::Uuid;

/// The name of an object: a folder that the code names, and a UUID. Nothing that a client sent is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    folder: &'static str,
    id: Uuid,
}

impl Key {
    /// The object of this id in a folder.
    pub const fn new(folder: &'static str, id: Uuid) -> Self {
        Self { folder, id }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.folder, self.id)
    }
}
