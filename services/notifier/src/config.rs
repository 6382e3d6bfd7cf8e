//! This service's own settings: none yet, so any key of its own is refused.

use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {}

impl kit::Validate for Config {}
