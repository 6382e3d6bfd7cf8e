//! What the program prints, and its exit codes.

use std::process::ExitCode;

use crate::{Tree, requirements, rules};

/// 0: nothing found; 1: something; 2: the files cannot be read.
pub fn run() -> ExitCode {
    let folder = std::env::args_os().nth(1);
    if folder.as_ref().is_some_and(|word| word == "ran") {
        return ran(std::env::args_os().nth(2).unwrap_or_default().as_ref());
    }
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

fn ran(report: &std::path::Path) -> ExitCode {
    let read = (
        std::fs::read_to_string(requirements::PAGE),
        std::fs::read_to_string(report),
    );
    let (page, report) = match read {
        (Ok(page), Ok(report)) => (page, report),
        (Err(error), _) | (_, Err(error)) => {
            eprintln!(
                "{} or the report cannot be read: {error}",
                requirements::PAGE
            );
            return ExitCode::from(2);
        }
    };
    let missing = requirements::not_run(&page, &report);
    for test in &missing {
        println!("did not run, or failed: {test}");
    }
    if missing.is_empty() {
        println!("every test that {} names ran", requirements::PAGE);
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
