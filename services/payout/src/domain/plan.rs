//! The run: who is paid, in order, as far as available funds reach, and why the others are not.

use ledger::{CreatorId, Month, PayoutId};
use money::Amount;
use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime};

use super::{Account, Settling};

/// Said to those for whom the platform's charges have not settled yet.
const WAITING: &str = "waiting for charges to settle";
/// Said to those of whom it cannot be told what is left.
const UNDECIDED: &str = "another payout is being set aside: what is left is planned right after it";
/// How the reasons of those begin whose account cannot be paid.
pub const NOT_VERIFIED: &str = "bank account not verified";
/// And how they go on: this run does not look again.
const ONCE_VERIFIED: &str = "once it is, the next run pays, or a request";

/// Somebody who is owed something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub creator_id: CreatorId,
    pub payable: Amount,
    /// Absent when onboarding was never started.
    pub account: Option<Account>,
    /// Whether a payout is being set aside at this moment: what the books call payable may count it
    /// still, or no longer.
    pub is_in_doubt: bool,
}

impl Candidate {
    /// In words; the run looks again at once.
    #[must_use]
    pub fn undecided(self, now: OffsetDateTime) -> Carried {
        Carried {
            creator_id: self.creator_id,
            payable: self.payable,
            reason: UNDECIDED.to_owned(),
            expected_on: None,
            again_at: Some(now),
        }
    }
}

/// What a pass over all candidates carries from page to page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pass {
    /// What may still be planned.
    pub funds: Amount,
    /// What everyone who waits so far is owed. Where somebody waits, everyone after waits too: the
    /// order is a promise, and a large payout that small ones could overtake might never be made.
    pub waiting: Amount,
}

impl Pass {
    #[must_use]
    pub fn new(funds: Amount) -> Self {
        Self {
            funds,
            waiting: Amount::zero(funds.asset()),
        }
    }
}

/// Somebody who is not paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    pub creator_id: CreatorId,
    pub payable: Amount,
    pub reason: String,
    /// When it is tried again, as far as that can be told.
    pub expected_on: Option<OffsetDateTime>,
    /// When this run looks again; absent when only a later run does.
    pub again_at: Option<OffsetDateTime>,
}

/// Somebody for whom available funds do not reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    pub creator_id: CreatorId,
    pub payable: Amount,
    /// What must become available before everyone in front is paid, and then this one.
    pub short_minor: i64,
}

impl Waiting {
    /// In words, once it is known when enough charges will have settled.
    #[must_use]
    pub fn carried(self, settling: &Settling, now: OffsetDateTime) -> Carried {
        let expected_on = settling.expected_on(self.short_minor);
        let reason = match expected_on {
            Some(on) => format!("{WAITING}, expected on {}", on.date()),
            None => WAITING.to_owned(),
        };
        Carried {
            creator_id: self.creator_id,
            payable: self.payable,
            reason,
            expected_on,
            again_at: Some(next_midnight(now)),
        }
    }
}

/// What follows for one page of candidates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Who is paid, and by which connected account.
    pub paid: Vec<(Candidate, String)>,
    pub carried: Vec<Carried>,
    pub waiting: Vec<Waiting>,
    /// Who is looked at again at once.
    pub undecided: Vec<Candidate>,
    /// For the next page.
    pub rest: Pass,
}

/// Plans a page. Candidates come in creator id order.
#[must_use]
pub fn plan(candidates: Vec<Candidate>, least: Amount, pass: Pass) -> Plan {
    let mut plan = Plan {
        paid: Vec::new(),
        carried: Vec::new(),
        waiting: Vec::new(),
        undecided: Vec::new(),
        rest: pass,
    };
    for candidate in candidates {
        if candidate.is_in_doubt {
            keep_place(&candidate, least, &mut plan.rest);
            plan.undecided.push(candidate);
            continue;
        }
        match eligible(&candidate, least) {
            Err(reason) => plan.carried.push(Carried {
                creator_id: candidate.creator_id,
                payable: candidate.payable,
                reason,
                expected_on: None,
                again_at: None,
            }),
            Ok(account_id) => match take(candidate.payable, &mut plan.rest) {
                None => plan.paid.push((candidate, account_id)),
                Some(short_minor) => plan.waiting.push(Waiting {
                    creator_id: candidate.creator_id,
                    payable: candidate.payable,
                    short_minor,
                }),
            },
        }
    }
    plan
}

/// The account to pay, or the reason not to.
fn eligible(candidate: &Candidate, least: Amount) -> Result<String, String> {
    let payable = candidate.payable;
    if payable < least {
        let short = least.checked_sub(payable).unwrap_or(least);
        return Err(format!("below {least} by {short}"));
    }
    let account = candidate.account.clone().unwrap_or_default();
    match account.obstacle() {
        Some(obstacle) => Err(format!("{NOT_VERIFIED}: {obstacle}; {ONCE_VERIFIED}")),
        None => Ok(account.account_id.unwrap_or_default()),
    }
}

/// All that an undecided creator may come to be paid is kept back: else those after would overtake.
fn keep_place(candidate: &Candidate, least: Amount, pass: &mut Pass) {
    if eligible(candidate, least).is_ok() {
        take(candidate.payable, pass);
    }
}

/// Takes it of the funds, or answers how much is missing.
fn take(payable: Amount, pass: &mut Pass) -> Option<i64> {
    if pass.waiting.is_zero()
        && let Ok(left) = pass.funds.checked_sub(payable)
    {
        pass.funds = left;
        return None;
    }
    pass.waiting = pass.waiting.checked_add(payable).unwrap_or(pass.waiting);
    Some(pass.waiting.minor().saturating_sub(pass.funds.minor()))
}

/// The id of a creator's payout in a run: the same however often it is planned.
#[must_use]
pub fn payout_id(month: Month, creator_id: &CreatorId, sequence: i32) -> PayoutId {
    hashed(&format!("{month}:{creator_id}:{sequence}"))
}

/// The id of a payout that a creator asks for: the same for the same key.
#[must_use]
pub fn requested_id(creator_id: &CreatorId, key: &str) -> PayoutId {
    // No month begins so: a request never has a run's id.
    hashed(&format!("request:{creator_id}:{key}"))
}

fn hashed(text: &str) -> PayoutId {
    let digest: String = hex::encode(Sha256::digest(text)).chars().take(24).collect();
    PayoutId::try_new(&format!("po_{digest}")).expect("hex digits make an id")
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
    use crate::domain::Pending;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2027-03-01 00:00 UTC);

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
            is_in_doubt: false,
        }
    }

    fn planned(candidates: Vec<Candidate>, funds: u32) -> Plan {
        plan(
            candidates,
            Amount::usd(2_500),
            Pass::new(Amount::usd(funds)),
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
                "bank account not verified: Stripe still asks for external_account; \
                 once it is, the next run pays, or a request",
                "bank account not verified: onboarding was not started; \
                 once it is, the next run pays, or a request",
            ]
        );
        assert_eq!(plan.rest, Pass::new(Amount::usd(100_000)));
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
        let short: Vec<i64> = plan.waiting.iter().map(|one| one.short_minor).collect();
        assert_eq!(short, [1_000, 3_500]);
    }

    #[test]
    fn whoever_is_undecided_keeps_a_place_and_whoever_cannot_be_paid_keeps_none() {
        let in_doubt = |name, cents| Candidate {
            is_in_doubt: true,
            ..candidate(name, cents)
        };
        let all = vec![
            in_doubt("a", 2_499),
            in_doubt("b", 6_000),
            candidate("c", 5_000),
        ];
        let plan = planned(all, 10_000);
        let undecided = plan.undecided.iter().map(|one| one.creator_id.as_str());
        assert_eq!(undecided.collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(plan.waiting[0].short_minor, 1_000);
    }

    #[test]
    fn whoever_waits_for_funds_is_told_the_day_on_which_they_suffice() {
        let on = datetime!(2027-03-04 00:00 UTC);
        let pending = Pending {
            available_on: on,
            net_minor: 1_200,
        };
        let settling = Settling::new(vec![pending], 1_200);
        let all = vec![candidate("a", 6_000), candidate("b", 2_500)];
        let told: Vec<Carried> = planned(all, 5_000)
            .waiting
            .into_iter()
            .map(|waiting| waiting.carried(&settling, NOW))
            .collect();
        assert_eq!(
            told[0].reason,
            "waiting for charges to settle, expected on 2027-03-04"
        );
        assert_eq!(told[0].expected_on, Some(on));
        assert_eq!(told[0].again_at, Some(NOW + Duration::DAY));
        assert_eq!(told[1].reason, "waiting for charges to settle");
    }

    #[test]
    fn the_same_plan_has_the_same_id_and_another_sequence_or_key_another() {
        let (month, alice) = (
            "2027-01".parse().unwrap(),
            CreatorId::try_new("alice").unwrap(),
        );
        let first = payout_id(month, &alice, 1);
        assert_eq!(first, payout_id(month, &alice, 1));
        assert_ne!(first, payout_id(month, &alice, 2));
        assert_eq!(first.as_str().len(), 27);
        let asked = requested_id(&alice, "k1");
        assert_eq!(asked, requested_id(&alice, "k1"));
        assert_ne!(asked, requested_id(&alice, "k2"));
    }
}
