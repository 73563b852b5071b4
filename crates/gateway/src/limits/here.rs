//! The buckets of this gateway alone, for as long as Redis is away.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::{Ask, Taken};

/// Buckets that are remembered at most; some 10 MB.
const AT_MOST: usize = 100_000;

/// When each bucket will be empty, in microseconds since 1970.
#[derive(Debug, Default)]
pub(super) struct Here(Mutex<HashMap<String, u64>>);

impl Here {
    /// As `take.lua` does.
    pub(super) fn take(&self, asks: &[Ask<'_>], now: u64) -> Taken {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let debts: Vec<u64> =
            asks.iter().map(|ask| ask.rule.bucket.debt(buckets.get(&ask.key).copied(), now)).collect();
        let with_one = asks.iter().zip(&debts).map(|(ask, debt)| ask.rule.bucket.with_one(*debt));
        let Some(filled) = with_one.collect::<Option<Vec<u64>>>() else { return Taken { passed: false, debts } };
        make_room(&mut buckets, now);
        for (ask, debt) in asks.iter().zip(&filled) {
            buckets.insert(ask.key.clone(), now.saturating_add(*debt));
        }
        Taken { passed: true, debts: filled }
    }
}

/// Forgets the empty buckets; if all are in use, whoever floods has filled them, and all begin anew.
fn make_room(buckets: &mut HashMap<String, u64>, now: u64) {
    if buckets.len() < AT_MOST {
        return;
    }
    buckets.retain(|_, empty_at| *empty_at > now);
    if buckets.len() >= AT_MOST {
        buckets.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Key;
    use crate::limits::Rule;
    use crate::limits::bucket::Bucket;

    #[test]
    fn all_buckets_or_none_and_never_more_than_fit() {
        let rule = |burst| Rule { name: "l".into(), key: Key::Address, bucket: Bucket::new(1_000, burst) };
        let (wide, narrow) = (rule(9), rule(1));
        let ask = |rule, key: String| Ask { rule, key };
        let here = Here::default();
        let both = [ask(&wide, "a".into()), ask(&narrow, "b".into())];
        assert_eq!(here.take(&both, 5_000), Taken { passed: true, debts: vec![1_000, 1_000] });
        assert_eq!(here.take(&both, 5_000), Taken { passed: false, debts: vec![1_000, 1_000] });
        assert_eq!(here.take(&both, 6_000), Taken { passed: true, debts: vec![1_000, 1_000] });
        for caller in 0..AT_MOST + 5 {
            here.take(&[ask(&narrow, caller.to_string())], 7_000);
        }
        assert!(here.0.lock().is_ok_and(|buckets| buckets.len() <= AT_MOST));
    }
}
