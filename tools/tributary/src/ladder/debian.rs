//! Rung 3: Debian packages, through the machine's own apt sources.
//!
//! With root's rights a package is installed as usual. Without, or when the package is of a later
//! suite, it is downloaded and unpacked into a folder of our own: apt checks its signature as
//! always, and neither the machine's lists nor its packages are touched.

use std::fs;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use nix::unistd::Uid;

use crate::version::Version;

/// The suite after the one that is installed, where it is known to run there.
pub fn next_suite(suite: &str) -> Option<&'static str> {
    (suite == "bookworm").then_some("trixie")
}

/// The name of the installed suite (`bookworm`).
pub fn own_suite() -> Result<String> {
    let release = fs::read_to_string("/etc/os-release").context("not a Debian: no os-release")?;
    let line = release
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    Ok(line
        .context("os-release names no suite")?
        .trim_matches('"')
        .to_owned())
}

/// How to become root: nothing to do, by sudo, or not at all.
pub enum Rights {
    Root,
    Sudo,
    None,
}

impl Rights {
    /// sudo counts if it asks for no password, or if there is a person to ask.
    pub fn find() -> Self {
        if Uid::effective().is_root() {
            return Self::Root;
        }
        let silent = Command::new("sudo").args(["-n", "true"]).output();
        match silent {
            Ok(output) if output.status.success() || std::io::stdin().is_terminal() => Self::Sudo,
            Ok(_) | Err(_) => Self::None,
        }
    }
}

/// `apt-get install`, with an `apt-get update` first if the package is not to be had without.
pub fn install(package: &str) -> Result<()> {
    let run = |arguments: &[&str]| -> Result<()> {
        let mut command = match Rights::find() {
            Rights::Root => Command::new("apt-get"),
            Rights::Sudo => {
                let mut sudo = Command::new("sudo");
                sudo.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]);
                sudo
            }
            Rights::None => bail!("neither root nor sudo"),
        };
        command
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(arguments);
        checked(&mut command).map(drop)
    };
    let arguments = ["install", "-y", "-q", "--no-install-recommends", package];
    run(&arguments).or_else(|_| run(&["update", "-q"]).and_then(|()| run(&arguments)))
}

/// The version of a package that the machine's own lists offer; `None` if they are empty.
pub fn offered_here(package: &str) -> Option<Version> {
    candidate_in(&checked(Command::new("apt-cache").args(["policy", package])).ok()?)
}

fn candidate_in(policy: &str) -> Option<Version> {
    let line = policy
        .lines()
        .find_map(|line| line.trim().strip_prefix("Candidate: "))?;
    Version::find_in(line)
}

/// A private view of one suite: apt's lists and downloads in a folder of our own.
pub struct PrivateApt {
    dir: PathBuf,
    /// Why its lists may be incomplete.
    complaint: Option<String>,
}

impl PrivateApt {
    /// Reads the machine's sources with the suite's name replaced, and fetches its lists.
    pub fn open(dir: &Path, own: &str, wanted: &str) -> Result<Self> {
        let mut apt = Self {
            dir: dir.join(wanted),
            complaint: None,
        };
        for sub in ["parts", "lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(apt.dir.join(sub))?;
        }
        let sources = [
            "/etc/apt/sources.list",
            "/etc/apt/sources.list.d/debian.sources",
            "/etc/apt/sources.list.d/ubuntu.sources",
        ];
        for source in sources.map(Path::new) {
            let Ok(text) = fs::read_to_string(source) else {
                continue;
            };
            let ending = source
                .extension()
                .and_then(|e| e.to_str())
                .unwrap_or("list");
            let copy = apt.dir.join("parts").join(format!("{wanted}.{ending}"));
            fs::write(copy, text.replace(own, wanted))?;
        }
        // One list that cannot be had is an error here; the others may still be enough.
        let mut update = apt.command("apt-get");
        update.args(["-o", "APT::Update::Error-Mode=any", "update", "-q"]);
        apt.complaint = checked(&mut update).err().map(|error| error.to_string());
        Ok(apt)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let option = |name: &str, value: &Path| format!("{name}={}", value.display());
        command.args(["-o", "Dir::Etc::sourcelist=/dev/null", "-o"]);
        command
            .arg(option("Dir::Etc::sourceparts", &self.dir.join("parts")))
            .arg("-o");
        command
            .arg(option("Dir::State::lists", &self.dir.join("lists")))
            .arg("-o");
        command.arg(option("Dir::Cache", &self.dir.join("cache")));
        command
    }

    /// The version that this suite offers.
    pub fn candidate(&self, package: &str) -> Result<Version> {
        let text = checked(self.command("apt-cache").args(["policy", package]))?;
        candidate_in(&text).with_context(|| match &self.complaint {
            Some(complaint) => format!("no {package} to be had: {complaint}"),
            None => format!("this suite has no {package}"),
        })
    }

    /// The libraries that the machine lacks for `packages`; scripts and compilers are left out.
    pub fn missing_libraries(&self, packages: &[&str]) -> Result<Vec<String>> {
        let mut command = self.command("apt-get");
        command
            .args(["install", "--simulate", "--no-install-recommends"])
            .args(packages);
        let plan = checked(&mut command)?;
        let names = plan.lines().filter_map(|line| line.strip_prefix("Inst "));
        Ok(names
            .filter_map(|rest| rest.split_whitespace().next())
            .filter(|name| name.starts_with("lib"))
            .filter(|name| !name.ends_with("-perl") && !name.starts_with("libllvm"))
            .map(str::to_owned)
            .collect())
    }

    /// Downloads packages and unpacks all of them into `target`.
    pub fn unpack(&self, packages: &[String], target: &Path) -> Result<()> {
        let archives = self.dir.join("debs");
        let _ = fs::remove_dir_all(&archives);
        fs::create_dir_all(&archives)?;
        fs::create_dir_all(target)?;
        let mut download = self.command("apt-get");
        checked(
            download
                .args(["download", "-q"])
                .args(packages)
                .current_dir(&archives),
        )?;
        for entry in fs::read_dir(&archives)? {
            checked(
                Command::new("dpkg-deb")
                    .arg("-x")
                    .arg(entry?.path())
                    .arg(target),
            )?;
        }
        fs::remove_dir_all(&archives)?;
        Ok(())
    }
}

/// Runs a command to its end and gives its output; its complaints become the error.
fn checked(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .with_context(|| format!("could not run {name}"))?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    let last = complaint
        .lines()
        .rfind(|line| line.starts_with("E:"))
        .unwrap_or("no reason given");
    ensure!(output.status.success(), "{name}: {last}");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
