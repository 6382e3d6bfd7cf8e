//! Dividing money: the one place where a cent is ever given to one side rather than another.

use crate::{Amount, BasisPoints, MoneyError};

impl Amount {
    /// Divides an amount by weight and loses nothing.
    ///
    /// Shares are floored in 128 bits; the units left over go one each to the largest
    /// fractions, and ties to the earlier weight. Order is therefore policy: callers sort,
    /// `split` does not. Gives one share per weight; a weight of zero gets zero.
    /// Errors: `NoWeights` when no weight is above zero.
    pub fn split(self, weights: &[u64]) -> Result<Vec<Self>, MoneyError> {
        let whole = u128::try_from(self.minor()).map_err(|_| MoneyError::Negative)?;
        let total: u128 = weights.iter().copied().map(u128::from).sum();

        let mut shares = Vec::with_capacity(weights.len());
        for (place, weight) in weights.iter().enumerate() {
            shares.push(Share::floored(place, whole, *weight, total)?);
        }
        give_left_over(&mut shares, whole)?;
        shares
            .iter()
            .map(|share| self.with_minor(share.minor))
            .collect()
    }

    fn with_minor(self, minor: u128) -> Result<Self, MoneyError> {
        let minor = i64::try_from(minor).map_err(|_| MoneyError::Overflow)?;
        Self::try_new(minor, self.asset())
    }
}

struct Share {
    place: usize,
    minor: u128,
    /// What flooring cut off, in parts of the sum of all weights.
    fraction: u128,
}

impl Share {
    fn floored(place: usize, whole: u128, weight: u64, total: u128) -> Result<Self, MoneyError> {
        // An amount fits 63 bits and a weight 64, so the product fits 127.
        let product = whole
            .checked_mul(u128::from(weight))
            .ok_or(MoneyError::Overflow)?;
        let minor = product.checked_div(total).ok_or(MoneyError::NoWeights)?;
        let fraction = product.checked_rem(total).ok_or(MoneyError::NoWeights)?;
        Ok(Self {
            place,
            minor,
            fraction,
        })
    }
}

/// Hands out what flooring left, one unit each, and puts the shares back in their places.
fn give_left_over(shares: &mut [Share], whole: u128) -> Result<(), MoneyError> {
    let floored: u128 = shares.iter().map(|share| share.minor).sum();
    let left = whole.checked_sub(floored).ok_or(MoneyError::Negative)?;
    // Fewer units are left than there are shares with a fraction, so one each is enough,
    // and no weights at all are the only way to keep something.
    let left = usize::try_from(left).map_err(|_| MoneyError::NoWeights)?;
    if left > shares.len() || shares.is_empty() {
        return Err(MoneyError::NoWeights);
    }
    shares.sort_by(|a, b| b.fraction.cmp(&a.fraction).then(a.place.cmp(&b.place)));
    for share in shares.iter_mut().take(left) {
        share.minor = share.minor.checked_add(1).ok_or(MoneyError::Overflow)?;
    }
    shares.sort_by_key(|share| share.place);
    Ok(())
}

/// A gross amount divided into what its owner keeps and what the platform does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fee {
    pub net: Amount,
    pub fee: Amount,
}

/// Takes a fee off a gross amount: `split(gross, [10_000 - bps, bps])`.
///
/// The net comes first, so a cent in the middle goes to the creator. Called once per creator,
/// program and month: fees of parts need not add up to the fee of their whole.
pub fn split_fee(gross: Amount, bps: BasisPoints) -> Result<Fee, MoneyError> {
    let weights = [bps.complement(), bps].map(|part| u64::from(part.get()));
    match gross.split(&weights)?.as_slice() {
        [net, fee] => Ok(Fee {
            net: *net,
            fee: *fee,
        }),
        // Two weights give two shares; anything else would be a fault of `split`.
        _ => Err(MoneyError::NoWeights),
    }
}
