//! A lint is silenced with a reason, and only while it still speaks.
//!
//! `#[expect]` fails when the lint has nothing more to say; `#[allow]` stays for ever.

use crate::source::{after_matching, words};
use crate::{Finding, Tree};

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in tree.sources().filter(|source| !source.is_generated()) {
        let code = &source.code;
        for (at, _) in code.match_indices("#[").chain(code.match_indices("#![")) {
            let open = at
                + code
                    .get(at..)
                    .and_then(|tail| tail.find('['))
                    .unwrap_or_default();
            let text = code
                .get(open..after_matching(code, open))
                .unwrap_or_default();
            let wrong = if words(text, "allow(").next().is_some() {
                "a lint is allowed"
            } else if words(text, "expect(").next().is_some() && !text.contains("reason") {
                "a lint is expected without a reason"
            } else {
                continue;
            };
            let instead = "write #[expect(lint, reason = \"…\")], or mend the code";
            findings.push(Finding::new(
                &source.path,
                source.line_at(at),
                wrong,
                instead,
            ));
        }
    }
    findings
}
