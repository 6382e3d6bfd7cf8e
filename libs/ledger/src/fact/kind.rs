//! The names of the kinds of fact.

use std::fmt;
use std::str::FromStr;

use crate::LedgerError;

macro_rules! kinds {
    ($($kind:ident $name:literal),* $(,)?) => {
        /// A kind of fact. Ordered as a story goes: cash, attribution, payout, month's end.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum FactKind { $(#[doc = concat!("`", $name, "`")] $kind,)* }

        impl FactKind {
            pub const ALL: &'static [Self] = &[$(Self::$kind,)*];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }
        }
    };
}

kinds![
    ChargeSettled "charge_settled",
    FundingAttributed "funding_attributed",
    AllocationChanged "allocation_changed",
    AttemptSettled "attempt_settled",
    AttemptRefused "attempt_refused",
    AttemptReturned "attempt_returned",
    TransferReversed "transfer_reversed",
    BalanceTransactionObserved "balance_transaction_observed",
    HoldPlaced "hold_placed",
    HoldReleased "hold_released",
    HoldCommitted "hold_committed",
    CreatorClosed "creator_closed",
    SubscriberClosed "subscriber_closed",
    LateEarning "late_earning",
];

impl fmt::Display for FactKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for FactKind {
    type Err = LedgerError;

    fn from_str(text: &str) -> Result<Self, LedgerError> {
        let found = Self::ALL.iter().copied().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| LedgerError::FactKindUnknown {
            text: text.to_owned(),
        })
    }
}
