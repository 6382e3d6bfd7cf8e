//! The run: who is paid, in order, as far as available funds reach, and why the others are not.

use ledger::{CreatorId, Month, PayoutId};
use money::Amount;
use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime};

use super::Account;

/// Said to those for whom the platform's charges have not settled yet.
pub const WAITING: &str = "waiting for charges to settle";
/// How the reasons of those begin whose account cannot be paid.
pub const NOT_VERIFIED: &str = "bank account not verified";

/// Somebody who is owed something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub creator_id: CreatorId,
    pub payable: Amount,
    /// Absent when onboarding was never started.
    pub account: Option<Account>,
}

/// What a pass over all candidates carries from page to page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pass {
    /// What may still be planned.
    pub funds: Amount,
    /// Somebody did not fit. Everyone after waits too: the order is a promise, and a large
    /// payout that small ones could overtake might never be made.
    pub dry: bool,
}

/// Somebody who is not paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    pub creator_id: CreatorId,
    pub payable: Amount,
    pub reason: String,
}

/// What follows for one page of candidates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Who is paid: creator, amount, connected account.
    pub paid: Vec<(CreatorId, Amount, String)>,
    pub carried: Vec<Carried>,
    /// For the next page.
    pub rest: Pass,
}

/// Plans a page. Candidates come in creator id order.
#[must_use]
pub fn plan(candidates: Vec<Candidate>, least: Amount, pass: Pass) -> Plan {
    let mut plan = Plan {
        paid: Vec::new(),
        carried: Vec::new(),
        rest: pass,
    };
    for candidate in candidates {
        let Candidate {
            creator_id,
            payable,
            account,
        } = candidate;
        match judge(payable, account.as_ref(), least, &mut plan.rest) {
            Ok(account_id) => plan.paid.push((creator_id, payable, account_id)),
            Err(reason) => plan.carried.push(Carried {
                creator_id,
                payable,
                reason,
            }),
        }
    }
    plan
}

/// The account to pay, or the reason not to.
fn judge(
    payable: Amount,
    account: Option<&Account>,
    least: Amount,
    pass: &mut Pass,
) -> Result<String, String> {
    if payable < least {
        let short = least.checked_sub(payable).unwrap_or(least);
        return Err(format!("below {least} by {short}"));
    }
    let Some(account) = account else {
        return Err(format!("{NOT_VERIFIED}: onboarding was not started"));
    };
    if let Some(obstacle) = account.obstacle() {
        return Err(format!("{NOT_VERIFIED}: {obstacle}"));
    }
    match pass.funds.checked_sub(payable) {
        Ok(left) if !pass.dry => pass.funds = left,
        Ok(_) | Err(_) => {
            pass.dry = true;
            return Err(WAITING.to_owned());
        }
    }
    Ok(account.account_id.clone().unwrap_or_default())
}

/// The id of a creator's payout in a run: the same however often it is planned.
#[must_use]
pub fn payout_id(month: Month, creator_id: &CreatorId, sequence: i32) -> PayoutId {
    let digest = Sha256::digest(format!("{month}:{creator_id}:{sequence}"));
    let text: String = hex::encode(digest).chars().take(24).collect();
    PayoutId::try_new(&format!("po_{text}")).expect("hex digits make an id")
}

/// When those who wait for funds are looked at again.
#[must_use]
pub fn next_midnight(now: OffsetDateTime) -> OffsetDateTime {
    now.date()
        .midnight()
        .assume_utc()
        .saturating_add(Duration::DAY)
}

/// Where a run stands: `planning` is absent for a run that never began, `open_count` counts the
/// payouts that have not ended.
#[must_use]
pub const fn run_state(planning: Option<bool>, open_count: i64) -> &'static str {
    match planning {
        None => "none",
        Some(true) => "planning",
        Some(false) if open_count > 0 => "running",
        Some(false) => "done",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(name: &str, cents: u32) -> Candidate {
        let account = Account {
            account_id: Some(format!("acct_{name}")),
            manual_payouts: true,
            payouts_enabled: true,
            details_submitted: true,
            transfers: "active".into(),
            ..Account::default()
        };
        let creator_id = CreatorId::try_new(name).unwrap();
        Candidate {
            creator_id,
            payable: Amount::usd(cents),
            account: Some(account),
        }
    }

    fn planned(candidates: Vec<Candidate>, funds: u32) -> Plan {
        plan(
            candidates,
            Amount::usd(2_500),
            Pass {
                funds: Amount::usd(funds),
                dry: false,
            },
        )
    }

    fn reasons(plan: &Plan) -> Vec<&str> {
        plan.carried
            .iter()
            .map(|carried| carried.reason.as_str())
            .collect()
    }

    #[test]
    fn whoever_is_below_the_threshold_is_told_by_how_much() {
        let plan = planned(
            vec![candidate("alice", 2_500), candidate("bob", 2_180)],
            100_000,
        );
        assert_eq!(plan.paid.len(), 1);
        assert_eq!(reasons(&plan), ["below $25.00 by $3.20"]);
    }

    #[test]
    fn an_account_that_cannot_be_paid_carries_over_with_what_is_missing() {
        let mut bob = candidate("bob", 9_000);
        if let Some(account) = &mut bob.account {
            account.payouts_enabled = false;
            account.requirements_due = vec!["external_account".into()];
        }
        let carol = Candidate {
            account: None,
            ..candidate("carol", 9_000)
        };
        let plan = planned(vec![bob, carol], 100_000);
        assert_eq!(
            reasons(&plan),
            [
                "bank account not verified: Stripe still asks for external_account",
                "bank account not verified: onboarding was not started",
            ]
        );
        assert_eq!(plan.rest.funds, Amount::usd(100_000));
    }

    #[test]
    fn nobody_overtakes_somebody_who_waits_for_funds() {
        let all = vec![
            candidate("a", 5_000),
            candidate("b", 6_000),
            candidate("c", 2_500),
        ];
        let plan = planned(all, 10_000);
        assert_eq!(plan.paid.len(), 1);
        assert_eq!(reasons(&plan), [WAITING, WAITING]);
        assert_eq!(
            plan.rest,
            Pass {
                funds: Amount::usd(5_000),
                dry: true
            }
        );
    }

    #[test]
    fn the_same_plan_has_the_same_id_and_another_sequence_another() {
        let (month, alice) = (
            "2027-01".parse().unwrap(),
            CreatorId::try_new("alice").unwrap(),
        );
        let first = payout_id(month, &alice, 1);
        assert_eq!(first, payout_id(month, &alice, 1));
        assert_ne!(first, payout_id(month, &alice, 2));
        assert_eq!(first.as_str().len(), 27);
    }
}
