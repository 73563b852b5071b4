//! From a file to a configuration that makes sense, or to all that is wrong with it.

use std::fmt;
use std::net::IpAddr;
use std::path::Path;

use anyhow::Context;
use chassis::strict_json::{self, Fault};
use ipnet::IpNet;
use serde_json::Value;
use url::Url;

use super::{Config, cors};
use crate::route::{ANY, SECRET};

/// Everything that is wrong with a configuration that can be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub struct Faults(Vec<Fault>);

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
    /// When it cannot be read, is no YAML, or is wrong; then with all faults.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text).with_context(|| path.display().to_string())
    }

    /// Reads and checks a text.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        // by way of YAML's own value, which refuses a key given twice
        let yaml: serde_yaml_ng::Value = serde_yaml_ng::from_str(text)?;
        let value = serde_json::to_value(yaml).context("keys must be text")?;
        let mut faults = strict_json::Faults::new();
        relations(&value, &mut faults);
        match deserr::deserialize::<Self, _, strict_json::Faults>(value) {
            Ok(config) if faults.0.is_empty() => Ok(config),
            Ok(_) => Err(Faults(faults.0).into()),
            Err(broken) => Err(Faults(broken.0.into_iter().chain(faults.0).collect()).into()),
        }
    }
}

/// What holds between parts; looked at even where a part is broken, so that all faults come at once.
fn relations(value: &Value, faults: &mut strict_json::Faults) {
    let address = |of: &str| value.pointer(of).and_then(Value::as_str);
    if address("/listener/address").is_some_and(|listener| address("/admin/address") == Some(listener)) {
        faults.push("admin.address", "taken", "is the listener's address too");
    }
    if let Some(redirect) = address("/listener/tls/redirect")
        && [address("/listener/address"), address("/admin/address")].contains(&Some(redirect))
    {
        faults.push("listener.tls.redirect", "taken", "is another listener's address too");
    }
    let any = |origins: &Vec<Value>| origins.iter().any(|origin| origin == cors::ANY);
    let credentials = value.pointer("/cors/credentials").and_then(Value::as_bool) == Some(true);
    if credentials && value.pointer("/cors/origins").and_then(Value::as_array).is_some_and(any) {
        faults.push(
            "cors.credentials",
            "invalid",
            "anybody's page would act as whoever is signed in: name the origins",
        );
    }
    let routes = value.get("routes").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    for (i, route) in routes.iter().enumerate() {
        let cluster = route.get("cluster").and_then(Value::as_str);
        if cluster.is_some_and(|name| value.get("clusters").is_none_or(|clusters| clusters.get(name).is_none())) {
            faults.push(format!("routes.{i}.cluster"), "unknown", "is not among the clusters");
        }
        let limits = route.get("limits").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for (n, name) in limits.iter().enumerate().filter_map(|(n, name)| Some((n, name.as_str()?))) {
            if value.get("limits").is_none_or(|limits| limits.get(name).is_none()) {
                faults.push(format!("routes.{i}.limits.{n}"), "unknown", "is not among the limits");
            }
        }
        let mut before = routes.iter().take(i).filter_map(prefix);
        if let Some(before) = prefix(route).and_then(|prefix| before.find(|before| covers(before, prefix))) {
            faults.push(
                format!("routes.{i}.prefix"),
                "hidden",
                format!("is never reached: {before} before it takes all"),
            );
        }
    }
}

fn prefix(route: &Value) -> Option<&str> {
    route.get("prefix").and_then(Value::as_str)
}

fn covers(before: &str, prefix: &str) -> bool {
    before == prefix || (before.ends_with('/') && prefix.starts_with(before))
}

/// Zero threads serve nobody, and a time of zero is over before it begins.
pub(super) fn positive<N: Default + PartialEq>(number: N) -> Result<N, Fault> {
    if number == N::default() { Err(Fault::new("range", "must be 1 or more")) } else { Ok(number) }
}

/// A prefix that means what it says, to the matcher too.
pub(super) fn plain_path(prefix: String) -> Result<String, Fault> {
    let secrets = prefix.split('/').filter(|segment| *segment == SECRET).count();
    let mut segments = prefix.split('/').filter(|segment| ![ANY, SECRET].contains(segment));
    let plain = prefix.starts_with('/')
        && secrets <= 1
        && segments.all(|segment| segment.chars().all(|c| c.is_ascii_graphic() && !"*{}?#%".contains(c)))
        && crate::route::unambiguous(&prefix).is_ok();
    if plain { Ok(prefix) } else { Err(Fault::new("invalid", "is not a plain path that begins with /")) }
}

/// Networks such as `10.0.0.0/8`; a single address is a network of its own.
pub(super) fn networks(texts: Vec<String>) -> Result<Vec<IpNet>, Fault> {
    let network = |text: &String| text.parse().ok().or_else(|| text.parse().map(IpAddr::into).ok());
    let networks: Option<Vec<IpNet>> = texts.iter().map(network).collect();
    networks.ok_or_else(|| Fault::new("invalid", "must be networks of the form 10.0.0.0/8"))
}

/// One base address or more. Credentials have no place in them: `/config` shows them.
pub(super) fn addresses(texts: Vec<String>) -> Result<Vec<Url>, Fault> {
    if texts.is_empty() {
        return Err(Fault::new("required", "must name one address or more"));
    }
    texts
        .iter()
        .map(|text| address(text).ok_or_else(|| Fault::new("invalid", "must be of the form http://host:port")))
        .collect()
}

fn address(text: &str) -> Option<Url> {
    let url: Url = text.parse().ok()?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let anonymous = url.username().is_empty() && url.password().is_none();
    (url.scheme() == "http" && bare && anonymous).then_some(url)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const SOUND: &str = r#"
listener: {address: "127.0.0.1:1"}
admin: {address: "127.0.0.1:2"}
routes: [{prefix: "/a/", cluster: x, auth: optional}]
clusters: {x: {endpoints: ["http://127.0.0.1:3"]}}
"#;

    #[test]
    fn faults_of_limits_are_named_at_once() {
        let limits =
            "limits: {l: {key: address, requests: 1, per_s: 1}, m: {key: colour, requests: 0, per_s: -1, each: 1}}";
        let text = SOUND
            .replace("auth: optional", "auth: optional, limits: [l, n]")
            .replace("{address: \"127.0.0.1:1\"}", "{address: \"127.0.0.1:1\", trusted_proxies: [everybody]}");
        let mut named = fields(&format!("{text}{limits}\n"));
        named.sort();
        let expected = ["limits.m.each", "limits.m.key", "limits.m.per_s", "limits.m.requests"];
        assert_eq!(named, [&expected[..], &["listener.trusted_proxies", "routes.0.limits.1"]].concat());
    }

    fn fields(text: &str) -> Vec<String> {
        let faults = Config::parse(text).unwrap_err().downcast::<Faults>().unwrap();
        faults.0.into_iter().map(|fault| fault.field).collect()
    }

    #[test]
    fn the_example_is_right() {
        Config::parse(include_str!("../../gateway.example.yaml")).unwrap();
        Config::parse(SOUND).unwrap();
    }

    #[test]
    fn every_fault_is_named_at_once() {
        let text = r#"
listener: {address: "127.0.0.1:1", workers: 0, tls: true}
admin: {address: "127.0.0.1:1"}
routes:
  - {prefix: "/a/", cluster: x, auth: none, retry: 3, limits: {}}
  - {prefix: "/a/b/", cluster: y, auth: perhaps, timeout_ms: 0, errors: soap}
  - {prefix: "b", cluster: x, body_limit: -1}
clusters:
  x: {endpoints: []}
  z: {endpoints: ["https://h/path"], connect_timeout_ms: "1"}
breaker: {}
"#;
        let mut named = fields(text);
        named.sort();
        let expected = [
            "admin.address",
            "breaker",
            "clusters.x.endpoints",
            "clusters.z.connect_timeout_ms",
            "clusters.z.endpoints",
            "listener.tls",
            "listener.workers",
            "routes.0.limits",
            "routes.0.retry",
            "routes.1.auth",
            "routes.1.cluster",
            "routes.1.errors",
            "routes.1.prefix",
            "routes.1.timeout_ms",
            "routes.2.auth",
            "routes.2.body_limit",
            "routes.2.prefix",
        ];
        assert_eq!(named, expected);
    }

    #[test]
    fn faults_of_tls_and_cors_are_named_at_once() {
        let tls = r#"tls: {certificate: "", redirect: "127.0.0.1:2", protocol: 1}"#;
        let cors = "cors: {origins: ['*', 'https://a.example'], methods: [get], headers: ['a b'], expose: ['*'], credentials: true, max_age_s: 86401}";
        let text = SOUND.replace("{address: \"127.0.0.1:1\"}", &format!("{{address: \"127.0.0.1:1\", {tls}}}"));
        let mut named = fields(&format!("{text}{cors}\n"));
        named.sort();
        let expected = [
            "cors.credentials",
            "cors.expose",
            "cors.headers",
            "cors.max_age_s",
            "cors.methods",
            "cors.origins",
            "listener.tls.certificate",
            "listener.tls.key",
            "listener.tls.protocol",
            "listener.tls.redirect",
        ];
        assert_eq!(named, expected);
    }

    #[test]
    fn origins_are_what_browsers_send() {
        for origin in [
            "https://a.example/",
            "HTTPS://a.example",
            "https://A.example",
            "https://a.example:443",
            "null",
            "a.example",
            "ftp://a.example",
            "",
        ] {
            assert_eq!(fields(&format!("{SOUND}cors: {{origins: ['{origin}']}}\n")), ["cors.origins"], "{origin}");
        }
        for origin in ["https://a.example", "http://localhost:5173", "*"] {
            Config::parse(&format!("{SOUND}cors: {{origins: ['{origin}']}}\n")).unwrap();
        }
        assert_eq!(fields(&format!("{SOUND}cors: {{origins: ['*'], credentials: true}}\n")), ["cors.credentials"]);
    }

    #[test]
    fn where_the_key_lies_is_not_shown() {
        let tls = r#"{address: "127.0.0.1:1", tls: {certificate: a.pem, key: b.pem, redirect: "127.0.0.1:3"}}"#;
        let config = Config::parse(&SOUND.replace("{address: \"127.0.0.1:1\"}", tls)).unwrap();
        let shown = serde_json::to_string(&config).unwrap();
        assert!(shown.contains("a.pem") && !shown.contains("b.pem"), "{shown}");
    }

    #[test]
    fn a_key_that_does_nothing_is_refused() {
        assert_eq!(fields(&SOUND.replace("auth: optional", "auth: none, retry: 3")), ["routes.0.retry"]);
        assert!(Config::parse(&format!("{SOUND}\nadmin: {{address: '127.0.0.1:9'}}\n")).is_err(), "given twice");
        assert!(Config::parse("").is_err() && Config::parse("- a").is_err() && Config::parse("1: {}").is_err());
    }

    #[test]
    fn addresses_are_bare() {
        for address in ["http://u:p@h:1", "http://h:1/x", "http://h:1/?q", "http://h:1/#f", "https://h:1", "h:1", ""] {
            assert_eq!(fields(&SOUND.replace("http://127.0.0.1:3", address)), ["clusters.x.endpoints"], "{address}");
        }
    }

    #[test]
    fn prefixes_are_plain() {
        let bad = ["", "a/", "//", "/a//", "/../", "/{b}/", "/a b/", "/a?b", "/%61/", "/é/", "/a*/", "/**/"];
        for prefix in bad.into_iter().chain(["/{secret}x/", "/{secret}/{secret}/"]) {
            assert_eq!(fields(&SOUND.replace("\"/a/\"", &format!("{prefix:?}"))), ["routes.0.prefix"], "{prefix}");
        }
    }
}
