//! Writes down which migrations there are, so that the doctor knows which ones a database lacks.

use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
    println!("cargo:rerun-if-changed={}", root.display());
    let mut found: Vec<(String, i64)> = Vec::new();
    for folder in fs::read_dir(&root)?.flatten() {
        let service = folder.file_name().to_string_lossy().into_owned();
        for file in fs::read_dir(folder.path()).into_iter().flatten().flatten() {
            let name = file.file_name().to_string_lossy().into_owned();
            let number = name
                .split_once('_')
                .and_then(|(number, _)| number.parse().ok());
            found.extend(number.map(|number| (service.clone(), number)));
        }
    }
    found.sort();
    let target = Path::new(&env::var("OUT_DIR").unwrap_or_default()).join("migrations.rs");
    fs::write(target, format!("&{found:?}"))
}
