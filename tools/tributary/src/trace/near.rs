//! Names that look like one that is not known.

const SHOWN_MAX: usize = 5;

/// The nearest of `known`, at most a third of the letters away; the nearest first.
pub fn of(what: &str, known: &[String]) -> Vec<String> {
    let farthest = what.chars().count().div_ceil(3);
    let mut near: Vec<(usize, &String)> = known
        .iter()
        .map(|name| (distance(what, name), name))
        .filter(|(far, _)| *far <= farthest)
        .collect();
    near.sort();
    near.truncate(SHOWN_MAX);
    near.into_iter().map(|(_, name)| name.clone()).collect()
}

/// How many letters must be put in, left out or changed to make one of the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut diagonal = index;
        let mut left = index + 1;
        let mut next = vec![left];
        for (above, same) in row.iter().skip(1).zip(&other) {
            let change = diagonal + usize::from(letter != *same);
            diagonal = *above;
            left = change.min(above + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_left_out_put_in_and_changed_are_counted() {
        let cases = [
            ("", "", 0),
            ("abc", "", 3),
            ("", "ab", 2),
            ("ch_1", "ch_2", 1),
            ("kitten", "sitting", 3),
            ("alloc", "aloc", 1),
        ];
        for (one, other, far) in cases {
            assert_eq!(distance(one, other), far, "{one} {other}");
            assert_eq!(distance(other, one), far, "{other} {one}");
        }
    }

    #[test]
    fn the_nearest_come_first_and_what_is_far_does_not_come() {
        let known = ["ch_1234", "ch_1294", "ch_9999", "in_1234"].map(str::to_owned);
        assert_eq!(of("ch_1235", &known), ["ch_1234", "ch_1294", "in_1234"]);
        assert!(of("nobody", &known).is_empty());
    }
}
