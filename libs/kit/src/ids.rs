//! Ids that we make: a typed prefix and a time-ordered random part.

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// `po_01k…`: 26 characters of base32 over a version 7 UUID, so that keys made later sort later.
#[must_use]
pub fn fresh(prefix: &str) -> String {
    let bits = uuid::Uuid::now_v7().as_u128();
    let digits = (0..26u32).rev().map(|place| {
        let digit = (bits >> (place * 5)) & 31;
        char::from(ALPHABET[usize::try_from(digit).unwrap_or(0)])
    });
    std::iter::once(prefix)
        .flat_map(str::chars)
        .chain(std::iter::once('_'))
        .chain(digits)
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn ids_are_unique_ordered_by_time_and_well_formed() {
        let made: Vec<String> = (0..1000).map(|_| super::fresh("po")).collect();
        let mut sorted = made.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!(sorted, made);
        assert!(
            made.iter()
                .all(|id| id.len() == 29 && id.starts_with("po_"))
        );
    }
}
