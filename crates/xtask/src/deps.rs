//! Which crate may depend on which. Rules as data, checked against `cargo metadata`.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::cargo::metadata;

/// Libraries that do I/O: no crate of pure rules may have them.
const IO: [&str; 10] = [
    "tokio",
    "diesel",
    "diesel-async",
    "actix-web",
    "reqwest",
    "aws-config",
    "aws-sdk-s3",
    "aws-sdk-sqs",
    "deadpool-redis",
    "hyper",
];

/// What kind of crate a package of ours is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    /// Functions from values to values.
    Pure,
    /// What every service has; depends on nothing of ours.
    Chassis,
    /// Who may do what; stands on the chassis.
    Access,
    /// Stands on the chassis, and knows who may do what.
    Library,
    /// The proxy.
    Gateway,
    /// A domain service.
    Service,
    /// Tests and tools: nobody depends on them but tests.
    Tooling,
}

fn sort_of(name: &str, manifest: &str) -> Sort {
    match name {
        "fhir" | "hl7" => Sort::Pure,
        "chassis" => Sort::Chassis,
        "auth" => Sort::Access,
        "gateway" => Sort::Gateway,
        "testkit" | "xtask" => Sort::Tooling,
        _ if manifest.contains("/services/") => Sort::Service,
        _ if manifest.contains("/tests/") => Sort::Tooling,
        _ => Sort::Library,
    }
}

/// What a crate of one sort may use, outside its tests.
fn may_use(user: Sort, used: Sort) -> bool {
    match user {
        Sort::Pure | Sort::Chassis => false,
        Sort::Access => matches!(used, Sort::Chassis),
        Sort::Library => matches!(used, Sort::Chassis | Sort::Access),
        Sort::Gateway => matches!(used, Sort::Chassis | Sort::Access | Sort::Library),
        Sort::Service => matches!(used, Sort::Pure | Sort::Chassis | Sort::Access | Sort::Library),
        Sort::Tooling => true,
    }
}

/// Checks every package of the workspace and lists every fault.
pub async fn deps(root: &Path) -> Result<()> {
    let metadata = metadata(root).await?;
    let packages = metadata.get("packages").and_then(Value::as_array).context("cargo metadata lists no packages")?;
    let sorts: Vec<(&str, Sort)> = packages
        .iter()
        .filter_map(|package| {
            Some((text(package, "name")?, sort_of(text(package, "name")?, text(package, "manifest_path")?)))
        })
        .collect();
    let faults: Vec<String> = packages.iter().flat_map(|package| faults_of(package, &sorts)).collect();
    if faults.is_empty() {
        say!("{} packages depend in the right direction", sorts.len());
        return Ok(());
    }
    bail!("{}", faults.join("\n"))
}

fn faults_of(package: &Value, sorts: &[(&str, Sort)]) -> Vec<String> {
    let Some(name) = text(package, "name") else { return Vec::new() };
    let sort = |wanted: &str| sorts.iter().find(|(name, _)| *name == wanted).map(|(_, sort)| *sort);
    let Some(own) = sort(name) else { return Vec::new() };
    let mut faults = Vec::new();
    for dependency in package.get("dependencies").and_then(Value::as_array).into_iter().flatten() {
        let Some(used) = text(dependency, "name") else { continue };
        if text(dependency, "kind") == Some("dev") {
            continue; // a test may stand on anything
        }
        if own == Sort::Pure && IO.contains(&used) {
            faults.push(format!("{name} is pure and may not depend on {used}"));
        }
        if own == Sort::Gateway && used.starts_with("diesel") {
            faults.push("the gateway has no database and may not depend on diesel".to_owned());
        }
        if used == "aws-sdk-s3" && name != "object-store" {
            faults.push(format!("{name} speaks to S3 through object-store, and may not depend on {used}"));
        }
        if name == "xtask" && sort(used).is_some() {
            faults.push(format!("xtask is built first and alone: it may not depend on {used}"));
        }
        if sort(used).is_some_and(|used| !may_use(own, used)) {
            faults.push(format!("{name} may not depend on {used} (a test may, as a dev-dependency)"));
        }
    }
    faults
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key)?.as_str()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SORTS: [(&str, Sort); 5] = [
        ("hl7", Sort::Pure),
        ("chassis", Sort::Chassis),
        ("users", Sort::Service),
        ("billing", Sort::Service),
        ("testkit", Sort::Tooling),
    ];

    fn faults(name: &str, dependency: &str, kind: Option<&str>) -> usize {
        faults_of(&json!({"name": name, "dependencies": [{"name": dependency, "kind": kind}]}), &SORTS).len()
    }

    #[test]
    fn direction_is_downwards_only() {
        assert_eq!(faults("billing", "chassis", None), 0);
        assert_eq!(faults("billing", "users", None), 1);
        assert_eq!(faults("chassis", "users", None), 1);
        assert_eq!(faults("hl7", "tokio", None), 1);
        assert_eq!(faults("hl7", "chassis", None), 1);
        assert_eq!(faults("billing", "aws-sdk-s3", None), 1);
    }

    #[test]
    fn tests_may_stand_on_anything() {
        assert_eq!(faults("billing", "testkit", Some("dev")), 0);
        assert_eq!(faults("billing", "testkit", None), 1);
    }
}
