//! SQL cut into words and signs.

/// A word in lower case, a quoted name, a `{placeholder}`, or one sign. `line` counts from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub text: String,
    pub line: usize,
    pub kind: TokenKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    Word,
    Quoted,
    Sign,
}

impl Token {
    /// Whether this is that keyword or sign; a quoted name is neither.
    pub fn is(&self, text: &str) -> bool {
        self.kind != TokenKind::Quoted && self.text == text
    }

    pub fn is_any(&self, texts: &[&str]) -> bool {
        texts.iter().any(|text| self.is(text))
    }

    pub fn is_name(&self) -> bool {
        self.kind != TokenKind::Sign
    }
}

/// Comments and text constants are left out; the body of a function is read like the rest.
pub fn tokens(sql: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let (mut rest, mut line) = (sql, 1);
    while let Some(first) = rest.chars().next() {
        let (length, kind) = piece(rest, first);
        let length = length.min(rest.len());
        let (text, tail) = rest.split_at(length);
        if let Some(kind) = kind {
            let text = text.trim_matches('"').to_lowercase();
            found.push(Token { text, line, kind });
        }
        line += text.bytes().filter(|byte| *byte == b'\n').count();
        rest = tail;
    }
    found
}

/// The length of what begins here, and its kind unless it is passed over.
fn piece(rest: &str, first: char) -> (usize, Option<TokenKind>) {
    let until = |end: &str, from: usize| {
        let found = rest.get(from..).and_then(|tail| tail.find(end));
        found.map_or(rest.len(), |at| from + at + end.len())
    };
    if rest.starts_with("--") {
        (until("\n", 0), None)
    } else if rest.starts_with("/*") {
        (until("*/", 2), None)
    } else if first == '\'' {
        (until("'", 1), None)
    } else if first == '"' {
        (until("\"", 1), Some(TokenKind::Quoted))
    } else if first == '{' {
        (until("}", 1), Some(TokenKind::Word))
    } else if first == '$' {
        (1 + word_length(rest.get(1..).unwrap_or_default()), None)
    } else if is_word(first) {
        (word_length(rest), Some(TokenKind::Word))
    } else {
        (
            first.len_utf8(),
            (!first.is_whitespace()).then_some(TokenKind::Sign),
        )
    }
}

fn is_word(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

fn word_length(text: &str) -> usize {
    text.find(|char| !is_word(char)).unwrap_or(text.len())
}
