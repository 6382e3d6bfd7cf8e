//! One Rust file, with code, literals and tests told apart.

/// A Rust file in several views. All views have the same length and the same lines, so that
/// an offset in one is an offset in each.
pub struct Source {
    pub path: String,
    /// The file as written.
    pub raw: String,
    /// The file with comments and the insides of literals blanked.
    pub code: String,
    /// `code` with `#[cfg(test)]` items blanked as well; all blank in a test file.
    live: String,
    pub literals: Vec<Literal>,
    pub is_test: bool,
    test_modules: Vec<String>,
}

/// The inside of a string literal, its escapes blanked; `offset` is that of its first character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Literal {
    pub offset: usize,
    pub text: String,
}

impl Source {
    pub fn parse(path: &str, raw: &str) -> Self {
        let (code, literals) = blank_comments_and_literals(raw);
        let (live, test_modules) = blank_test_items(&code);
        Self {
            path: path.to_owned(),
            raw: raw.to_owned(),
            code,
            live,
            literals,
            is_test: is_test_path(path),
            test_modules,
        }
    }

    /// Code that ships: nothing of tests, comments and literals.
    pub fn live(&self) -> &str {
        if self.is_test { "" } else { &self.live }
    }

    /// Whether what stands at an offset of code ships: a literal does if its quote does.
    pub fn is_live_at(&self, offset: usize) -> bool {
        self.live()
            .as_bytes()
            .get(offset)
            .is_some_and(|byte| !byte.is_ascii_whitespace())
    }

    /// The line of an offset, from 1.
    pub fn line_at(&self, offset: usize) -> usize {
        line_at(&self.raw, offset)
    }

    /// The number of lines outside inline test modules; 0 for a test file.
    pub fn live_lines(&self) -> usize {
        if self.is_test {
            return 0;
        }
        let blanked = self.code.lines().zip(self.live.lines());
        blanked
            .filter(|(code, live)| code.trim().is_empty() || !live.trim().is_empty())
            .count()
    }

    /// Paths, without `.rs`, of the modules that this file declares for tests only.
    pub fn test_module_stems(&self) -> Vec<String> {
        let (folder, file) = self.path.rsplit_once('/').unwrap_or(("", &self.path));
        let stem = file.trim_end_matches(".rs");
        let home = match stem {
            "lib" | "main" | "mod" => folder.to_owned(),
            _ => format!("{folder}/{stem}"),
        };
        self.test_modules
            .iter()
            .map(|module| format!("{home}/{module}"))
            .collect()
    }

    /// Whether the file says of itself that a program wrote it.
    pub fn is_generated(&self) -> bool {
        self.raw
            .lines()
            .take(3)
            .any(|line| line.contains("@generated"))
    }
}

pub fn line_at(text: &str, offset: usize) -> usize {
    text.bytes()
        .take(offset)
        .filter(|byte| *byte == b'\n')
        .count()
        + 1
}

/// Offsets at which `needle` stands in `text` and is not part of a longer word.
pub fn words<'a>(text: &'a str, needle: &'a str) -> impl Iterator<Item = usize> + 'a {
    let bytes = text.as_bytes();
    let starts_word = needle.bytes().next().is_some_and(is_word_byte);
    let ends_word = needle.bytes().next_back().is_some_and(is_word_byte);
    text.match_indices(needle)
        .map(|(at, _)| at)
        .filter(move |at| {
            let before = at.checked_sub(1).and_then(|i| bytes.get(i)).copied();
            let after = bytes.get(at + needle.len()).copied();
            let joined_before = starts_word && before.is_some_and(is_word_byte);
            let joined_after = ends_word && after.is_some_and(is_word_byte);
            !(joined_before || joined_after)
        })
}

pub fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The offset just after the bracket that closes the one at `open`, or the end of the text.
pub fn after_matching(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => continue,
        }
        if depth == 0 {
            return at + 1;
        }
    }
    code.len()
}

fn is_test_path(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    path.starts_with("e2e/")
        || path.contains("/tests/")
        || path.contains("/benches/")
        || name == "tests.rs"
        || name.ends_with("_tests.rs")
}

fn blank_comments_and_literals(text: &str) -> (String, Vec<Literal>) {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut literals = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let end = match piece_at(bytes, at) {
            Piece::Code => at + 1,
            Piece::Comment { end } | Piece::Character { end } => {
                blank(&mut code, at, end);
                end
            }
            Piece::Text {
                start,
                close,
                end,
                raw,
            } => {
                blank(&mut code, start, close);
                literals.push(literal(text, start, close, raw));
                end
            }
        };
        at = end;
    }
    (String::from_utf8_lossy(&code).into_owned(), literals)
}

/// What begins at an offset. `start..close` is the inside of a literal.
enum Piece {
    Code,
    Comment {
        end: usize,
    },
    Character {
        end: usize,
    },
    Text {
        start: usize,
        close: usize,
        end: usize,
        raw: bool,
    },
}

fn piece_at(bytes: &[u8], at: usize) -> Piece {
    let rest = bytes.get(at..).unwrap_or_default();
    let in_word = at
        .checked_sub(1)
        .and_then(|i| bytes.get(i))
        .is_some_and(|b| is_word_byte(*b));
    if rest.starts_with(b"//") {
        let length = rest
            .iter()
            .position(|byte| *byte == b'\n')
            .unwrap_or(rest.len());
        Piece::Comment { end: at + length }
    } else if rest.starts_with(b"/*") {
        Piece::Comment {
            end: at + block_comment_length(rest),
        }
    } else if rest.starts_with(b"\"") {
        let length = text_length(rest.get(1..).unwrap_or_default());
        Piece::Text {
            start: at + 1,
            close: at + 1 + length,
            end: at + 2 + length,
            raw: false,
        }
    } else if !in_word && let Some((open, length, hashes)) = raw_text(rest) {
        let close = at + open + length;
        Piece::Text {
            start: at + open,
            close,
            end: close + 1 + hashes,
            raw: true,
        }
    } else if rest.starts_with(b"'")
        && let Some(length) = character_length(rest)
    {
        Piece::Character { end: at + length }
    } else {
        Piece::Code
    }
}

fn block_comment_length(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(tail) = rest.get(at..).filter(|tail| !tail.is_empty()) {
        let step = if tail.starts_with(b"/*") {
            depth += 1;
            2
        } else if tail.starts_with(b"*/") {
            depth = depth.saturating_sub(1);
            2
        } else {
            1
        };
        at += step;
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

fn text_length(inside: &[u8]) -> usize {
    let mut at = 0;
    while let Some(byte) = inside.get(at) {
        match byte {
            b'"' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    inside.len()
}

/// `r#"…"#` and its byte and C forms: length of the opening, length of the inside, hashes.
fn raw_text(rest: &[u8]) -> Option<(usize, usize, usize)> {
    let prefix = [&b"r"[..], b"br", b"cr"]
        .into_iter()
        .find(|prefix| rest.starts_with(prefix))?;
    let hashes = rest
        .iter()
        .skip(prefix.len())
        .take_while(|byte| **byte == b'#')
        .count();
    let open = prefix.len() + hashes + 1;
    if rest.get(open - 1) != Some(&b'"') {
        return None;
    }
    let mut closing = vec![b'"'];
    closing.resize(hashes + 1, b'#');
    let inside = rest.get(open..)?;
    let length = inside
        .windows(closing.len())
        .position(|window| window == closing);
    Some((open, length.unwrap_or(inside.len()), hashes))
}

/// The length of a character literal, or nothing when the quote begins a lifetime.
fn character_length(rest: &[u8]) -> Option<usize> {
    if rest.get(1) == Some(&b'\\') {
        let close = rest.iter().skip(3).position(|byte| *byte == b'\'')?;
        return Some(close + 4);
    }
    // A character has up to four bytes; a lifetime has no closing quote right behind it.
    let width = match rest.get(1)? {
        0..=0x7f => 1,
        0x80..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xff => 4,
    };
    (rest.get(1 + width) == Some(&b'\'')).then_some(width + 2)
}

fn literal(text: &str, start: usize, close: usize, raw: bool) -> Literal {
    let inside = text.get(start..close.min(text.len())).unwrap_or_default();
    let text = if raw {
        inside.to_owned()
    } else {
        blank_escapes(inside)
    };
    Literal {
        offset: start,
        text,
    }
}

/// Keeps the length: `\"` becomes ` "`, `\n` two spaces, an escaped line end a space and the end.
fn blank_escapes(inside: &str) -> String {
    let mut text = String::with_capacity(inside.len());
    let mut chars = inside.chars();
    while let Some(char) = chars.next() {
        if char != '\\' {
            text.push(char);
            continue;
        }
        text.push(' ');
        match chars.next() {
            Some('n' | 't' | 'r') => text.push(' '),
            Some(other) => text.push(other),
            None => {}
        }
    }
    text
}

/// Blanks each item under `#[cfg(test)]`, and tells the names of modules kept in other files.
fn blank_test_items(code: &str) -> (String, Vec<String>) {
    let mut live = code.as_bytes().to_vec();
    let mut modules = Vec::new();
    for marker in ["#[cfg(test)]", "#[cfg(any(test", "#[cfg(all(test"] {
        for (at, _) in code.match_indices(marker) {
            let item = after_matching(code, at + 1);
            let tail = code.get(item..).unwrap_or_default();
            let end = item_length(tail);
            let head = tail.get(..end).unwrap_or_default();
            if let Some((_, name)) = head.split_once("mod ")
                && let Some(name) = name.trim().strip_suffix(';')
            {
                modules.push(name.trim().to_owned());
            }
            blank(&mut live, at, item + end);
        }
    }
    (String::from_utf8_lossy(&live).into_owned(), modules)
}

/// An item ends with its first `;` or with the end of its first block; attributes are passed over.
fn item_length(tail: &str) -> usize {
    let mut at = 0;
    while let Some(byte) = tail.as_bytes().get(at) {
        match byte {
            b';' => return at + 1,
            b'{' => return after_matching(tail, at),
            b'[' | b'(' => at = after_matching(tail, at),
            _ => at += 1,
        }
    }
    tail.len()
}

fn blank(bytes: &mut [u8], start: usize, end: usize) {
    let end = end.min(bytes.len());
    for byte in bytes.get_mut(start..end).unwrap_or_default() {
        if *byte != b'\n' {
            *byte = b' ';
        }
    }
}
