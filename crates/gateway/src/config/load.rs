//! From a file to a configuration that makes sense, or to all that is wrong with it.

use std::fmt;
use std::path::Path;

use anyhow::Context;

use super::{Cluster, Config, Route};

/// Everything that is wrong with a configuration that can be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub struct Faults(Vec<String>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the gateway's configuration has {} fault(s):", self.0.len())?;
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

impl Config {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// When it cannot be read, is no YAML of this shape, or makes no sense; then with all faults.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text).with_context(|| path.display().to_string())
    }

    /// Reads and checks a text.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let config: Self = serde_yaml_ng::from_str(text)?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), Faults> {
        let mut faults = Vec::new();
        if self.listener.workers == 0 {
            faults.push("listener.workers must be 1 or more".to_owned());
        }
        if self.listener.address == self.admin.address {
            faults.push("listener and admin have the same address".to_owned());
        }
        for (i, route) in self.routes.iter().enumerate() {
            check_route(route, i, self, &mut faults);
        }
        for (name, cluster) in &self.clusters {
            check_cluster(name, cluster, &mut faults);
        }
        if faults.is_empty() { Ok(()) } else { Err(Faults(faults)) }
    }
}

fn check_route(route: &Route, i: usize, config: &Config, faults: &mut Vec<String>) {
    let prefix = &route.prefix;
    if !prefix.starts_with('/') || prefix.contains(['{', '}', '%', '?', '#', ' ']) {
        faults.push(format!("routes.{i}.prefix {prefix:?} is not a plain path that begins with /"));
    }
    if !config.clusters.contains_key(&route.cluster) {
        faults.push(format!("routes.{i}.cluster {:?} is not among the clusters", route.cluster));
    }
    if route.timeout().is_zero() {
        faults.push(format!("routes.{i}.timeout_ms must be 1 or more"));
    }
    let hidden = config.routes.iter().take(i).find(|before| covers(&before.prefix, prefix));
    if let Some(before) = hidden {
        faults.push(format!("routes.{i}.prefix {prefix:?} is never reached: {:?} before it takes all", before.prefix));
    }
}

fn covers(before: &str, prefix: &str) -> bool {
    before == prefix || (before.ends_with('/') && prefix.starts_with(before))
}

fn check_cluster(name: &str, cluster: &Cluster, faults: &mut Vec<String>) {
    if cluster.endpoints.is_empty() {
        faults.push(format!("clusters.{name}.endpoints is empty"));
    }
    for endpoint in &cluster.endpoints {
        if endpoint.scheme() != "http" || endpoint.path() != "/" || endpoint.query().is_some() {
            faults.push(format!("clusters.{name}.endpoints {endpoint} is not of the form http://host:port"));
        }
    }
    if cluster.connect_timeout().is_zero() || cluster.idle_timeout().is_zero() {
        faults.push(format!("clusters.{name}: timeouts must be 1 or more"));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_right() {
        Config::parse(include_str!("../../gateway.example.yaml")).unwrap();
    }

    #[test]
    fn every_fault_is_named_at_once() {
        let text = r#"
listener: {address: "127.0.0.1:1", workers: 0}
admin: {address: "127.0.0.1:1"}
routes:
  - {prefix: "/a/", cluster: x, auth: none}
  - {prefix: "/a/b/", cluster: y, auth: none, timeout_ms: 0}
  - {prefix: "b", cluster: x, auth: none}
clusters:
  x: {endpoints: []}
  z: {endpoints: ["https://h/path"]}
"#;
        let faults = Config::parse(text).unwrap_err().downcast::<Faults>().unwrap();
        assert_eq!(faults.0.len(), 8, "{faults}");
    }

    #[test]
    fn a_key_that_does_nothing_is_refused() {
        let text =
            "listener: {address: '127.0.0.1:1', tls: yes}\nadmin: {address: '127.0.0.1:2'}\nroutes: []\nclusters: {}\n";
        assert!(format!("{:#}", Config::parse(text).unwrap_err()).contains("tls"));
    }
}
