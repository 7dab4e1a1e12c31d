//! A room for one program: network, processes and mounts of its own, and one cgroup. Whatever happens in there ends with its first
//! process, so that nothing is left of it however the program ends. Nothing outside is changed. Linux with root.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::config::DNS;
use crate::cache::cache_folder;
use crate::netns::{Entered, run_until, text_of};

/// The cgroup that all pods are below.
pub const CGROUP: &str = "tenantry-node";
const PREFIX: &str = "tenantry-node-";
/// Names the folder of the room we are in.
const INSIDE: &str = "TENANTRY_NODE_ROOM";
/// Names a process of the room by the number that it has outside.
const DOOR: &str = "TENANTRY_NODE_DOOR";
const CGROUPS: &str = "/sys/fs/cgroup";
/// The kernel takes a moment to let go of what it has ended.
const CLEARED_WITHIN: Duration = Duration::from_secs(20);
/// Becomes the first process of the room.
const SCRIPT: &str = include_str!("room.sh");

/// The folder of the room that this process is in; it goes with the room.
pub fn folder() -> Option<PathBuf> {
    std::env::var_os(INSIDE).map(PathBuf::from)
}

/// How somebody outside comes into the network of the room that this process is in: what to write before a command.
pub fn way_in() -> Option<String> {
    let process = std::env::var_os(DOOR)?.into_string().ok()?;
    folder().map(|_| format!("nsenter --net --target {process}"))
}

/// What becomes of the output of a test in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// It goes straight to the terminal.
    Shown,
    /// It is part of [`Entered::Failed`].
    Kept,
}

/// Why there can be no room on this machine, if so.
pub fn impossible() -> Option<&'static str> {
    if !cfg!(target_os = "linux") {
        Some("a node needs Linux")
    } else if !rustix::process::geteuid().is_root() {
        Some("a node needs root")
    } else {
        None
    }
}

/// Runs the test called `test` (its full path in this test program) again inside a room, and clears up after it. One room at a time
/// on a machine. Blocks. As [`crate::netns::enter`] otherwise.
pub fn enter(test: &str, output: Output) -> Entered {
    let arguments = ["--exact", test, "--nocapture", "--test-threads=1"].map(OsString::from);
    run(test, &arguments, |mut command| match output {
        Output::Shown => Ok((command.stdin(Stdio::null()).status()?.success(), "see above".to_owned())),
        Output::Kept => {
            let ended = command.stdin(Stdio::null()).output()?;
            Ok((ended.status.success(), format!("{}, {}", ended.status, text_of(&ended))))
        }
    })
}

/// Runs this program, called `what`, again with `arguments` inside a room, its output shown, and clears up after it. When `ended` returns, those inside are
/// told so by [`crate::netns::told_to_end`]. Blocks.
pub fn enter_again(what: &str, arguments: &[OsString], ended: impl FnOnce() + Send + 'static) -> Entered {
    run(what, arguments, |mut command| Ok((run_until(&mut command, ended)?.success(), "see above".to_owned())))
}

fn run(
    what: &str,
    arguments: &[OsString],
    until_its_end: impl FnOnce(Command) -> io::Result<(bool, String)>,
) -> Entered {
    if folder().is_some() {
        return Entered::Inside;
    }
    if let Some(reason) = impossible() {
        return Entered::Impossible(reason.to_owned());
    }
    match in_a_room(arguments, until_its_end) {
        Ok((true, _)) => match leftovers() {
            left if left.is_empty() => Entered::Passed,
            left => Entered::Failed(format!("{what} left something behind: {}", left.join(", "))),
        },
        Ok((false, words)) => Entered::Failed(format!("{what} failed inside its room: {words}")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Entered::Impossible("no `setpriv` and `unshare` of util-linux here".to_owned())
        }
        Err(error) => Entered::Failed(format!("running {what} in a room: {error}")),
    }
}

fn in_a_room(
    arguments: &[OsString],
    until_its_end: impl FnOnce(Command) -> io::Result<(bool, String)>,
) -> io::Result<(bool, String)> {
    fs::create_dir_all(cache_folder())?;
    let lock = File::create(cache_folder().join("node.lock"))?;
    lock.lock()?;
    // Whoever has the lock knows that nobody else's room is in use.
    sweep()?;
    let folder = tempfile::Builder::new().prefix(PREFIX).tempdir()?;
    let mut command = Command::new("setpriv");
    command
        // Should we be killed, so is everybody in there.
        .args(["--pdeathsig", "KILL", "sh", "-c", &format!("export {DOOR}=$$; exec \"$0\" \"$@\"")])
        .args(["unshare", "--kill-child", "--fork", "--pid", "--mount", "--mount-proc", "--net"])
        .args(["sh", "-c", SCRIPT])
        .arg(std::env::current_exe()?)
        .args(arguments)
        .env(INSIDE, folder.path())
        .env("TENANTRY_NODE_CGROUP", CGROUP)
        .env("TENANTRY_NODE_DNS", DNS);
    let ended = until_its_end(command)?;
    clear(folder)?;
    Ok(ended)
}

fn clear(folder: TempDir) -> io::Result<()> {
    let started = Instant::now();
    while let Err(error) = remove_cgroups() {
        if started.elapsed() > CLEARED_WITHIN {
            return Err(error);
        }
        std::thread::park_timeout(Duration::from_millis(50));
    }
    folder.close()
}

/// What killed runs have left.
fn sweep() -> io::Result<()> {
    remove_cgroups()?;
    for path in rooms()? {
        fs::remove_dir_all(path)?;
    }
    Ok(())
}

fn rooms() -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(std::env::temp_dir())?.collect::<io::Result<Vec<_>>>()?;
    let ours = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with(PREFIX);
    Ok(entries.iter().filter(|entry| ours(entry)).map(fs::DirEntry::path).collect())
}

/// What there is of rooms on this machine, which should be nothing while none is in use: folders, cgroups, mounts, networks.
pub fn leftovers() -> Vec<String> {
    let mut found: Vec<String> = rooms().unwrap_or_default().iter().map(|path| path.display().to_string()).collect();
    found.extend(cgroups().iter().map(|path| path.display().to_string()));
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    found.extend(mounts.lines().filter(|line| line.contains(PREFIX)).map(str::to_owned));
    found.extend(processes());
    found
}

/// Those that were started for a room: they have its name in their environment.
fn processes() -> Vec<String> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let has_room = |path: &Path| {
        fs::read(path.join("environ")).is_ok_and(|text| {
            text.split(|byte| *byte == 0).any(|variable| variable.starts_with(format!("{INSIDE}=").as_bytes()))
        })
    };
    let found = entries.flatten().map(|entry| entry.path()).filter(|path| has_room(path));
    found.map(|path| path.display().to_string()).collect()
}

/// One in each hierarchy where there are several (version 1).
fn cgroups() -> Vec<PathBuf> {
    let hierarchies = fs::read_dir(CGROUPS).into_iter().flatten().flatten().map(|entry| entry.path());
    let below = std::iter::once(PathBuf::from(CGROUPS)).chain(hierarchies);
    below.map(|path| path.join(CGROUP)).filter(|path| path.is_dir()).collect()
}

fn remove_cgroups() -> io::Result<()> {
    cgroups().iter().try_for_each(|path| remove_cgroup(path))
}

fn remove_cgroup(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_cgroup(&entry.path())?;
        }
    }
    fs::remove_dir(path)
}
