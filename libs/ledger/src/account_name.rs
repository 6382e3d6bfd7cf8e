//! Account names: written from the chart's patterns, and read back by them.

use crate::account_kind::AccountKind;
use crate::{Account, LedgerError, Month, Program};

pub(crate) fn write(account: &Account) -> String {
    let mut name = String::new();
    for segment in account.kind().row().pattern.split('/') {
        if !name.is_empty() {
            name.push('/');
        }
        match segment {
            "{o}" => name.push_str(account.owner().unwrap_or_default()),
            "{r}" => name.push_str(account.reference().unwrap_or_default()),
            "{p}" => name.push_str(account.program().map_or("", Program::as_str)),
            "{m}" => name.extend(account.month().map(|month| month.to_string())),
            word => name.push_str(word),
        }
    }
    name
}

/// Ids hold no slash, and no two patterns match one name, so the first match is the only one.
pub(crate) fn read(name: &str) -> Result<Account, LedgerError> {
    let found = AccountKind::ALL
        .iter()
        .find_map(|kind| Some((*kind, Found::by(*kind, name)?)));
    let unknown = || LedgerError::AccountUnknown {
        text: name.to_owned(),
    };
    let (kind, found) = found.ok_or_else(unknown)?;
    let Found {
        owner,
        program,
        month,
        reference,
    } = found;
    Account::from_parts(kind.as_str(), owner, program, month, reference)
}

#[derive(Default)]
struct Found<'a> {
    owner: Option<&'a str>,
    program: Option<Program>,
    month: Option<Month>,
    reference: Option<&'a str>,
}

impl<'a> Found<'a> {
    fn by(kind: AccountKind, name: &'a str) -> Option<Self> {
        let pattern = kind.row().pattern;
        if pattern.split('/').count() != name.split('/').count() {
            return None;
        }
        let pairs = pattern.split('/').zip(name.split('/'));
        pairs
            .into_iter()
            .try_fold(Self::default(), |found, (sign, text)| {
                found.read(sign, text)
            })
    }

    fn read(mut self, sign: &str, text: &'a str) -> Option<Self> {
        match sign {
            "{o}" => self.owner = Some(text),
            "{r}" => self.reference = Some(text),
            "{p}" => self.program = Some(text.parse().ok()?),
            "{m}" => self.month = Some(text.parse().ok()?),
            word if word == text => {}
            _ => return None,
        }
        Some(self)
    }
}
