//! That a room leaves nothing behind, also when its test panics; and the ways into one.

use std::process::Command;

use tenantry_e2e::netns::Entered;
use tenantry_e2e::node::programs::Programs;
use tenantry_e2e::node::room::{self, Output, enter, leftovers};
use tenantry_e2e::skip;

/// Set by `cargo xtask e2e node`, which has built what runs in pods. Any other run would test with what is left of an earlier one.
const ASKED_FOR: &str = "TENANTRY_E2E_NODE";

/// What a node consists of, unless it cannot be had here, and why.
pub fn programs() -> Result<Programs, String> {
    if std::env::var_os(ASKED_FOR).is_none() {
        return Err("pods on this machine are a command of their own: `cargo xtask e2e node`".to_owned());
    }
    Programs::get().map_err(|missing| missing.to_string())
}

/// Whether the caller is inside and does the test; outside, the test is done when this returns.
pub fn is_inside(test: &str) -> bool {
    match enter(test, Output::Shown) {
        Entered::Inside => true,
        Entered::Passed => false,
        Entered::Failed(output) => panic!("{output}"),
        Entered::Impossible(reason) => {
            skip::note(test, &reason);
            false
        }
    }
}

/// Makes what a node makes, and panics.
#[test]
fn a_room_whose_test_panics_leaves_nothing() {
    const TEST: &str = "room::a_room_whose_test_panics_leaves_nothing";
    if let Some(folder) = room::folder() {
        let script = "
            mkdir -p \"$0/mounted\" && mount -t tmpfs room \"$0/mounted\"
            ip netns add pod && ip link add pods0 type bridge
            for procs in $(find /sys/fs/cgroup -path \"*/$TENANTRY_NODE_CGROUP/cgroup.procs\"); do
                mkdir \"${procs%cgroup.procs}pod\"
            done
            setsid sleep 1000 &
            for procs in $(find /sys/fs/cgroup -path \"*/$TENANTRY_NODE_CGROUP/pod/cgroup.procs\" -not -path \"*/cpuset/*\"); do
                echo $! >\"$procs\"
            done
        ";
        let status = Command::new("sh").args(["-ec", script]).arg(&folder).stdout(std::process::Stdio::null()).status();
        assert!(status.expect("runs").success());
        let left = leftovers();
        assert!(
            left.iter().any(|one| one.contains("/mounted ")) && left.iter().any(|one| one.contains("cgroup")),
            "{left:?}"
        );
        panic!("as intended");
    }
    let settings = || Command::new("sysctl").args(["-n", "vm.overcommit_memory", "kernel.panic"]).output();
    let before = settings().map(|output| output.stdout).unwrap_or_default();
    match enter(TEST, Output::Kept) {
        Entered::Failed(words) => assert!(words.contains("failed inside its room"), "{words}"),
        Entered::Impossible(reason) => skip!("{reason}"),
        other => panic!("it should have panicked: {other:?}"),
    }
    assert_eq!(leftovers(), Vec::<String>::new());
    assert_eq!(settings().map(|output| output.stdout).unwrap_or_default(), before);
}
