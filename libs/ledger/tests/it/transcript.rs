//! Reads worked examples out of a page: fenced blocks in which a line that starts with `> ` is
//! said, and the lines after it are the answer.

use std::collections::BTreeMap;
use std::str::FromStr;

use money::{Amount, Asset, Balance};

/// One fenced block.
pub struct Block {
    /// The line of the page at which it opens, counted from 1.
    pub at: usize,
    pub steps: Vec<Step>,
}

/// Something said, and what the page claims is answered.
pub struct Step {
    pub at: usize,
    pub said: Said,
    pub answer: Vec<String>,
}

/// A word and its arguments: `split amount=$1.00 weights=1:1:1`.
pub struct Said {
    pub word: String,
    arguments: BTreeMap<String, String>,
}

pub fn blocks(page: &str, fence: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open = false;
    for (at, line) in (1..).zip(page.lines()) {
        match line {
            _ if !open && line == fence => {
                blocks.push(Block {
                    at,
                    steps: Vec::new(),
                });
                open = true;
            }
            "```" => open = false,
            "" => {}
            _ if open => blocks.last_mut().expect("a block is open").read(at, line),
            _ => {}
        }
    }
    blocks
}

impl Block {
    fn read(&mut self, at: usize, line: &str) {
        if let Some(said) = line.strip_prefix("> ") {
            self.steps.push(Step {
                at,
                said: Said::read(said),
                answer: Vec::new(),
            });
        } else {
            let step = self.steps.last_mut();
            step.unwrap_or_else(|| panic!("line {at} answers nothing"))
                .answer
                .push(line.to_owned());
        }
    }
}

impl Said {
    fn read(line: &str) -> Self {
        let mut words = line.split(' ');
        let word = words
            .next()
            .expect("a split gives at least one part")
            .to_owned();
        let pairs = words.map(|word| word.split_once('=').unwrap_or_else(|| panic!("{line}")));
        let arguments = pairs
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .collect();
        Self { word, arguments }
    }

    pub fn find(&self, name: &str) -> Option<&str> {
        self.arguments.get(name).map(String::as_str)
    }

    pub fn text(&self, name: &str) -> &str {
        self.find(name)
            .unwrap_or_else(|| panic!("{} needs {name}=", self.word))
    }

    pub fn get<T: FromStr>(&self, name: &str) -> T {
        let text = self.text(name);
        text.parse()
            .ok()
            .unwrap_or_else(|| panic!("{}: {name}={text}", self.word))
    }

    pub fn usd(&self, name: &str) -> Amount {
        dollars(self.text(name))
            .to_amount()
            .expect("an amount is not negative")
    }

    pub fn signed(&self, name: &str) -> Balance {
        dollars(self.text(name))
    }

    /// `allocation/2027-01:$3.00,copies/2027-01:$1.00`
    pub fn lines<P: FromStr, M: FromStr>(&self, name: &str) -> Vec<(P, M, Amount)> {
        let line = |text: &str| {
            let (line, amount) = text.split_once(':')?;
            let (program, month) = line.split_once('/')?;
            let amount = dollars(amount).to_amount().ok()?;
            Some((program.parse().ok()?, month.parse().ok()?, amount))
        };
        let texts = self.text(name).split(',');
        texts
            .map(|text| line(text).unwrap_or_else(|| panic!("{name}={text}")))
            .collect()
    }
}

/// `$12.34` or `-$0.10`, as `Display` writes them.
fn dollars(text: &str) -> Balance {
    let (sign, size) = match text.strip_prefix('-') {
        Some(size) => (-1, size),
        None => (1, text),
    };
    let minor = size.strip_prefix('$').and_then(|size| {
        let (dollars, cents) = size.split_once('.').filter(|(_, cents)| cents.len() == 2)?;
        Some(dollars.parse::<i64>().ok()? * 100 + cents.parse::<i64>().ok()?)
    });
    let minor = minor.unwrap_or_else(|| panic!("{text} is not like $12.34"));
    Balance::new(sign * minor, Asset::Usd)
}
