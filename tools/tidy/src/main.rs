//! Prints every finding of every rule; exits with 1 if there is one.
//!
//! Reads the workspace that it was built in, or the checkout named as its argument.

use std::process::ExitCode;

use tidy::{Tree, rules};

fn main() -> ExitCode {
    let folder = std::env::args_os().nth(1);
    let tree = folder.map_or_else(Tree::of_workspace, |folder| {
        Tree::of_folder(folder.as_ref())
    });
    let tree = match tree {
        Ok(tree) => tree,
        Err(error) => {
            eprintln!("the workspace cannot be read: {error}");
            return ExitCode::from(2);
        }
    };
    let mut found = 0_usize;
    for (name, rule) in rules::ALL {
        for finding in rule(&tree) {
            found += 1;
            println!("[{name}] {finding}");
        }
    }
    println!("{found} findings by {} rules", rules::ALL.len());
    if found == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
