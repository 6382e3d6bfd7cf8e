//! Accounts: where money can be.

use std::sync::Arc;

use money::Asset;
use time::Duration;

use crate::account_kind::{AccountKind, Class, Side};
use crate::{
    CreatorId, DisputeId, LedgerError, LotId, Month, MoveId, PayoutId, Program, StripeId,
    SubscriberId, ViewerId, account_name,
};

/// One account of the books. Its parts are the columns of its row; which of them it has follows
/// from its kind, and no other combination can be made.
///
/// Ordered by kind, then by its parts in C order.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Account {
    kind: AccountKind,
    owner: Option<Arc<str>>,
    program: Option<Program>,
    month: Option<Month>,
    reference: Option<Arc<str>>,
}

impl Account {
    pub const fn kind(&self) -> AccountKind {
        self.kind
    }

    /// The creator, subscriber or viewer that the account is kept for.
    pub fn owner(&self) -> Option<&str> {
        self.owner.as_deref()
    }

    pub const fn program(&self) -> Option<Program> {
        self.program
    }

    pub const fn month(&self) -> Option<Month> {
        self.month
    }

    /// The charge, payout, lot or the like that the account is about.
    pub fn reference(&self) -> Option<&str> {
        self.reference.as_deref()
    }

    pub const fn asset(&self) -> Asset {
        self.kind.asset()
    }

    pub const fn class(&self) -> Class {
        self.kind.class()
    }

    /// The side on which the account grows.
    pub const fn normal(&self) -> Side {
        self.kind.normal()
    }

    /// See [`AccountKind::is_platform`].
    pub const fn is_platform(&self) -> bool {
        self.kind.is_platform()
    }

    /// See [`AccountKind::clearing_deadline`].
    pub const fn clearing_deadline(&self) -> Option<Duration> {
        self.kind.clearing_deadline()
    }

    /// As people and `trace` write it: `creator/alice/pending/allocation/2027-01`.
    pub fn name(&self) -> String {
        account_name::write(self)
    }

    /// Reads what [`Account::name`] wrote. Errors: `AccountUnknown`, `IdMalformed`.
    pub fn parse(name: &str) -> Result<Self, LedgerError> {
        account_name::read(name)
    }

    /// Puts an account together from its columns; this is how rows are read back.
    /// Errors: `AccountUnknown` when the kind is unknown or has other parts; `IdMalformed`.
    pub fn from_parts(
        kind: &str,
        owner: Option<&str>,
        program: Option<Program>,
        month: Option<Month>,
        reference: Option<&str>,
    ) -> Result<Self, LedgerError> {
        let unknown = || LedgerError::AccountUnknown {
            text: kind.to_owned(),
        };
        let found = AccountKind::find(kind).ok_or_else(unknown)?;
        let parts = found.row().parts;
        let dated = (program.is_some(), month.is_some()) == (parts.dated, parts.dated);
        let owned = owner.is_some() == parts.owner.is_some();
        let about = reference.is_some() == parts.reference.is_some();
        if !(dated && owned && about) {
            return Err(unknown());
        }
        for (form, text) in [(parts.owner, owner), (parts.reference, reference)] {
            if let (Some(form), Some(text)) = (form, text) {
                form.check(text)?;
            }
        }
        let [owner, reference] = [owner, reference].map(|text| text.map(Arc::from));
        Ok(Self {
            kind: found,
            owner,
            program,
            month,
            reference,
        })
    }

    const fn plain(kind: AccountKind) -> Self {
        Self {
            kind,
            owner: None,
            program: None,
            month: None,
            reference: None,
        }
    }

    fn about(kind: AccountKind, reference: Arc<str>) -> Self {
        Self {
            reference: Some(reference),
            ..Self::plain(kind)
        }
    }

    fn dated(kind: AccountKind, owner: Arc<str>, program: Program, month: Month) -> Self {
        let (program, month) = (Some(program), Some(month));
        Self {
            owner: Some(owner),
            program,
            month,
            ..Self::plain(kind)
        }
    }
}

/// The accounts by name, for code that posts.
impl Account {
    pub const fn stripe_payments() -> Self {
        Self::plain(AccountKind::StripePayments)
    }

    pub const fn stripe_storage() -> Self {
        Self::plain(AccountKind::StripeStorage)
    }

    pub fn stripe_connected(creator: &CreatorId) -> Self {
        Self {
            owner: Some(creator.shared()),
            ..Self::plain(AccountKind::StripeConnected)
        }
    }

    pub fn clearing_funding(charge: &StripeId) -> Self {
        Self::about(AccountKind::ClearingFunding, charge.shared())
    }

    pub fn clearing_payout(payout: &PayoutId) -> Self {
        Self::about(AccountKind::ClearingPayout, payout.shared())
    }

    pub fn clearing_storage_move(storage_move: &MoveId) -> Self {
        Self::about(AccountKind::ClearingStorageMove, storage_move.shared())
    }

    pub fn suspense(txn: &StripeId) -> Self {
        Self::about(AccountKind::SuspenseStripe, txn.shared())
    }

    pub fn unallocated(subscriber: &SubscriberId, program: Program, month: Month) -> Self {
        Self::dated(
            AccountKind::SubscriberUnallocated,
            subscriber.shared(),
            program,
            month,
        )
    }

    /// Gross: the platform's fee is still in it.
    pub fn pending(creator: &CreatorId, program: Program, month: Month) -> Self {
        Self::dated(
            AccountKind::CreatorPending,
            creator.shared(),
            program,
            month,
        )
    }

    /// Net: the creator's own, and free to be held.
    pub fn payable(creator: &CreatorId, program: Program, month: Month) -> Self {
        Self::dated(
            AccountKind::CreatorPayable,
            creator.shared(),
            program,
            month,
        )
    }

    pub fn frozen_gross(creator: &CreatorId, program: Program, month: Month) -> Self {
        Self::dated(
            AccountKind::CreatorFrozenGross,
            creator.shared(),
            program,
            month,
        )
    }

    pub fn reserved(creator: &CreatorId, payout: &PayoutId) -> Self {
        let owner = Some(creator.shared());
        Self {
            owner,
            ..Self::about(AccountKind::CreatorReserved, payout.shared())
        }
    }

    pub fn receivable_dispute(dispute: &DisputeId) -> Self {
        Self::about(AccountKind::ReceivableDispute, dispute.shared())
    }

    pub fn viewer_tokens(viewer: &ViewerId, lot: &LotId) -> Self {
        let owner = Some(viewer.shared());
        Self {
            owner,
            ..Self::about(AccountKind::ViewerTokens, lot.shared())
        }
    }

    pub const fn tokens_issued() -> Self {
        Self::plain(AccountKind::TokensIssued)
    }

    pub fn tokens_deferred(lot: &LotId) -> Self {
        Self::about(AccountKind::TokensDeferred, lot.shared())
    }

    pub const fn revenue_fees() -> Self {
        Self::plain(AccountKind::RevenueFees)
    }

    pub const fn revenue_unallocated() -> Self {
        Self::plain(AccountKind::RevenueUnallocated)
    }

    pub const fn revenue_copies() -> Self {
        Self::plain(AccountKind::RevenueCopies)
    }

    pub const fn expense_stripe_fees() -> Self {
        Self::plain(AccountKind::ExpenseStripeFees)
    }

    pub const fn liability_tax() -> Self {
        Self::plain(AccountKind::LiabilityTax)
    }

    pub const fn equity_funded() -> Self {
        Self::plain(AccountKind::EquityFunded)
    }
}
