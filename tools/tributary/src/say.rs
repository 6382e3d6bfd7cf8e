//! What a command answers on standard output. Progress and complaints go to standard error.

use std::io::{ErrorKind, Write};

use anyhow::Result;
use serde::Serialize;

/// A line, or several. Whoever closes the pipe early has read enough.
pub fn text(text: &str) -> Result<()> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

pub fn json<T: Serialize + ?Sized>(value: &T) -> Result<()> {
    text(&serde_json::to_string_pretty(value)?)
}

/// `$1,234.56`, with the sign in front.
pub fn dollars(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    let size = cents.unsigned_abs();
    let whole = (size / 100).to_string();
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}${grouped}.{:02}", size % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_are_grouped_and_cents_are_two() {
        let cases = [
            (0, "$0.00"),
            (-5, "-$0.05"),
            (123_456_789, "$1,234,567.89"),
            (99_999, "$999.99"),
        ];
        for (cents, text) in cases {
            assert_eq!(dollars(cents), text);
        }
    }
}
