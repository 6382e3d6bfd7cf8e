//! A month of the platform, undisturbed and with services killed on the way.
//!
//! The demonstration itself checks every cent of its statement and fails when one is off. What
//! is added here is that the kills made no difference at all.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const KILLS: usize = 10;

/// A demonstration's folder; whatever still runs there is stopped in the end.
struct Place {
    program: PathBuf,
    dir: PathBuf,
}

impl Place {
    fn of(name: &str) -> Self {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../.dev")
            .join(name);
        Self {
            program: program(),
            dir,
        }
    }

    fn demo(&self, more: &[&str]) -> Value {
        let size = [
            "demo",
            "--subscribers",
            "30",
            "--creators",
            "6",
            "--seed",
            "7",
            "--json",
        ];
        let output = self.run(&[&size, more].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "the demonstration failed:\n{told}\n{said}"
        );
        serde_json::from_str(&told).unwrap_or_else(|error| panic!("{error}:\n{told}"))
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .arg("--dir")
            .arg(&self.dir)
            .stdin(Stdio::null());
        command.output().expect("the program can be run")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let output = self.run(&["down"]);
        if !output.status.success() {
            eprintln!("{}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

/// The program beside this one: tests are built into `<target>/<profile>/deps`.
fn program() -> PathBuf {
    let own = std::env::current_exe().expect("this test has a path");
    let beside = own
        .parent()
        .and_then(Path::parent)
        .expect("a target folder")
        .join("tributary");
    let path = beside.display();
    assert!(
        beside.exists(),
        "{path} is not built: cargo build --workspace --bins"
    );
    beside
}

fn digest(outcome: &Value) -> &str {
    outcome["statement_digest"].as_str().expect("a digest")
}

#[test]
fn a_month_with_ten_kills_ends_with_the_same_statement() {
    let place = Place::of("e2e-month");
    let calm = place.demo(&[]);
    let troubled = place.demo(&["--kills", &KILLS.to_string()]);
    assert_eq!(calm["kills"].as_array().map(Vec::len), Some(0));
    assert_eq!(troubled["kills"].as_array().map(Vec::len), Some(KILLS));
    assert_eq!(calm["statement"], troubled["statement"]);
    assert_eq!(digest(&calm), digest(&troubled));
}
