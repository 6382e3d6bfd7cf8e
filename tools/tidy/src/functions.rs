//! The functions of a Rust file: name, signature, extent.

use crate::source::{after_matching, is_word_byte, line_at, words};

/// A function with a body. Offsets are those of the text it was found in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    pub name: String,
    /// Where `fn` stands.
    pub start: usize,
    /// Where the body's opening brace stands.
    pub body: usize,
    pub end: usize,
    /// From 1.
    pub line: usize,
    /// From the line of `fn` to the line of the closing brace, both counted.
    pub lines: usize,
}

/// All functions with a body in `code`, from which comments and literals are blanked.
pub fn functions(code: &str) -> Vec<Function> {
    words(code, "fn")
        .filter_map(|start| function_at(code, start))
        .collect()
}

fn function_at(code: &str, start: usize) -> Option<Function> {
    let rest = code.get(start + 2..)?;
    let name: String = rest
        .trim_start()
        .bytes()
        .take_while(|b| is_word_byte(*b))
        .map(char::from)
        .collect();
    if name.is_empty() {
        // `fn(u32) -> u32` is a type.
        return None;
    }
    let body = body_start(code, start)?;
    let end = after_matching(code, body);
    let line = line_at(code, start);
    let lines = line_at(code, end) - line + 1;
    Some(Function {
        name,
        start,
        body,
        end,
        line,
        lines,
    })
}

/// The opening brace of the body; nothing for a declaration, which ends in `;`.
fn body_start(code: &str, start: usize) -> Option<usize> {
    let mut at = start;
    loop {
        match code.as_bytes().get(at)? {
            b'{' => return Some(at),
            b';' => return None,
            b'(' | b'[' => at = after_matching(code, at),
            _ => at += 1,
        }
    }
}

/// The parameters of a function as written, `self` left out.
pub fn parameters(code: &str, function: &Function) -> Vec<String> {
    let signature = code.get(function.start..function.body).unwrap_or_default();
    let Some(open) = parameter_list(signature) else {
        return Vec::new();
    };
    let close = after_matching(signature, open).saturating_sub(1);
    let list = signature.get(open + 1..close).unwrap_or_default();
    split_at_commas(list)
        .into_iter()
        .map(|parameter| parameter.trim().to_owned())
        .filter(|parameter| !parameter.is_empty())
        .filter(|parameter| !matches!(parameter.rsplit([' ', '&']).next(), Some("self")))
        .collect()
}

/// The first parenthesis outside the generics, which may hold some of their own.
fn parameter_list(signature: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut previous = b' ';
    for (at, byte) in signature.bytes().enumerate() {
        match byte {
            b'<' => depth += 1,
            b'>' if previous != b'-' => depth = depth.saturating_sub(1),
            b'(' if depth == 0 => return Some(at),
            _ => {}
        }
        previous = byte;
    }
    None
}

fn split_at_commas(list: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for (at, byte) in list.bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' | b'<' => depth += 1,
            b')' | b']' | b'}' | b'>' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                parts.push(list.get(start..at).unwrap_or_default());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(list.get(start..).unwrap_or_default());
    parts
}
