//! This service's own settings; defaults and explanations in `config.default.toml`.

use ledger::Rates;
use money::BasisPoints;
use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub fees: Fees,
    pub close: Close,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fees {
    pub allocation_bps: u32,
    pub copies_share_bps: u32,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Close {
    pub lines_per_turn: i64,
}

impl Config {
    /// # Errors
    /// A sentence, when a rate is more than the whole.
    pub fn rates(&self) -> Result<Rates, String> {
        let rate = |name: &str, bps| {
            BasisPoints::try_new(bps).map_err(|error| format!("fees.{name}: {error}"))
        };
        Ok(Rates {
            allocation_fee: rate("allocation_bps", self.fees.allocation_bps)?,
            copies_share: rate("copies_share_bps", self.fees.copies_share_bps)?,
        })
    }
}

impl kit::Validate for Config {
    fn validate(&self) -> Result<(), String> {
        self.rates()?;
        if (1..=50_000).contains(&self.close.lines_per_turn) {
            Ok(())
        } else {
            Err("close.lines_per_turn must be between 1 and 50000".to_owned())
        }
    }
}
