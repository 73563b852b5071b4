//! Clusters by name. `deserr` 0.6 leaves the faulty entries of a map out and says nothing, so that this reads its own.

use std::collections::BTreeMap;
use std::ops::Deref;

use chassis::strict_json::Faults;
use deserr::{DeserializeError, Deserr, ErrorKind, IntoValue, Map, Value, ValueKind, ValuePointerRef, take_cf_content};
use serde::Serialize;

use super::Cluster;

/// Clusters by name.
#[derive(Clone, Debug, Serialize)]
pub struct Clusters(BTreeMap<String, Cluster>);

impl Deref for Clusters {
    type Target = BTreeMap<String, Cluster>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Deserr<Faults> for Clusters {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, at: ValuePointerRef<'_>) -> Result<Self, Faults> {
        let Value::Map(map) = value else {
            let kind = ErrorKind::IncorrectValueKind { actual: value, accepted: &[ValueKind::Map] };
            return Err(take_cf_content(Faults::error(None, kind, at)));
        };
        let (mut clusters, mut faults) = (BTreeMap::new(), Faults::new());
        for (name, cluster) in map.into_iter() {
            match Cluster::deserialize_from_value(cluster.into_value(), at.push_key(&name)) {
                Ok(cluster) => drop(clusters.insert(name, cluster)),
                Err(more) => faults.0.extend(more.0),
            }
        }
        if faults.0.is_empty() { Ok(Self(clusters)) } else { Err(faults) }
    }
}
