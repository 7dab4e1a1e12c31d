//! This crate stays pure: no client, no async runtime in its tree, so that tenantry-core may use it.

use std::process::Command;

#[test]
fn no_runtime_and_no_client_in_the_tree() {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--package", "tenantry-protocol", "--edges", "normal", "--prefix", "none"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo tree runs");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let text = String::from_utf8_lossy(&tree.stdout);
    let names: Vec<&str> = text.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.contains(&"serde_json"), "the tree does not look like one: {text}");
    for banned in ["tokio", "hyper", "reqwest", "kube-client", "rand", "tower"] {
        assert!(!names.contains(&banned), "{banned} has come into the tree");
    }
}
