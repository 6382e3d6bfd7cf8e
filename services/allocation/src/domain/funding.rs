//! A charge's money, on its way into a pool.

use ledger::{ChargeSettled, Fact, FundingAttributed, LedgerError, Month};

/// A settled charge that can fund a pool, with the digest that billing's cut counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    settled: ChargeSettled,
    digest: u64,
}

/// Which pool a charge funds, with what, and the digest that the seal counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Funding {
    pub attributed: FundingAttributed,
    pub digest: u64,
}

impl Charge {
    /// Errors: `ProgramWithoutPools`, and why the books would refuse the charge.
    pub fn try_new(settled: ChargeSettled) -> Result<Self, LedgerError> {
        let program = settled.program;
        if !program.has_pools() {
            return Err(LedgerError::ProgramWithoutPools { program });
        }
        let digest = Fact::try_new(settled.clone())?.digest64();
        Ok(Self { settled, digest })
    }

    #[must_use]
    pub const fn settled(&self) -> &ChargeSettled {
        &self.settled
    }

    #[must_use]
    pub const fn digest(&self) -> u64 {
        self.digest
    }

    /// Stamps the charge's money, cash less tax, with the month that it funds. A charge that was
    /// all tax funds nothing: no fact says so, and its digest is zero.
    /// Errors: `Money`.
    pub fn fund(&self, month: Month) -> Result<Funding, LedgerError> {
        let ChargeSettled {
            charge,
            subscriber,
            program,
            gross,
            tax,
            ..
        } = self.settled.clone();
        let amount = gross.checked_sub(tax)?;
        let attributed = FundingAttributed {
            charge,
            subscriber,
            program,
            month,
            amount,
        };
        let digest = if amount.is_zero() {
            0
        } else {
            Fact::try_new(attributed.clone())?.digest64()
        };
        Ok(Funding { attributed, digest })
    }
}

#[cfg(test)]
mod tests {
    use ledger::Program;
    use money::Amount;
    use time::macros::datetime;

    use super::*;

    fn settled(program: Program, gross: u32, tax: u32) -> ChargeSettled {
        ChargeSettled {
            charge: "ch_1".parse().unwrap(),
            txn: "txn_1".parse().unwrap(),
            subscriber: "sam".parse().unwrap(),
            program,
            gross: Amount::usd(gross),
            stripe_fee: Amount::usd(59),
            tax: Amount::usd(tax),
            available_on: datetime!(2027-01-03 00:00 UTC),
            period_month: "2027-01".parse().unwrap(),
            settled_at: datetime!(2027-01-01 00:00 UTC),
        }
    }

    #[test]
    fn a_pool_is_funded_by_cash_less_tax() {
        let charge = Charge::try_new(settled(Program::Allocation, 1_070, 70)).unwrap();
        let funding = charge.fund("2027-02".parse().unwrap()).unwrap();
        assert_eq!(funding.attributed.amount, Amount::usd(1_000));
        assert_eq!(funding.attributed.month.to_string(), "2027-02");
    }

    #[test]
    fn a_charge_that_was_all_tax_funds_nothing() {
        let charge = Charge::try_new(settled(Program::Allocation, 70, 70)).unwrap();
        let funding = charge.fund("2027-01".parse().unwrap()).unwrap();
        assert!(funding.attributed.amount.is_zero());
        assert_eq!(funding.digest, 0);
    }

    #[test]
    fn a_charge_for_a_program_without_pools_is_refused() {
        assert!(Charge::try_new(settled(Program::Streaming, 1_000, 0)).is_err());
    }
}
