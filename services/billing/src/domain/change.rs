//! What becomes of a subscription when its subscriber wishes for something else: dearer at once,
//! cheaper from the next period on. While the first month was charged whole, as a line of its own,
//! dearer waits, too: Stripe would charge the rest of the month and give back nothing for it.

use super::subscription::{Phase, Standing, Terms};

/// What a subscriber asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    Change {
        /// `None` keeps plan and amount.
        to: Option<Terms>,
        /// Takes a cancellation back.
        resume: bool,
    },
    /// An end at the period's end.
    Cancel,
}

/// What is to be done at Stripe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It is so already.
    Nothing,
    Order(Order),
}

/// One change at Stripe, all or nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Order {
    pub price: Option<Repricing>,
    /// `None` leaves the end as it is.
    pub ending: Option<bool>,
}

/// Other terms for a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repricing {
    pub to: Terms,
    /// Whether the difference for the rest of the period is charged at once.
    pub charge_now: bool,
    /// What the running period was paid for, where that holds on until its end.
    pub paid: Option<Terms>,
}

/// Why nothing is done, in the order in which it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// What is due is to be paid first.
    PastDue,
    /// There is no next period for which the price could hold.
    Ending,
}

/// Decides what a wish comes to.
///
/// # Errors
/// `PastDue` for every wish but a cancellation; `Ending` for a price of the next period after a
/// cancellation that is not taken back with it.
pub fn decide_change(standing: &Standing, wish: &Wish) -> Result<Decision, Refused> {
    let (to, resume) = match wish {
        Wish::Cancel => return Ok(end(standing, true)),
        Wish::Change { .. } if standing.phase == Phase::Owing => return Err(Refused::PastDue),
        Wish::Change { to, resume } => (to.as_ref(), *resume),
    };
    let price = match to.and_then(|to| reprice(standing, to)) {
        Some(price) if price.paid.is_some() && standing.ending && !resume => {
            return Err(Refused::Ending);
        }
        price => price,
    };
    let ending = (resume && standing.ending).then_some(false);
    Ok(match (&price, ending) {
        (None, None) => Decision::Nothing,
        _ => Decision::Order(Order { price, ending }),
    })
}

fn end(standing: &Standing, ending: bool) -> Decision {
    if standing.ending == ending {
        return Decision::Nothing;
    }
    Decision::Order(Order {
        price: None,
        ending: Some(ending),
    })
}

/// `None` when these terms hold already, or will.
fn reprice(standing: &Standing, to: &Terms) -> Option<Repricing> {
    if standing.next.as_ref().unwrap_or(&standing.now) == to {
        return None;
    }
    let paid = standing.phase == Phase::Paid;
    let waits = standing.whole;
    let (dearer, cheaper) = (
        to.amount_minor > standing.now.amount_minor,
        to.amount_minor < standing.now.amount_minor,
    );
    Some(Repricing {
        to: to.clone(),
        charge_now: paid && dearer && !waits,
        paid: (paid && (cheaper || dearer && waits)).then(|| standing.now.clone()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(plan_id: &str, amount_minor: i64) -> Terms {
        Terms {
            plan_id: plan_id.into(),
            amount_minor,
        }
    }

    fn on(phase: Phase, amount_minor: i64) -> Standing {
        Standing {
            phase,
            now: terms("plan", amount_minor),
            next: None,
            ending: false,
            whole: false,
        }
    }

    fn to(amount_minor: i64) -> Wish {
        Wish::Change {
            to: Some(terms("plan", amount_minor)),
            resume: false,
        }
    }

    fn resumed(wish: Wish) -> Wish {
        match wish {
            Wish::Change { to, .. } => Wish::Change { to, resume: true },
            Wish::Cancel => Wish::Cancel,
        }
    }

    fn order(to: i64, charge_now: bool, paid: Option<i64>) -> Result<Decision, Refused> {
        let price = Some(Repricing {
            to: terms("plan", to),
            charge_now,
            paid: paid.map(|amount| terms("plan", amount)),
        });
        Ok(Decision::Order(Order {
            price,
            ending: None,
        }))
    }

    fn ending(decided: Result<Decision, Refused>, ending: bool) -> Result<Decision, Refused> {
        let order = if let Ok(Decision::Order(order)) = decided {
            order
        } else {
            Order::default()
        };
        Ok(Decision::Order(Order {
            ending: Some(ending),
            ..order
        }))
    }

    #[test]
    fn dearer_is_charged_at_once_and_cheaper_waits_for_the_next_period() {
        use Phase::{Owing, Paid, Trial};
        let nothing = Ok(Decision::Nothing);
        for (phase, amount, decided) in [
            (Paid, 5_000, order(5_000, true, None)),
            (Paid, 500, order(500, false, Some(1_000))),
            (Paid, 1_000, nothing.clone()),
            // Nothing was paid for a trial, so nothing holds on.
            (Trial, 5_000, order(5_000, false, None)),
            (Trial, 500, order(500, false, None)),
            (Trial, 1_000, nothing),
            (Owing, 5_000, Err(Refused::PastDue)),
            (Owing, 500, Err(Refused::PastDue)),
            (Owing, 1_000, Err(Refused::PastDue)),
        ] {
            let standing = on(phase, 1_000);
            assert_eq!(
                decide_change(&standing, &to(amount)),
                decided,
                "{phase:?} {amount}"
            );
        }
    }

    /// $20.00 paid, $5.00 from the next period on.
    #[test]
    fn a_change_that_waits_is_measured_by_what_was_paid() {
        let standing = Standing {
            next: Some(terms("plan", 500)),
            ..on(Phase::Paid, 2_000)
        };
        for (amount, decided) in [
            (500, Ok(Decision::Nothing)),
            (1_000, order(1_000, false, Some(2_000))),
            // Back again: nothing waits any more.
            (2_000, order(2_000, false, None)),
            (5_000, order(5_000, true, None)),
        ] {
            assert_eq!(decide_change(&standing, &to(amount)), decided, "{amount}");
        }
    }

    /// $10.00 were paid as a line of its own.
    #[test]
    fn dearer_waits_as_well_while_the_first_month_was_charged_whole() {
        let standing = Standing {
            whole: true,
            ..on(Phase::Paid, 1_000)
        };
        for (amount, decided) in [
            (5_000, order(5_000, false, Some(1_000))),
            (500, order(500, false, Some(1_000))),
            (1_000, Ok(Decision::Nothing)),
        ] {
            assert_eq!(decide_change(&standing, &to(amount)), decided, "{amount}");
        }
        let ends = Standing {
            ending: true,
            ..standing
        };
        assert_eq!(decide_change(&ends, &to(5_000)), Err(Refused::Ending));
    }

    #[test]
    fn another_plan_at_the_same_price_is_had_at_once_for_nothing() {
        let wish = Wish::Change {
            to: Some(terms("custom", 1_000)),
            resume: false,
        };
        let Ok(Decision::Order(order)) = decide_change(&on(Phase::Paid, 1_000), &wish) else {
            panic!("it is another plan");
        };
        let price = order.price.expect("another price");
        assert_eq!((price.charge_now, price.paid), (false, None));
    }

    #[test]
    fn an_end_is_asked_for_once_and_taken_back_once() {
        let goes_on = on(Phase::Paid, 1_000);
        let ends = Standing {
            ending: true,
            ..goes_on.clone()
        };
        let (nothing, keep) = (
            Ok(Decision::Nothing),
            Wish::Change {
                to: None,
                resume: true,
            },
        );
        for (standing, wish, decided) in [
            (&goes_on, &Wish::Cancel, ending(nothing.clone(), true)),
            (&ends, &Wish::Cancel, nothing.clone()),
            (&ends, &keep, ending(nothing.clone(), false)),
            (&goes_on, &keep, nothing.clone()),
            (&ends, &to(5_000), order(5_000, true, None)),
            (&ends, &to(500), Err(Refused::Ending)),
            (&ends, &to(1_000), nothing),
            (
                &ends,
                &resumed(to(500)),
                ending(order(500, false, Some(1_000)), false),
            ),
            (
                &ends,
                &resumed(to(5_000)),
                ending(order(5_000, true, None), false),
            ),
        ] {
            assert_eq!(decide_change(standing, wish), decided, "{wish:?}");
        }
        let owing = on(Phase::Owing, 1_000);
        assert_eq!(
            decide_change(&owing, &Wish::Cancel),
            ending(Ok(Decision::Nothing), true)
        );
        assert_eq!(decide_change(&owing, &keep), Err(Refused::PastDue));
    }
}
