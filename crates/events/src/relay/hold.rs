//! Which queues and groups are left alone for a while because SQS refused them.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use super::send::Report;
use crate::pause::Pause;

/// More groups than this are not remembered; they are then tried on every pass.
const GROUPS: usize = 500;
const FORGET_AFTER: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(super) struct Holds {
    subscribers: HashMap<String, Hold>,
    groups: HashMap<String, Hold>,
}

struct Hold {
    until: Instant,
    pause: Pause,
}

impl Holds {
    /// Subscribers, and groups as `subscriber/group`, that are not to be sent now.
    pub(super) fn now(&self) -> (Vec<String>, Vec<String>) {
        (held(&self.subscribers), held(&self.groups))
    }

    /// Learns from a pass: what failed waits longer each time, what went well is forgotten.
    pub(super) fn note(&mut self, report: &Report) {
        for subscriber in &report.subscribers_sent {
            self.subscribers.remove(subscriber);
        }
        for subscriber in &report.subscribers_failed {
            extend(&mut self.subscribers, subscriber);
        }
        // A hold that ended a while ago without a new failure has served.
        let now = Instant::now();
        self.groups.retain(|_, hold| now.saturating_duration_since(hold.until) < FORGET_AFTER);
        for group in &report.groups_failed {
            if self.groups.len() < GROUPS || self.groups.contains_key(group) {
                extend(&mut self.groups, group);
            }
        }
    }
}

fn held(holds: &HashMap<String, Hold>) -> Vec<String> {
    let now = Instant::now();
    holds.iter().filter(|(_, hold)| hold.until > now).map(|(name, _)| name.clone()).collect()
}

fn extend(holds: &mut HashMap<String, Hold>, name: &str) {
    let now = Instant::now();
    let first = || Hold { until: now, pause: Pause::between(Duration::from_millis(500), Duration::from_secs(30)) };
    let hold = holds.entry(name.to_owned()).or_insert_with(first);
    hold.until = now + hold.pause.next();
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_is_held_and_what_went_well_is_not() {
        let mut holds = Holds::default();
        let failed = Report {
            subscribers_failed: vec!["billing".to_owned()],
            groups_failed: vec!["patients/user-1".to_owned()],
            ..Report::default()
        };
        holds.note(&failed);
        assert_eq!(holds.now(), (vec!["billing".to_owned()], vec!["patients/user-1".to_owned()]));

        holds.note(&Report { subscribers_sent: vec!["billing".to_owned()], ..Report::default() });
        assert!(holds.now().0.is_empty());
    }
}
