//! The gateway's configuration for a system on this machine.

use std::path::PathBuf;

use anyhow::Result;
use serde_json::{Value, json};

use crate::home::{Home, Wire, port};
use crate::system::SERVICES;
use crate::tls::Certificates;

/// Callable without a token: nobody has one yet, or the answer is public.
const OPEN: [&str; 4] =
    ["/api/users/login/", "/api/users/refresh-token/", "/api/users/password/reset/", "/.well-known/jwks.json"];

/// Callable without a token, by a newcomer or with an `mfa_token` in the body; one that is sent has to stand, since it
/// allows more: an administrator registers staff.
const HALF_OPEN: [&str; 3] = ["/api/users/register/", "/api/users/mfa/enable/", "/api/users/mfa/verify/"];

/// What holds for a signed-in user's requests; see [`limits`].
const LIMITS: [&str; 2] = ["each-address", "each-user"];

/// Writes it and says where.
pub fn write(home: &Home) -> Result<PathBuf> {
    let path = home.path("gateway.yaml");
    std::fs::write(&path, serde_yaml_ng::to_string(&config(home))?)?;
    Ok(path)
}

/// One machine plays the whole hospital, and `bench` a busy one: wide enough for both. `gateway.example.yaml` shows what
/// suits a hospital.
fn limits() -> Value {
    json!({
        "each-address": {"key": "address", "requests": 1_000_000, "per_s": 10},
        "each-user": {"key": "user", "requests": 500_000, "per_s": 10},
    })
}

/// What [`write()`] writes.
pub fn config(home: &Home) -> Value {
    let open =
        OPEN.map(|prefix| json!({"prefix": prefix, "cluster": "users", "auth": "none", "limits": ["each-address"]}));
    let half_open = HALF_OPEN
        .map(|prefix| json!({"prefix": prefix, "cluster": "users", "auth": "optional", "limits": ["each-address"]}));
    let uploads = json!({"prefix": "/api/patients/*/documents/", "cluster": "patients", "auth": "required", "limits": LIMITS,
        "timeout_ms": 15 * 60 * 1000, "body_limit": 512 * 1024 * 1024 + 256 * 1024});
    // the payment provider has no token: it signs what it sends
    let webhooks = json!({"prefix": "/api/billing/webhooks/", "cluster": "billing", "auth": "none", "body_limit": 256 * 1024,
        "limits": ["each-address"]});
    // calendar programs have none either: the address is the secret
    let feeds = json!({"prefix": "/api/appointments/feeds/{secret}/calendar.ics", "cluster": "appointments", "auth": "none",
        "limits": ["each-address"]});
    let services = SERVICES.map(|service| {
        let prefix = format!("/api/{}/", service.name);
        json!({"prefix": prefix, "cluster": service.name, "auth": "required", "body_limit": 2 * 1024 * 1024, "limits": LIMITS})
    });
    // FHIR clients are answered in FHIR when they bring no token, which the service does.
    let fhir = [
        json!({"prefix": "/fhir/metadata/", "cluster": "patients", "auth": "none", "limits": ["each-address"], "errors": "fhir"}),
        json!({"prefix": "/fhir/", "cluster": "patients", "auth": "optional", "limits": LIMITS, "errors": "fhir"}),
    ];
    let routes: Vec<Value> =
        open.into_iter().chain(half_open).chain([webhooks, feeds, uploads]).chain(services).chain(fhir).collect();
    let clusters: serde_json::Map<String, Value> = SERVICES
        .iter()
        .map(|service| (service.name.to_owned(), json!({"endpoints": [home.http(service.listen)], "openapi": true})))
        .collect();
    let mut listener = json!({"address": format!("127.0.0.1:{}", home.port(port::GATEWAY)), "workers": 2});
    if let (Wire::Tls, Some(listener)) = (home.wire, listener.as_object_mut()) {
        let files = Certificates::of(home);
        listener.insert("tls".to_owned(), json!({"certificate": files.certificate, "key": files.key}));
    }
    json!({
        "listener": listener,
        "admin": {"address": format!("127.0.0.1:{}", home.port(port::GATEWAY_ADMIN))},
        "limits": limits(),
        "routes": routes,
        "clusters": clusters,
    })
}
