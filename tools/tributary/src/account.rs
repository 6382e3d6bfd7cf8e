//! Which user a private Postgres runs as, and folders that this user can reach.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use nix::unistd::{Gid, Uid, User, chown};
use sha2::{Digest, Sha256};

/// The user of the cluster: nobody in particular, unless we are root, whom initdb refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    other: Option<(Uid, Gid)>,
}

impl Account {
    /// Root becomes `postgres` if there is such a user, else `nobody`; others stay who they are.
    pub fn choose() -> Result<Self> {
        if !Uid::effective().is_root() {
            return Ok(Self { other: None });
        }
        for name in ["postgres", "nobody"] {
            if let Some(user) = User::from_name(name)? {
                return Ok(Self {
                    other: Some((user.uid, user.gid)),
                });
            }
        }
        bail!("Postgres refuses to run as root, and there is neither a user postgres nor nobody")
    }

    pub fn ids(&self) -> Option<(u32, u32)> {
        self.other.map(|(uid, gid)| (uid.as_raw(), gid.as_raw()))
    }

    /// A command that runs as this user, in a folder that every user may enter.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir("/");
        if let Some((uid, gid)) = self.ids() {
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Makes a folder of this user that no one else can enter. It may exist.
    pub fn make_dir(&self, dir: &Path) -> Result<()> {
        fs::create_dir_all(dir).with_context(|| format!("could not make {}", dir.display()))?;
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
        self.own(dir)
    }

    /// Makes a file or folder this user's.
    pub fn own(&self, path: &Path) -> Result<()> {
        if let Some((uid, gid)) = self.other {
            chown(path, Some(uid), Some(gid))?;
        }
        Ok(())
    }

    /// `dir` if this user can enter it, else a folder under /var/tmp whose name is derived from it.
    ///
    /// A checkout below /root (mode 0700) is out of reach for `postgres`.
    pub fn reachable(&self, dir: &Path) -> Result<PathBuf> {
        if self.can_enter(dir)? {
            return Ok(dir.to_owned());
        }
        let hash = hex::encode(Sha256::digest(dir.as_os_str().as_encoded_bytes()));
        let substitute = PathBuf::from(format!("/var/tmp/tributary-{}", &hash[..12]));
        if fs::create_dir(&substitute).is_ok() {
            fs::set_permissions(&substitute, fs::Permissions::from_mode(0o755))?;
        }
        // Anyone may write to /var/tmp: a link or a folder of another user is a trap.
        let found = fs::symlink_metadata(&substitute)?;
        ensure!(
            found.is_dir() && found.uid() == Uid::effective().as_raw(),
            "{} belongs to someone else; remove it",
            substitute.display()
        );
        Ok(substitute)
    }

    fn can_enter(&self, dir: &Path) -> Result<bool> {
        if self.other.is_none() {
            return Ok(true);
        }
        let mut shell = self.command(Path::new("/bin/sh"));
        shell
            .args(["-c", r#"cd -- "$1" 2>/dev/null"#, "sh"])
            .arg(dir);
        Ok(shell
            .status()
            .context("could not run /bin/sh as another user")?
            .success())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_behind_a_closed_door_is_replaced_by_one_that_can_be_reached() {
        let closed = tempfile::tempdir().expect("temp dir");
        fs::set_permissions(closed.path(), fs::Permissions::from_mode(0o700)).expect("chmod");
        let account = Account::choose().expect("an account");

        let reachable = account.reachable(closed.path()).expect("a folder");
        assert_eq!(
            reachable,
            account.reachable(closed.path()).expect("the same again")
        );
        assert!(account.can_enter(&reachable).expect("asked"));
        if account.ids().is_some() {
            assert_ne!(reachable, closed.path());
            fs::remove_dir_all(reachable).expect("removed");
        } else {
            assert_eq!(reachable, closed.path());
        }
    }
}
