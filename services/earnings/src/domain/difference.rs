//! Where a seal and the books differ, in words.

use std::cmp::Ordering;

use ledger::{Control, Difference};
use money::{Asset, Balance};

/// One sentence per program and kind that differs.
pub fn sentences(differences: &[Difference]) -> Vec<String> {
    differences.iter().map(sentence).collect()
}

fn sentence(difference: &Difference) -> String {
    let Difference {
        program,
        kind,
        announced,
        posted,
    } = difference;
    let (sealed, found) = (counted(announced), counted(posted));
    let verdict = verdict(announced, posted);
    format!("{program} {kind}: announced {sealed}, posted {found}: {verdict}")
}

/// `1 fact of $3.00`
fn counted(control: &Control) -> String {
    let sum = Balance::new(control.sum_minor, Asset::Usd);
    format!("{} of {sum}", facts(control.count))
}

fn facts(count: u64) -> String {
    let noun = if count == 1 { "fact" } else { "facts" };
    format!("{count} {noun}")
}

fn verdict(announced: &Control, posted: &Control) -> String {
    match posted.count.cmp(&announced.count) {
        Ordering::Less => {
            let missing = announced.count.saturating_sub(posted.count);
            format!("at least {} missing", facts(missing))
        }
        Ordering::Greater => {
            let more = posted.count.saturating_sub(announced.count);
            format!("at least {} that nobody sealed", facts(more))
        }
        Ordering::Equal if announced.sum_minor != posted.sum_minor => {
            "as many, and not of the same amounts".to_owned()
        }
        Ordering::Equal => "as many and of the same sum, and yet not the same facts".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use ledger::{FactKind, Program};

    use super::*;

    #[test]
    fn a_difference_is_said_in_words() {
        let control = |count, sum_minor, digest| Control {
            count,
            sum_minor,
            digest,
        };
        let table = [
            (
                control(2, 1_000, 5),
                control(1, 300, 4),
                "announced 2 facts of $10.00, posted 1 fact of $3.00: at least 1 fact missing",
            ),
            (
                control(0, 0, 0),
                control(3, -250, 1),
                "announced 0 facts of $0.00, posted 3 facts of -$2.50: \
                 at least 3 facts that nobody sealed",
            ),
            (
                control(2, 1_000, 5),
                control(2, 900, 4),
                "announced 2 facts of $10.00, posted 2 facts of $9.00: \
                 as many, and not of the same amounts",
            ),
            (
                control(2, 1_000, 5),
                control(2, 1_000, 4),
                "announced 2 facts of $10.00, posted 2 facts of $10.00: \
                 as many and of the same sum, and yet not the same facts",
            ),
        ];
        for (announced, posted, wanted) in table {
            let difference = Difference {
                program: Program::Allocation,
                kind: FactKind::AllocationChanged,
                announced,
                posted,
            };
            let said = sentences(&[difference]);
            assert_eq!(said, [format!("allocation allocation_changed: {wanted}")]);
        }
    }
}
