//! Child processes that cannot outlive us: own process group, output in a log file, killed by the kernel when we are gone. It
//! never decides which processes there are.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::toolchain::last_lines;

/// Why a child process could not be started or watched.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It could not be started.
    #[error("starting {name} ({}): {source}", program.display())]
    Start {
        /// Name of the process.
        name: String,
        /// Path of the program.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Its log file could not be created.
    #[error("creating the log of {name} at {}: {source}", path.display())]
    Log {
        /// Name of the process.
        name: String,
        /// Path of the log file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It could not be waited for.
    #[error("waiting for a child process: {0}")]
    Wait(io::Error),
    /// It could not be sent a signal.
    #[error("sending {signal:?} to {name}: {source}")]
    Signal {
        /// Name of the process.
        name: String,
        /// Which signal.
        signal: Signal,
        /// What the system said.
        source: io::Error,
    },
}

/// A running child, killed when dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` with its output appended to `log`.
    pub fn start(name: &str, mut command: Command, log: &Path) -> Result<Self, ProcessError> {
        use std::os::unix::process::CommandExt as _;
        let log_error = |source| ProcessError::Log { name: name.to_owned(), path: log.to_owned(), source };
        let output = File::options().create(true).append(true).open(log).map_err(log_error)?;
        command
            .stdin(Stdio::null())
            .stdout(output.try_clone().map_err(log_error)?)
            .stderr(output)
            // Ctrl-C in the terminal is for us; we end our children in order.
            .process_group(0)
            .env("TENANTRY_CLUSTER_PARENT", std::process::id().to_string());
        let program = PathBuf::from(command.get_program());
        let child = spawn_from_lasting_thread(command).map_err(|source| ProcessError::Start {
            name: name.to_owned(),
            program,
            source,
        })?;
        Ok(Self { name: name.to_owned(), child, log: log.to_owned() })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub fn exited(&mut self) -> Result<Option<ExitStatus>, ProcessError> {
        self.child.try_wait().map_err(ProcessError::Wait)
    }

    /// The last lines it wrote.
    pub fn log_tail(&self) -> String {
        last_lines(&fs::read_to_string(&self.log).unwrap_or_default(), 12)
    }

    /// Sends a signal; a process that is already gone is no error.
    pub fn signal(&self, signal: Signal) -> Result<(), ProcessError> {
        let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) else { return Ok(()) };
        match kill_process(pid, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(source) => Err(ProcessError::Signal { name: self.name.clone(), signal, source: source.into() }),
        }
    }

    /// SIGTERM, and SIGKILL for what is still there after `grace`. Blocks.
    pub fn stop(mut self, grace: Duration) -> Result<(), ProcessError> {
        self.signal(Signal::TERM)?;
        // A stopped process (SIGSTOP) would never see the SIGTERM.
        self.signal(Signal::CONT)?;
        wait_for_exit(&mut self.child, grace)?;
        Ok(())
        // Drop kills what is left.
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Nobody is left to tell about a failure, and the kernel tries again when we end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until the child ends or `limit` has passed. Blocks.
pub(crate) fn wait_for_exit(child: &mut Child, limit: Duration) -> Result<Option<ExitStatus>, ProcessError> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().map_err(ProcessError::Wait)? {
            return Ok(Some(status));
        }
        let left = limit.saturating_sub(started.elapsed());
        if left.is_zero() {
            return Ok(None);
        }
        thread::park_timeout(left.min(Duration::from_millis(20)));
    }
}

struct Spawn {
    command: Command,
    reply: mpsc::Sender<io::Result<Child>>,
}

/// The kernel ends a child with PR_SET_PDEATHSIG when the *thread* that forked it ends. Threads of a tokio runtime end with their
/// test, so that a cluster shared by several tests would die with the first one: one thread that lives as long as the process
/// does all the forking.
fn spawn_from_lasting_thread(command: Command) -> io::Result<Child> {
    static SPAWNER: OnceLock<mpsc::Sender<Spawn>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (sender, receiver) = mpsc::channel::<Spawn>();
        thread::spawn(move || {
            // Ends never: the sender is in a static.
            for mut spawn in receiver {
                // A receiver that has gone drops the child, which nobody then waits for.
                let _ = spawn.reply.send(spawn.command.spawn());
            }
        });
        sender
    });
    let (reply, answer) = mpsc::channel();
    let gone = |_| io::Error::other("the thread that starts processes is gone");
    spawner.send(Spawn { command, reply }).map_err(|_| io::Error::other("the thread that starts processes is gone"))?;
    answer.recv().map_err(gone)?
}
