//! Instances in folders of their own, run by the program as its users run it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// Enough people for every part of the story.
pub const CROWD: [&str; 6] = ["--subscribers", "30", "--creators", "6", "--months", "1"];
/// Just enough for a payout.
pub const FEW: [&str; 6] = ["--subscribers", "12", "--creators", "4", "--months", "1"];

/// An instance's folder; whatever still runs there is stopped in the end.
pub struct Place {
    pub dir: PathBuf,
}

impl Place {
    pub fn of(name: &str) -> Self {
        Self { dir: dev(name) }
    }

    /// A demonstration of some size, with what `more` asks for; its outcome.
    pub fn demo(&self, size: &[&str], more: &[&str]) -> Value {
        demo(&self.dir, size, more)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let output = run(&self.dir, "down", &[]);
        if !output.status.success() {
            eprintln!("{}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

/// A folder among those of instances, below the checkout's `.dev`.
pub fn dev(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.dev");
    std::fs::create_dir_all(&root).expect("a folder for instances");
    root.canonicalize().expect("it is there").join(name)
}

/// Plays a demonstration that must hold.
pub fn demo(dir: &Path, size: &[&str], more: &[&str]) -> Value {
    let arguments = [size, &["--seed", "7", "--json"], more].concat();
    let output = run(dir, "demo", &arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "the demonstration failed:\n{told}\n{said}"
    );
    serde_json::from_str(&told).unwrap_or_else(|error| panic!("{error}:\n{told}"))
}

/// Runs a command of `tributary` on the instance in `dir`.
pub fn run(dir: &Path, command: &str, arguments: &[&str]) -> Output {
    let mut program = Command::new(program("tributary"));
    program
        .arg(command)
        .args(arguments)
        .arg("--dir")
        .arg(dir)
        .stdin(Stdio::null());
    // What tests are told of their own servers is not for instances.
    for name in ["DATABASE_URL", "NATS_URL", "NATS_MONITOR_URL"] {
        program.env_remove(name);
    }
    program.output().expect("the program can be run")
}

/// A program beside this one: tests are built into `<target>/<profile>/deps`.
pub fn program(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("this test has a path");
    let beside = own
        .parent()
        .and_then(Path::parent)
        .expect("a target folder")
        .join(name);
    let path = beside.display();
    assert!(
        beside.exists(),
        "{path} is not built: cargo build --workspace --bins"
    );
    beside
}
