//! Ids that look like Stripe's: a counter, scrambled so that neighbours do not resemble each
//! other, yet never twice the same.

const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Enough letters of base 62 for any 64-bit number.
const WORD: usize = 11;

/// The word of a number: at least eleven letters, unlike that of any other number.
///
/// The first eleven letters carry the whole number, because the mixing is one-to-one; the
/// rest fill the id up to the length that people know.
pub fn word(number: u64, length: usize) -> String {
    let mut text = String::with_capacity(length + WORD);
    let mut source = number;
    while text.len() < length {
        source = mix(source);
        push_base62(&mut text, source);
    }
    text.truncate(length.max(WORD));
    text
}

/// The finalizer of splitmix64: a bijection of 64-bit numbers.
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn push_base62(text: &mut String, number: u64) {
    let mut rest = number;
    for _ in 0..WORD {
        let digit = usize::try_from(rest % 62).unwrap_or(0);
        text.push(char::from(LETTERS[digit]));
        rest /= 62;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_two_numbers_share_a_word() {
        let words: HashSet<String> = (0..20_000).map(|number| word(number, 14)).collect();
        assert_eq!(words.len(), 20_000);
        assert!(words.iter().all(|word| word.len() == 14));
    }
}
