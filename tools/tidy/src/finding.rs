//! What a rule says when it is broken.

use std::fmt;

/// One breach of one rule: where, what, and the way out.
///
/// `line` counts from 1; 0 stands for the file as a whole, or for one that is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub path: String,
    pub line: usize,
    pub wrong: String,
    pub instead: String,
}

impl Finding {
    pub fn new(
        path: impl Into<String>,
        line: usize,
        wrong: impl Into<String>,
        instead: impl Into<String>,
    ) -> Self {
        Self {
            path: path.into(),
            line,
            wrong: wrong.into(),
            instead: instead.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}: {}; instead: {}",
            self.path, self.line, self.wrong, self.instead
        )
    }
}
