//! Holds.

use kit::Error;
use wire::ConvertError;
use wire::earnings::v1::{CreatorSnapshot, HoldRequest, HoldResponse};

use super::{CURRENCY, creator, payout};
use crate::domain::hold::{HoldState, Snapshot};
use crate::usecases::HoldOrder;

/// # Errors
/// `Invalid` naming the field that is missing or wrong.
pub fn hold_order(message: &HoldRequest) -> Result<HoldOrder, Error> {
    let amount = wire::amount("amount_minor", message.amount_minor, &message.currency)?;
    if amount.is_zero() || amount.asset().code() != CURRENCY {
        let why = "a hold is of at least one cent".to_owned();
        return Err(ConvertError::Invalid {
            field: "amount_minor",
            why,
        }
        .into());
    }
    let (payout, creator) = (payout(&message.payout_id)?, creator(&message.creator_id)?);
    Ok(HoldOrder {
        payout,
        creator,
        amount,
    })
}

pub fn hold_response(state: HoldState, snapshot: Snapshot) -> HoldResponse {
    let snapshot = CreatorSnapshot {
        lifetime_net_minor: snapshot.lifetime_net_minor,
        first_payout: snapshot.first_payout,
        // Refunds and disputes are not facts of the books yet.
        refunds_and_disputes_30d_minor: 0,
        income_30d_minor: snapshot.income_30d_minor,
    };
    HoldResponse {
        state: state.as_str().to_owned(),
        snapshot: Some(snapshot),
    }
}
