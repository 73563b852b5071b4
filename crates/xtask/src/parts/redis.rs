//! A private Redis. It keeps nothing over a restart: nothing in it is the only copy.

use std::path::Path;

use crate::supervise::{Layer, Probe, Spec, Stop};

/// How to start it.
pub fn spec(program: &Path, dir: &Path, port: u16) -> Spec {
    let args = [
        "--port",
        &port.to_string(),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--appendonly",
        "no",
        "--maxmemory",
        "256mb",
        "--maxmemory-policy",
        "volatile-ttl",
    ];
    Spec {
        name: "redis".to_owned(),
        program: program.to_path_buf(),
        args: args.iter().map(|&arg| arg.to_owned()).collect(),
        env: Vec::new(),
        dir: dir.to_path_buf(),
        user: None,
        stop: Stop::Terminate,
        layer: Layer::Part,
        address: format!("redis://127.0.0.1:{port}"),
        probe: Probe::Redis(port),
    }
}
