//! The programs of this workspace: built beside this one.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::fleet::{SANDBOX, SERVICES};

/// A service or tool is a program beside this one.
pub fn program(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let mut dir = own.parent().context("a program lies in a folder")?;
    // Tests lie in a folder `deps` of their own.
    if dir.ends_with("deps") {
        dir = dir.parent().context("deps lies in a folder")?;
    }
    Ok(dir.join(name))
}

/// A program has not been built.
#[derive(Debug)]
pub struct NotBuilt(pub Vec<PathBuf>);

impl std::fmt::Display for NotBuilt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<String> = self
            .0
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        write!(
            f,
            "not built yet: {}\nType: cargo build --workspace --bins   (or: make build)",
            names.join(", ")
        )
    }
}

impl std::error::Error for NotBuilt {}

/// Fails with [`NotBuilt`] unless all programs are there.
pub fn check_built(with_sandbox: bool) -> Result<()> {
    let wanted = SERVICES.into_iter().chain(with_sandbox.then_some(SANDBOX));
    let programs: Vec<PathBuf> = wanted.map(program).collect::<Result<_>>()?;
    let missing: Vec<PathBuf> = programs.into_iter().filter(|path| !path.exists()).collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(NotBuilt(missing).into())
    }
}
