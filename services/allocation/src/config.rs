//! This service has no settings of its own; a key that it does not know is refused.

use serde::Deserialize;

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {}

impl kit::Validate for Config {}
