//! PATCH as a JSON merge patch (RFC 7396): the patch is merged into what the resource is now, and the result goes
//! through the same checks as a PUT. One path of validation.

use serde::Serialize;
use serde_json::Value;

use crate::problem::Problem;

/// What `current` becomes when `patch` is merged into it. A member that is `null` in the patch is gone.
///
/// # Errors
/// 500 when `current` cannot be written as JSON.
pub fn apply(current: &impl Serialize, patch: &Value) -> Result<Value, Problem> {
    let mut merged = serde_json::to_value(current).map_err(Problem::internal)?;
    json_patch::merge(&mut merged, patch);
    Ok(merged)
}
