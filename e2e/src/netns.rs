//! A network of its own for one test, a benchmark, or the demo, because EndpointSlices refuse loopback addresses. No packet leaves it. Linux
//! only; nothing outside is changed.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};

/// Where kube-apiserver is reached in there (`Options::address`). All of 10.200.0.0/16 is local: backends listen on what they like of it.
pub const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 200, 0, 1));
/// Where fake nodes find the addresses of their pods (`e2e/cluster/fakenodes_pod.go`). All of it is local in there, too, so that a pod that
/// does not exist can be answered for, at its own address (`gateway::PodServer`).
const PODS: &str = "10.244.0.0/16";
const INSIDE: &str = "TENANTRY_INSIDE_NETNS";
/// Its value where a user namespace had to be made, too.
const OF_A_USER: &str = "user";

/// What became of [`enter`] or [`enter_again`].
#[derive(Debug)]
pub enum Entered {
    /// This process is inside: do the test.
    Inside,
    /// The test was done in a process of its own and passed: return.
    Passed,
    /// The same, but it failed; with its output.
    Failed(String),
    /// This machine does not let us, and why: skip the test.
    Impossible(String),
}

/// Runs the test called `test` (its full path in this test program) again in a process with a network namespace of its own. Blocks.
///
/// ```no_run
/// use tenantry_e2e::netns::{Entered, enter};
/// fn endpoints_answer() {
///     match enter("endpoints_answer") {
///         Entered::Inside => {} // the test itself follows
///         Entered::Passed => return,
///         Entered::Failed(output) => panic!("{output}"),
///         Entered::Impossible(reason) => tenantry_e2e::skip!("{reason}"),
///     }
/// }
/// ```
pub fn enter(test: &str) -> Entered {
    let program = match ourselves() {
        Ok(program) => program,
        Err(entered) => return entered,
    };
    let output =
        inside("exec \"$0\" \"$@\"").arg(program).args(["--exact", test, "--nocapture"]).env(INSIDE, "1").output();
    match output {
        Ok(output) if output.status.success() => {
            // What it has measured is worth reading.
            print!("{}", text_of(&output));
            Entered::Passed
        }
        Ok(output) => Entered::Failed(text_of(&output)),
        Err(error) => Entered::Failed(format!("running {test} in its own network namespace: {error}")),
    }
}

/// Whether this process is in such a network.
pub fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

/// Runs this program again with `arguments` in a network of its own, its output shown. When `ended` returns, those inside are told so by
/// [`told_to_end`]. Blocks.
pub fn enter_again(arguments: &[OsString], ended: impl FnOnce() + Send + 'static) -> Entered {
    let program = match ourselves() {
        Ok(program) => program,
        Err(entered) => return entered,
    };
    let mut command = inside("exec \"$0\" \"$@\"");
    let how = if rustix::process::geteuid().is_root() { "1" } else { OF_A_USER };
    command.arg(program).args(arguments).env(INSIDE, how);
    match run_until(&mut command, ended) {
        Ok(status) if status.success() => Entered::Passed,
        Ok(_) => Entered::Failed("it failed in its own network: see above".to_owned()),
        Err(error) => Entered::Failed(format!("running it in a network of its own: {error}")),
    }
}

/// Runs a command to its end. When `ended` returns, it is told so: its standard input ends. Blocks.
pub(crate) fn run_until(command: &mut Command, ended: impl FnOnce() + Send + 'static) -> io::Result<ExitStatus> {
    let mut child = command.stdin(Stdio::piped()).spawn()?;
    let held = child.stdin.take();
    // Should nobody end it, this thread ends with the process.
    std::thread::spawn(move || {
        ended();
        drop(held);
    });
    child.wait()
}

/// In what [`enter_again`], or that of a room, has started: returns when somebody outside wants it to end, or is gone. Blocks.
pub fn told_to_end() {
    // Nothing is ever written there; that it ends, or cannot be read, says all.
    let _ = io::stdin().read(&mut [0]);
}

/// How somebody outside comes into the network that this process is in: what to write before a command.
pub fn way_in() -> Option<String> {
    let how = std::env::var_os(INSIDE)?;
    let user = if how == OF_A_USER { " --user --preserve-credentials" } else { "" };
    Some(format!("nsenter{user} --net --target {}", std::process::id()))
}

/// Lets programs in there resolve a name. Only inside: see [`enter`].
pub fn resolve(name: &str, address: IpAddr) -> io::Result<()> {
    if !is_inside() {
        return Err(io::Error::other("names can be given inside of a test's own network only"));
    }
    let mut names = OpenOptions::new().append(true).open("/etc/hosts")?;
    writeln!(names, "{address} {name}")
}

/// Runs this program again, with the same arguments and its output where ours goes, in a network namespace of its own in which every name is
/// asked of `names`. Blocks. What it needs from the network outside must have been fetched before.
pub fn enter_program(names: IpAddr) -> Entered {
    let program = match ourselves() {
        Ok(program) => program,
        Err(entered) => return entered,
    };
    // Files that are mounted over others are gone with the mount namespace.
    let then = format!(
        "folder=$(mktemp -d) && mount -t tmpfs none \"$folder\" && echo 'nameserver {names}' > \"$folder/resolv.conf\" && \
         echo 'hosts: files dns' > \"$folder/nsswitch.conf\" && mount --bind \"$folder/resolv.conf\" /etc/resolv.conf && \
         {{ [ ! -e /etc/nsswitch.conf ] || mount --bind \"$folder/nsswitch.conf\" /etc/nsswitch.conf; }} && exec \"$0\" \"$@\""
    );
    let mut command = inside(&then);
    command.arg(program).args(std::env::args_os().skip(1)).env(INSIDE, "1").stdin(Stdio::null());
    match command.status() {
        Ok(status) if status.success() => Entered::Passed,
        Ok(status) => Entered::Failed(format!("{status}, see above")),
        Err(error) => Entered::Failed(format!("running this program in its own network namespace: {error}")),
    }
}

/// This program, to be run again inside; else why there is nothing to be run.
fn ourselves() -> Result<PathBuf, Entered> {
    if is_inside() {
        return Err(Entered::Inside);
    }
    probe().map_err(Entered::Impossible)?;
    std::env::current_exe()
        .map_err(|error| Entered::Impossible(format!("this program does not know its path: {error}")))
}

/// Whether this machine lets us.
fn probe() -> Result<(), String> {
    match inside("true").output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("no own network namespace here: {}", text_of(&output).trim())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err("no `unshare` on this machine".to_owned()),
        Err(error) => Err(format!("running `unshare`: {error}")),
    }
}

/// `unshare` that runs the shell line `then` once the network is up.
fn inside(then: &str) -> Command {
    let mut command = Command::new("unshare");
    // Root needs no user namespace, which hardened machines forbid to everybody else.
    command.arg(if rustix::process::geteuid().is_root() { "-nm" } else { "-rnm" });
    // On the loopback device a whole prefix is local.
    let network =
        format!("ip link set lo up && ip address add {ADDRESS}/16 dev lo && ip route add local {PODS} dev lo");
    // Nobody answers DNS in there; names are written into a file that is seen in there alone.
    let names = "names=$(mktemp) && cp /etc/hosts \"$names\" && mount --bind \"$names\" /etc/hosts && rm \"$names\"";
    command.args(["sh", "-c", &format!("{network} && {names} && {then}")]);
    command
}

pub(crate) fn text_of(output: &std::process::Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
