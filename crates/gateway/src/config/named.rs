//! Things by name. `deserr` 0.6 leaves the faulty entries of a map out and says nothing, so that this reads its own.

use std::collections::BTreeMap;
use std::ops::Deref;

use chassis::strict_json::Faults;
use deserr::{DeserializeError, Deserr, ErrorKind, IntoValue, Map, Value, ValueKind, ValuePointerRef, take_cf_content};
use serde::Serialize;

/// Things by name.
#[derive(Clone, Debug, Serialize)]
pub struct Named<T>(BTreeMap<String, T>);

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> Deref for Named<T> {
    type Target = BTreeMap<String, T>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<T: Deserr<Faults>> Deserr<Faults> for Named<T> {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, at: ValuePointerRef<'_>) -> Result<Self, Faults> {
        let Value::Map(map) = value else {
            let kind = ErrorKind::IncorrectValueKind { actual: value, accepted: &[ValueKind::Map] };
            return Err(take_cf_content(Faults::error(None, kind, at)));
        };
        let (mut named, mut faults) = (BTreeMap::new(), Faults::new());
        for (name, value) in map.into_iter() {
            match T::deserialize_from_value(value.into_value(), at.push_key(&name)) {
                Ok(value) => drop(named.insert(name, value)),
                Err(more) => faults.0.extend(more.0),
            }
        }
        if faults.0.is_empty() { Ok(Self(named)) } else { Err(faults) }
    }
}
