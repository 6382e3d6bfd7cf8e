//! The chart of accounts, as one table: a kind, its name, its side, its class.

use std::fmt;

use money::Asset;
use time::Duration;

use crate::id::Form;
use crate::{CreatorId, DisputeId, LotId, MoveId, PayoutId, StripeId, SubscriberId, ViewerId};

/// The side of an entry, and the side on which an account grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    Debit,
    Credit,
}

impl Side {
    /// `debit` or `credit`, as columns and messages say it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debit => "debit",
            Self::Credit => "credit",
        }
    }

    /// `Dr` or `Cr`, as people read it.
    pub const fn short(self) -> &'static str {
        match self {
            Self::Debit => "Dr",
            Self::Credit => "Cr",
        }
    }

    pub const fn opposite(self) -> Self {
        match self {
            Self::Debit => Self::Credit,
            Self::Credit => Self::Debit,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What may happen to an account's balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// A posting that would cross zero is refused, under the account's lock.
    Floor,
    /// May cross zero while facts are under way, never once its month is sealed and applied.
    Settles,
    /// Either sign, at any time.
    Signed,
}

/// What an account of some kind says besides its kind; `None` where it says nothing.
#[derive(Clone, Copy)]
pub(crate) struct Parts {
    pub owner: Option<Form>,
    /// Program and month always come together.
    pub dated: bool,
    pub reference: Option<Form>,
}

const NONE: Parts = Parts {
    owner: None,
    dated: false,
    reference: None,
};

const fn owned(owner: Form) -> Parts {
    Parts {
        owner: Some(owner),
        ..NONE
    }
}

const fn monthly(owner: Form) -> Parts {
    Parts {
        owner: Some(owner),
        dated: true,
        ..NONE
    }
}

const fn about(reference: Form) -> Parts {
    Parts {
        reference: Some(reference),
        ..NONE
    }
}

const fn owned_about(owner: Form, reference: Form) -> Parts {
    Parts {
        owner: Some(owner),
        reference: Some(reference),
        ..NONE
    }
}

/// One row of the chart.
pub(crate) struct Row {
    /// As the `kind` column holds it.
    pub name: &'static str,
    /// `{o}` stands for the owner, `{p}` and `{m}` for program and month, `{r}` for the
    /// reference; a segment between slashes is either such a sign or a plain word.
    pub pattern: &'static str,
    pub normal: Side,
    pub class: Class,
    pub asset: Asset,
    pub parts: Parts,
}

macro_rules! chart {
    ($($kind:ident $name:literal $pattern:literal $normal:ident $class:ident $asset:ident $parts:expr;)*) => {
        /// A line of the chart of accounts.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum AccountKind { $(#[doc = concat!("`", $pattern, "`")] $kind,)* }

        impl AccountKind {
            pub const ALL: &'static [Self] = &[$(Self::$kind,)*];

            pub(crate) const fn row(self) -> Row {
                match self {
                    $(Self::$kind => Row {
                        name: $name,
                        pattern: $pattern,
                        normal: Side::$normal,
                        class: Class::$class,
                        asset: Asset::$asset,
                        parts: $parts,
                    },)*
                }
            }
        }
    };
}

chart! {
    StripePayments "stripe_payments" "stripe/payments" Debit Signed Usd NONE;
    StripeStorage "stripe_storage" "stripe/storage" Debit Signed Usd NONE;
    StripeConnected "stripe_connected" "stripe/connected/{o}" Debit Signed Usd owned(CreatorId::FORM);
    ReceivableDispute "receivable_dispute" "receivable/disputes/{r}" Debit Signed Usd about(DisputeId::FORM);
    ClearingFunding "clearing_funding" "clearing/funding/{r}" Credit Signed Usd about(StripeId::FORM);
    ClearingRefund "clearing_refund" "clearing/refund/{r}" Credit Signed Usd about(StripeId::FORM);
    ClearingStorageMove "clearing_storage_move" "clearing/storage_move/{r}" Credit Signed Usd about(MoveId::FORM);
    ClearingPayout "clearing_payout" "clearing/payout/{r}" Credit Signed Usd about(PayoutId::FORM);
    ClearingRevenuePayout "clearing_revenue_payout" "clearing/revenue_payout/{r}" Credit Signed Usd about(MoveId::FORM);
    SuspenseStripe "suspense_stripe" "suspense/stripe/{r}" Credit Signed Usd about(StripeId::FORM);
    SubscriberUnallocated "subscriber_unallocated" "subscriber/{o}/unallocated/{p}/{m}" Credit Settles Usd monthly(SubscriberId::FORM);
    SubscriberFrozen "subscriber_frozen" "subscriber/{o}/frozen/{p}/{m}" Credit Settles Usd monthly(SubscriberId::FORM);
    CreatorPending "creator_pending" "creator/{o}/pending/{p}/{m}" Credit Settles Usd monthly(CreatorId::FORM);
    CreatorPayable "creator_payable" "creator/{o}/payable/{p}/{m}" Credit Floor Usd monthly(CreatorId::FORM);
    CreatorReserved "creator_reserved" "creator/{o}/reserved/{r}" Credit Floor Usd owned_about(CreatorId::FORM, PayoutId::FORM);
    CreatorFrozenGross "creator_frozen_gross" "creator/{o}/frozen_gross/{p}/{m}" Credit Settles Usd monthly(CreatorId::FORM);
    CreatorFrozenNet "creator_frozen_net" "creator/{o}/frozen_net/{p}/{m}" Credit Settles Usd monthly(CreatorId::FORM);
    CreatorDebt "creator_debt" "creator/{o}/debt" Debit Floor Usd owned(CreatorId::FORM);
    ViewerTokens "viewer_tokens" "viewer/{o}/tokens/{r}" Credit Settles Token owned_about(ViewerId::FORM, LotId::FORM);
    ViewerTokensFrozen "viewer_tokens_frozen" "viewer/{o}/tokens_frozen/{r}" Credit Settles Token owned_about(ViewerId::FORM, LotId::FORM);
    TokensIssued "tokens_issued" "tokens/issued" Debit Signed Token NONE;
    TokensDeferred "tokens_deferred" "tokens/deferred/{r}" Credit Settles Usd about(LotId::FORM);
    RevenueFees "revenue_fees" "revenue/fees" Credit Signed Usd NONE;
    RevenueUnallocated "revenue_unallocated" "revenue/unallocated" Credit Signed Usd NONE;
    RevenueCopies "revenue_copies" "revenue/copies" Credit Signed Usd NONE;
    RevenueStreaming "revenue_streaming" "revenue/streaming" Credit Signed Usd NONE;
    ExpenseStripeFees "expense_stripe_fees" "expense/stripe_fees" Debit Signed Usd NONE;
    ExpenseDisputeFees "expense_dispute_fees" "expense/dispute_fees" Debit Signed Usd NONE;
    ExpenseLosses "expense_losses" "expense/losses" Debit Signed Usd NONE;
    LiabilityTax "liability_tax" "liability/tax" Credit Signed Usd NONE;
    EquityFunded "equity_funded" "equity/funded" Credit Signed Usd NONE;
    EquityWithdrawn "equity_withdrawn" "equity/withdrawn" Debit Signed Usd NONE;
}

impl AccountKind {
    /// As the `kind` column holds it: `creator_pending`.
    pub const fn as_str(self) -> &'static str {
        self.row().name
    }

    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }

    pub const fn asset(self) -> Asset {
        self.row().asset
    }

    pub const fn class(self) -> Class {
        self.row().class
    }

    /// The side on which accounts of this kind grow.
    pub const fn normal(self) -> Side {
        self.row().normal
    }

    /// Whether nearly every posting touches accounts of this kind. Such accounts are appended
    /// to and rolled up; a row lock per posting would make every writer wait for every other.
    pub const fn is_platform(self) -> bool {
        use AccountKind as K;
        match self {
            K::StripePayments | K::StripeStorage | K::StripeConnected | K::TokensIssued => true,
            K::RevenueFees | K::RevenueUnallocated | K::RevenueCopies | K::RevenueStreaming => true,
            K::ExpenseStripeFees | K::ExpenseDisputeFees | K::ExpenseLosses => true,
            K::LiabilityTax | K::EquityFunded | K::EquityWithdrawn => true,
            K::ReceivableDispute | K::SuspenseStripe => false,
            K::ClearingFunding | K::ClearingRefund | K::ClearingStorageMove => false,
            K::ClearingPayout | K::ClearingRevenuePayout => false,
            K::SubscriberUnallocated | K::SubscriberFrozen => false,
            K::CreatorPending | K::CreatorPayable | K::CreatorReserved | K::CreatorDebt => false,
            K::CreatorFrozenGross | K::CreatorFrozenNet => false,
            K::ViewerTokens | K::ViewerTokensFrozen | K::TokensDeferred => false,
        }
    }

    /// Whether the account follows Stripe's own figure, and so moves only on evidence: each of
    /// its postings carries the id of a balance transaction.
    pub const fn needs_evidence(self) -> bool {
        matches!(self, Self::StripePayments | Self::StripeStorage)
    }

    /// How long a clearing account may be other than zero, in business time; past it the money
    /// is in limbo and alerted. `None` where no time is set.
    pub const fn clearing_deadline(self) -> Option<Duration> {
        use AccountKind as K;
        match self {
            K::ClearingFunding | K::ClearingRefund => Some(Duration::minutes(15)),
            K::ClearingStorageMove => Some(Duration::hours(1)),
            K::ClearingPayout => Some(Duration::days(7)),
            K::ClearingRevenuePayout => Some(Duration::days(5)),
            K::StripePayments | K::StripeStorage | K::StripeConnected | K::TokensIssued => None,
            K::RevenueFees | K::RevenueUnallocated | K::RevenueCopies | K::RevenueStreaming => None,
            K::ExpenseStripeFees | K::ExpenseDisputeFees | K::ExpenseLosses => None,
            K::LiabilityTax | K::EquityFunded | K::EquityWithdrawn => None,
            K::ReceivableDispute | K::SuspenseStripe => None,
            K::SubscriberUnallocated | K::SubscriberFrozen => None,
            K::CreatorPending | K::CreatorPayable | K::CreatorReserved | K::CreatorDebt => None,
            K::CreatorFrozenGross | K::CreatorFrozenNet => None,
            K::ViewerTokens | K::ViewerTokensFrozen | K::TokensDeferred => None,
        }
    }
}
