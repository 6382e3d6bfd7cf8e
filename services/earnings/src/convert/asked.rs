//! What callers ask: refused by the field's name, with what is allowed.

use kit::Error;
use ledger::{Account, CreatorId, Month, PayoutId};
use wire::earnings::v1::{
    GetRevenueRequest, ListAccountsRequest, ListMonthLinesRequest, ListObligationsRequest,
    ListPostingsRequest,
};
use wire::{ConvertError, facts};

use crate::domain::asked::{AccountsAsked, MonthsAsked, PostingsAsked, PostingsOf};

/// # Errors
/// `Invalid`.
pub fn payout(text: &str) -> Result<PayoutId, Error> {
    PayoutId::try_new(text).map_err(|error| invalid("payout_id", &error))
}

/// # Errors
/// `Invalid`.
pub fn creator(text: &str) -> Result<CreatorId, Error> {
    CreatorId::try_new(text).map_err(|error| invalid("creator_id", &error))
}

/// # Errors
/// `Invalid`.
pub fn month(text: &str) -> Result<Month, Error> {
    Ok(facts::month("month", text)?)
}

/// # Errors
/// `Invalid` below zero.
pub fn attempt(number: i32) -> Result<u32, Error> {
    u32::try_from(number).map_err(|error| invalid("attempt", &error))
}

/// How many of a list: 0 means `default`. Errors: `Invalid` outside 1 to `most`.
pub fn page(limit: i32, default: i32, most: i32) -> Result<i64, Error> {
    match limit {
        0 => Ok(i64::from(default)),
        _ if (1..=most).contains(&limit) => Ok(i64::from(limit)),
        _ => Err(invalid("limit", &format!("it is not between 1 and {most}"))),
    }
}

/// The longest text that is looked up: longer than any account's name or posting's key.
const TEXT_MAX: usize = 512;

/// Names, keys and cursors hold printable ASCII alone.
fn text(field: &'static str, text: String) -> Result<String, Error> {
    if text.len() > TEXT_MAX {
        return Err(invalid(
            field,
            &format!("it is longer than {TEXT_MAX} bytes"),
        ));
    }
    if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(text)
    } else {
        Err(invalid(field, &"it has a sign that is not printable ASCII"))
    }
}

/// # Errors
/// `Invalid`.
pub fn after_creator(request: ListObligationsRequest) -> Result<(String, i64), Error> {
    let limit = page(request.limit, 100, 1000)?;
    Ok((text("after_creator_id", request.after_creator_id)?, limit))
}

/// # Errors
/// `Invalid`.
pub fn after_line(request: &ListMonthLinesRequest) -> Result<(Month, i64, i64), Error> {
    let limit = page(request.limit, 100, 1000)?;
    if request.after_line < 0 {
        return Err(invalid("after_line", &"it is below 0"));
    }
    Ok((month(&request.month)?, request.after_line, limit))
}

/// # Errors
/// `Invalid`.
pub fn months_asked(request: &GetRevenueRequest) -> Result<MonthsAsked, Error> {
    let bound = |field, text: &str| match text {
        "" => Ok(None),
        _ => facts::month(field, text).map(Some),
    };
    let from = bound("from_month", &request.from_month)?;
    let to = bound("to_month", &request.to_month)?;
    if from.zip(to).is_some_and(|(from, to)| to < from) {
        return Err(invalid("to_month", &"it is before from_month"));
    }
    Ok(MonthsAsked { from, to })
}

/// # Errors
/// `Invalid`.
pub fn accounts_asked(request: ListAccountsRequest) -> Result<AccountsAsked, Error> {
    let as_of = request.as_of.map(|at| wire::instant("as_of", Some(at)));
    Ok(AccountsAsked {
        prefix: text("name_prefix", request.name_prefix)?,
        as_of: as_of.transpose()?,
        without_zero: request.without_zero,
        after: text("after_name", request.after_name)?,
        limit: page(request.limit, 100, 1000)?,
    })
}

/// # Errors
/// `Invalid`, also for more than one of account, fact and balance transaction.
pub fn postings_asked(request: ListPostingsRequest) -> Result<PostingsAsked, Error> {
    let (account, fact_id, txn) = (request.account, request.fact_id, request.txn);
    let of = match (account.as_str(), fact_id.as_str(), txn.as_str()) {
        ("", "", "") => PostingsOf::All,
        (_, "", "") => {
            Account::parse(&account).map_err(|error| invalid("account", &error))?;
            PostingsOf::Account(account)
        }
        ("", _, "") => PostingsOf::FactId(text("fact_id", fact_id)?),
        ("", "", _) => PostingsOf::Txn(text("txn", txn)?),
        _ => {
            return Err(invalid(
                "account",
                &"only one of account, fact_id and txn may be given",
            ));
        }
    };
    let before = match request.before_posting_id {
        0 => i64::MAX,
        number if number > 0 => number,
        _ => return Err(invalid("before_posting_id", &"it is below 0")),
    };
    Ok(PostingsAsked {
        of,
        before,
        limit: page(request.limit, 10, 100)?,
    })
}

fn invalid(field: &'static str, why: &dyn std::fmt::Display) -> Error {
    ConvertError::Invalid {
        field,
        why: why.to_string(),
    }
    .into()
}
