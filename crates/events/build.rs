//! Compiles the schemas of `proto-schemas/` into `OUT_DIR`; no `protoc` binary takes part.

use std::{env, error::Error, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    let schemas = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../proto-schemas");
    println!("cargo:rerun-if-changed={}", schemas.display());
    let descriptors = protox::compile(["ehs/events/v1/envelope.proto"], [&schemas])?;
    prost_build::Config::new().compile_fds(descriptors)?;
    Ok(())
}
