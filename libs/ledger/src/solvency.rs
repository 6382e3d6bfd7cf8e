//! What creators are owed, and whether it is there.

use money::{Amount, Asset, Balance, BasisPoints, MoneyError, split_fee};

use crate::account_kind::AccountKind;
use crate::{Account, Balances, LedgerError, Rates};

const ZERO: Balance = Balance::zero(Asset::Usd);

/// What is owed to creators, by where it stands. Debts of creators are never set against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Obligations {
    /// Directed and not yet closed, less the fee that closing will take.
    pub pending_net: Balance,
    pub payable: Balance,
    /// In holds of payouts that are not committed.
    pub reserved: Balance,
    /// Committed to payouts, and not yet at a bank. While such money passes through a connected
    /// account it is owed here and counted there.
    pub in_payout: Balance,
    /// Under dispute; what was frozen gross counts less its fee.
    pub frozen_net: Balance,
}

impl Obligations {
    const NONE: Self = Self {
        pending_net: ZERO,
        payable: ZERO,
        reserved: ZERO,
        in_payout: ZERO,
        frozen_net: ZERO,
    };

    /// Adds up creators' lines, each rounded as its close will round it. Errors: `Overflow`.
    pub fn of(balances: &Balances, rates: Rates) -> Result<Self, LedgerError> {
        let mut owed = Self::NONE;
        for line in balances.iter() {
            let (account, balance) = line?;
            let fee = account
                .program()
                .map_or(BasisPoints::ZERO, |program| rates.fee(program));
            owed.add(account, balance, fee)?;
        }
        Ok(owed)
    }

    /// Errors: `Overflow`.
    pub fn total(&self) -> Result<Balance, LedgerError> {
        let parts = [
            self.pending_net,
            self.payable,
            self.reserved,
            self.in_payout,
            self.frozen_net,
        ];
        Ok(parts.into_iter().try_fold(ZERO, Balance::checked_add)?)
    }

    fn add(
        &mut self,
        account: &Account,
        balance: Balance,
        fee: BasisPoints,
    ) -> Result<(), LedgerError> {
        let net = || share(balance, fee.complement());
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "all other kinds are owed to no creator"
        )]
        let (part, amount) = match account.kind() {
            AccountKind::CreatorPending => (&mut self.pending_net, net()?),
            AccountKind::CreatorFrozenGross => (&mut self.frozen_net, net()?),
            AccountKind::CreatorFrozenNet => (&mut self.frozen_net, balance),
            AccountKind::CreatorPayable => (&mut self.payable, balance),
            AccountKind::CreatorReserved => (&mut self.reserved, balance),
            AccountKind::ClearingPayout => (&mut self.in_payout, balance),
            _ => return Ok(()),
        };
        *part = part.checked_add(amount)?;
        Ok(())
    }
}

/// Both sides of the question whether every obligation is covered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Solvency {
    /// At Stripe: payments, storage, connected accounts, and moves between them.
    pub assets: Balance,
    /// Owed to creators: [`Obligations::total`].
    pub obligations: Balance,
    /// Undirected money, at the share of it that creators could still come to own.
    pub claims: Balance,
    /// Subscribers' undirected money under dispute.
    pub frozen: Balance,
    /// Tokens that are paid for and not yet spent.
    pub deferred: Balance,
    /// Owed to tax authorities.
    pub tax: Balance,
}

impl Solvency {
    /// Reads both sides off the books. Errors: `Overflow`.
    pub fn of(balances: &Balances, rates: Rates) -> Result<Self, LedgerError> {
        let obligations = Obligations::of(balances, rates)?.total()?;
        let [assets, claims, frozen, deferred, tax] = [ZERO; 5];
        let mut solvency = Self {
            assets,
            obligations,
            claims,
            frozen,
            deferred,
            tax,
        };
        for line in balances.iter() {
            let (account, balance) = line?;
            solvency.add(account, balance, rates)?;
        }
        Ok(solvency)
    }

    /// What is not covered; zero when all of it is. Errors: `Overflow`.
    pub fn missing(&self) -> Result<Amount, LedgerError> {
        let owed = [
            self.obligations,
            self.claims,
            self.frozen,
            self.deferred,
            self.tax,
        ];
        let owed = owed.into_iter().try_fold(ZERO, Balance::checked_add)?;
        let missing = owed.checked_sub(self.assets)?;
        if missing.is_negative() {
            return Ok(Amount::zero(Asset::Usd));
        }
        Ok(missing.to_amount()?)
    }

    fn add(
        &mut self,
        account: &Account,
        balance: Balance,
        rates: Rates,
    ) -> Result<(), LedgerError> {
        let claim = account
            .program()
            .map_or(BasisPoints::WHOLE, |program| rates.claim(program));
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "all other kinds are on neither side"
        )]
        let (part, amount) = match account.kind() {
            AccountKind::StripePayments
            | AccountKind::StripeStorage
            | AccountKind::StripeConnected => (&mut self.assets, balance),
            // A move under way is a debit on a credit account: negative there, money here.
            AccountKind::ClearingStorageMove => (&mut self.assets, ZERO.checked_sub(balance)?),
            // A pool that is funded before its charge is posted: the claim is counted already, and
            // the cash is at Stripe, or there would be no charge.
            AccountKind::ClearingFunding if balance.is_negative() => {
                (&mut self.assets, ZERO.checked_sub(balance)?)
            }
            AccountKind::SubscriberUnallocated => (&mut self.claims, share(balance, claim)?),
            AccountKind::SubscriberFrozen => (&mut self.frozen, balance),
            AccountKind::TokensDeferred => (&mut self.deferred, balance),
            AccountKind::LiabilityTax => (&mut self.tax, balance),
            _ => return Ok(()),
        };
        *part = part.checked_add(amount)?;
        Ok(())
    }
}

/// A share of one line. A line below zero, which facts under way can cause, counts below zero
/// by the same rule: the fact that is still to come then changes nothing but the line.
fn share(line: Balance, part: BasisPoints) -> Result<Balance, MoneyError> {
    let kept = Balance::from(split_fee(line.magnitude()?, part.complement())?.net);
    if line.is_negative() {
        Balance::zero(line.asset()).checked_sub(kept)
    } else {
        Ok(kept)
    }
}
