//! When a locked month is complete.

use ledger::{Control, Month};

/// What billing says that it announced for a month.
pub type Cut = Control;

/// Whether a locked month can be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    Complete,
    CutMissing,
    /// The charges applied are not those of the cut, yet.
    Differs {
        applied: Control,
        cut: Cut,
    },
}

/// Compares the charges applied for a month with billing's cut of it.
#[must_use]
pub fn readiness(applied: Control, cut: Option<Cut>) -> Readiness {
    match cut {
        None => Readiness::CutMissing,
        Some(cut) if cut == applied => Readiness::Complete,
        Some(cut) => Readiness::Differs { applied, cut },
    }
}

impl Readiness {
    /// What the seal of a locked month waits for, for people.
    #[must_use]
    pub fn in_words(&self, month: Month) -> String {
        match self {
            Self::Complete => "nothing: the seal is due".to_owned(),
            Self::CutMissing => format!("billing's cut of {month}"),
            Self::Differs { applied, cut } => {
                format!("charges of {month}: applied are {applied}; the cut has {cut}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_complete_when_count_sum_and_digest_are_the_cuts() {
        let cut = Control {
            count: 2,
            sum_minor: 2_000,
            digest: 7,
        };
        assert_eq!(readiness(cut, Some(cut)), Readiness::Complete);
        assert_eq!(readiness(cut, None), Readiness::CutMissing);
        for applied in [
            Control { count: 1, ..cut },
            Control {
                sum_minor: 1_999,
                ..cut
            },
            Control { digest: 8, ..cut },
        ] {
            assert_eq!(
                readiness(applied, Some(cut)),
                Readiness::Differs { applied, cut }
            );
        }
    }

    #[test]
    fn a_month_without_charges_is_complete_when_the_cut_has_none() {
        assert_eq!(
            readiness(Control::default(), Some(Cut::default())),
            Readiness::Complete
        );
    }
}
