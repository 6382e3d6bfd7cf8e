//! The journal: one JSON line per thing done, written before anybody is told of it.
//!
//! It is all that is on disk. On start the lines are replayed; between a kill and the next
//! start nothing else is needed. The lines are also meant for other eyes: each names the call,
//! its parameters, the account, the answer's status and every object as it then was.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::{Map, Value, json};

use crate::store::{Changes, World};

pub struct Journal {
    path: PathBuf,
    file: File,
    seq: u64,
    fsync: bool,
    /// Bytes of whole lines.
    length: u64,
    /// A line could not be written: the world in memory is ahead of the disk.
    broken: bool,
}

/// What a line says besides the changes.
pub struct Note<'a> {
    /// `POST /v1/transfers`, `timer renew`, `clock`, `deliver 7`, `boot`.
    pub op: &'a str,
    pub account: Option<&'a str>,
    pub request: Value,
    pub status: Option<u16>,
}

impl Journal {
    /// Opens the journal of a folder and replays it into a new world.
    ///
    /// # Errors
    /// When the folder cannot be used, or a line other than the last cannot be read.
    pub fn open(folder: &Path, start: i64, fsync: bool) -> anyhow::Result<(Self, World)> {
        std::fs::create_dir_all(folder).context("the data folder cannot be made")?;
        let path = folder.join("journal.jsonl");
        let mut options = OpenOptions::new();
        let opened = options.read(true).append(true).create(true).open(&path);
        let file = opened.with_context(|| format!("cannot open {}", path.display()))?;
        let mut world = World::at(start);
        let mut journal = Self {
            path,
            file,
            seq: 0,
            fsync,
            length: 0,
            broken: false,
        };
        journal.replay(&mut world)?;
        Ok((journal, world))
    }

    fn replay(&mut self, world: &mut World) -> anyhow::Result<()> {
        let mut reader = BufReader::new(File::open(&self.path)?);
        let (mut text, mut whole) = (String::new(), 0);
        loop {
            text.clear();
            let read = reader.read_line(&mut text)?;
            if read == 0 {
                self.length = whole;
                return Ok(());
            }
            if !text.ends_with('\n') {
                tracing::warn!(bytes = read, "dropping the torn last line of the journal");
                return self.cut(whole);
            }
            let line = serde_json::from_str(&text);
            let line = line.with_context(|| format!("line {} of the journal", self.seq + 1))?;
            self.restore(world, line);
            whole += u64::try_from(read)?;
        }
    }

    fn cut(&mut self, length: u64) -> anyhow::Result<()> {
        self.length = length;
        self.file.set_len(length)?;
        self.file.seek(SeekFrom::End(0))?;
        Ok(())
    }

    fn restore(&mut self, world: &mut World, mut line: Value) {
        self.seq = line["seq"].as_u64().unwrap_or(self.seq + 1);
        if let Some(now) = line["at_unix"].as_i64() {
            world.now = now;
        }
        world.minted = line["minted"].as_u64().unwrap_or(world.minted);
        let owners = line["owners"].take();
        for object in line["puts"]
            .as_array_mut()
            .map(std::mem::take)
            .into_iter()
            .flatten()
        {
            let owner = object["id"].as_str().and_then(|id| owners[id].as_str());
            let owner = owner.unwrap_or_default().to_owned();
            world.restore_object(&owner, object);
        }
        for mut row in line["rows"]
            .as_array_mut()
            .map(std::mem::take)
            .into_iter()
            .flatten()
        {
            let value = row[2].take();
            let (kind, id) = (row[0].as_str(), row[1].as_str());
            world.restore_row(kind.unwrap_or_default(), id.unwrap_or_default(), value);
        }
        world.activity = self.seq;
    }

    /// Appends one line with everything that changed since the last.
    ///
    /// # Errors
    /// When the disk refuses: then the journal takes nothing more until the next start, and
    /// whatever part of the line was written is cut off, so that what is there can be read.
    pub fn append(&mut self, world: &mut World, note: &Note<'_>) -> io::Result<()> {
        if self.broken {
            return Err(io::Error::other("an earlier line could not be written"));
        }
        let changes = std::mem::take(&mut world.changes);
        self.seq += 1;
        world.activity = self.seq;
        let text = self.line(world, &changes, note);
        let written = self.write(text.as_bytes());
        if written.is_err() {
            self.broken = true;
            let _ = self.file.set_len(self.length);
        }
        written
    }

    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        self.file.write_all(line)?;
        if self.fsync {
            self.file.sync_data()?;
        }
        self.length += u64::try_from(line.len()).unwrap_or(0);
        Ok(())
    }

    /// Takes the right to write away, as a full disk does.
    #[cfg(test)]
    pub fn refuse_writing(&mut self) {
        self.file = File::open(&self.path).expect("the journal is there");
    }

    pub fn is_broken(&self) -> bool {
        self.broken
    }

    fn line(&self, world: &World, changes: &Changes, note: &Note<'_>) -> String {
        let mut owners = Map::new();
        let mut puts = Vec::new();
        for id in &changes.puts {
            let Some(object) = world.any(id) else {
                continue;
            };
            puts.push(object.to_string());
            note_owner(&mut owners, id, world.owner_of(id));
        }
        puts.extend(changes.gone.iter().map(Value::to_string));
        for place in &changes.events {
            let (owner, body) = world.events.body_at(*place);
            puts.push(body.to_owned());
            note_owner(&mut owners, world.events.id_at(*place), owner);
        }
        let rows: Vec<Value> = changes
            .rows
            .iter()
            .map(|((kind, id), value)| json!([kind, id, value]))
            .collect();
        let head = json!({
            "seq": self.seq, "at": crate::clock::show(world.now), "at_unix": world.now,
            "op": note.op, "account": note.account, "request": note.request,
            "status": note.status, "request_id": world.cause.request_id,
            "minted": world.minted, "owners": owners, "rows": rows,
        });
        // The objects are text already: they are spliced in rather than read again.
        let head = head.to_string();
        let open = head.strip_suffix('}').unwrap_or(&head);
        format!("{open},\"puts\":[{}]}}\n", puts.join(","))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn seq(&self) -> u64 {
        self.seq
    }
}

fn note_owner(owners: &mut Map<String, Value>, id: &str, owner: &str) {
    if !owner.is_empty() {
        owners.insert(id.to_owned(), json!(owner));
    }
}
