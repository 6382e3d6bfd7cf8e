//! The text of the repository, as the rules see it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::source::Source;

/// Folders that hold nothing written by hand: build output, local state, generated query data.
const SKIPPED_FOLDERS: [&str; 5] = [".git", "target", ".dev", ".sqlx", "node_modules"];

/// Files by path from the root, '/'-separated; Rust files also as parsed [`Source`]s.
pub struct Tree {
    files: BTreeMap<String, String>,
    sources: BTreeMap<String, Source>,
}

impl Tree {
    /// Reads the workspace that this crate was built in. Files that are not UTF-8 are left out.
    ///
    /// # Errors
    /// When a folder or file cannot be read.
    pub fn of_workspace() -> io::Result<Self> {
        Self::of_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
    }

    /// Reads a checkout that lies somewhere else.
    ///
    /// # Errors
    /// When a folder or file cannot be read.
    pub fn of_folder(root: &Path) -> io::Result<Self> {
        let mut files = BTreeMap::new();
        let mut folders = vec![PathBuf::new()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(root.join(&folder))? {
                let entry = entry?;
                let path = folder.join(entry.file_name());
                if entry.file_type()?.is_dir() {
                    if !is_skipped(&path) {
                        folders.push(path);
                    }
                } else if let Some(text) = read_text(&root.join(&path))? {
                    files.insert(path.to_string_lossy().replace('\\', "/"), text);
                }
            }
        }
        Ok(Self::new(files))
    }

    /// A tree made of `(path, text)` pairs, for examples.
    pub fn of(files: &[(&str, &str)]) -> Self {
        let files = files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
        Self::new(files.collect())
    }

    fn new(files: BTreeMap<String, String>) -> Self {
        let rust = files.iter().filter(|(path, _)| path.ends_with(".rs"));
        let mut sources: BTreeMap<String, Source> = rust
            .map(|(path, text)| (path.clone(), Source::parse(path, text)))
            .collect();
        mark_test_modules(&mut sources);
        Self { files, sources }
    }

    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// All files in order of path, as `(path, text)`.
    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// All Rust files in order of path.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        self.sources.values()
    }

    pub fn source(&self, path: &str) -> Option<&Source> {
        self.sources.get(path)
    }

    /// The folders under `services/` that are crates.
    pub fn services(&self) -> BTreeSet<&str> {
        let manifests = self
            .files
            .keys()
            .filter_map(|path| path.strip_suffix("/Cargo.toml"));
        manifests
            .filter_map(|path| path.strip_prefix("services/"))
            .collect()
    }

    /// Whether any file lies under this folder (named with its trailing '/').
    pub fn has_folder(&self, prefix: &str) -> bool {
        self.files.keys().any(|path| path.starts_with(prefix))
    }
}

/// The service whose folder holds this path: `services/payout/src/lib.rs` is `payout`'s.
pub fn service_of(path: &str) -> Option<&str> {
    path.strip_prefix("services/")?
        .split_once('/')
        .map(|(service, _)| service)
}

fn is_skipped(folder: &Path) -> bool {
    folder
        .file_name()
        .is_some_and(|name| SKIPPED_FOLDERS.iter().any(|skipped| name == *skipped))
}

fn read_text(path: &Path) -> io::Result<Option<String>> {
    match fs::read(path) {
        Ok(bytes) => Ok(String::from_utf8(bytes).ok()),
        // Editors and builds remove files while we walk.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// `#[cfg(test)] mod examples;` makes `examples.rs` and everything under `examples/` test code.
fn mark_test_modules(sources: &mut BTreeMap<String, Source>) {
    let declared: Vec<String> = sources
        .values()
        .flat_map(Source::test_module_stems)
        .collect();
    for stem in declared {
        let (file, folder) = (format!("{stem}.rs"), format!("{stem}/"));
        for source in sources.values_mut() {
            if source.path == file || source.path.starts_with(&folder) {
                source.is_test = true;
            }
        }
    }
}
