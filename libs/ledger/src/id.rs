//! Ids, one type per noun.
//!
//! Ids that the operator or we choose are `[A-Za-z0-9_-]{1,64}`, case-sensitive: without `/`,
//! `:` and `|` no account name, posting key or encoded line can be read in two ways. Stripe's
//! own are `[A-Za-z0-9_]{1,255}`. Cloning shares the text.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::LedgerError;

#[derive(Clone, Copy)]
pub(crate) struct Form {
    pub what: &'static str,
    pub allowed: &'static str,
    pub longest: usize,
    pub dash: bool,
}

impl Form {
    pub const fn chosen(what: &'static str) -> Self {
        Self {
            what,
            allowed: "A-Z a-z 0-9 _ -",
            longest: 64,
            dash: true,
        }
    }

    pub const fn stripe(what: &'static str) -> Self {
        Self {
            what,
            allowed: "A-Z a-z 0-9 _",
            longest: 255,
            dash: false,
        }
    }

    pub fn check(self, text: &str) -> Result<(), LedgerError> {
        let fits = (1..=self.longest).contains(&text.len());
        if fits && text.bytes().all(|byte| self.allows(byte)) {
            return Ok(());
        }
        // What was sent may be long: a refusal quotes as much of it as an id may have.
        let text = text.chars().take(self.longest).collect();
        let Self {
            what,
            allowed,
            longest,
            ..
        } = self;
        Err(LedgerError::IdMalformed {
            what,
            text,
            allowed,
            longest,
        })
    }

    fn allows(self, byte: u8) -> bool {
        byte.is_ascii_alphanumeric() || byte == b'_' || (self.dash && byte == b'-')
    }
}

macro_rules! id {
    ($name:ident, $form:expr, $doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            pub(crate) const FORM: Form = $form;

            /// Errors: `IdMalformed`.
            pub fn try_new(text: &str) -> Result<Self, LedgerError> {
                Self::FORM.check(text)?;
                Ok(Self(Arc::from(text)))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }

            pub(crate) fn shared(&self) -> Arc<str> {
                Arc::clone(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = LedgerError;

            fn from_str(text: &str) -> Result<Self, LedgerError> {
                Self::try_new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = LedgerError;

            fn try_from(text: String) -> Result<Self, LedgerError> {
                Self::try_new(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.as_str().to_owned()
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                self.as_str()
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.as_str())
            }
        }
    };
}

id!(CreatorId, Form::chosen("creator id"), "Who earns.");
id!(
    SubscriberId,
    Form::chosen("subscriber id"),
    "Who pays for a plan and directs it."
);
id!(
    ViewerId,
    Form::chosen("viewer id"),
    "Who buys and spends tokens."
);
id!(
    PayoutId,
    Form::chosen("payout id"),
    "One payout, from planned to paid or failed."
);
id!(
    LotId,
    Form::chosen("lot id"),
    "One purchase of tokens at one price."
);
id!(
    MoveId,
    Form::chosen("move id"),
    "One move to storage, or of revenue."
);
id!(
    StripeId,
    Form::stripe("Stripe id"),
    "An id that Stripe gave: `ch_…`, `txn_…`, `tr_…`."
);
id!(
    DisputeId,
    Form::stripe("dispute id"),
    "A dispute, by Stripe's id."
);
