//! The program as a user meets it: exit codes, output, and one clear line for each thing that can be wrong.

use std::fs;
use std::io::{Read as _, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// Runs the program where no kubeconfig is to be found.
fn tenantry(arguments: &[&str]) -> Output {
    command(env!("CARGO_BIN_EXE_tenantry")).args(arguments).output().expect("the program starts")
}

fn command(program: impl AsRef<Path>) -> Command {
    let mut command = Command::new(program.as_ref());
    command.env_clear().env("HOME", "/nonexistent").stdin(Stdio::null());
    command
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Fails with exit code 1, prints nothing on stdout, and says these things on stderr in at most two lines.
fn assert_fails(output: &Output, says: &[&str]) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert_eq!(stdout(output), "");
    assert!(stderr.lines().count() <= 2 && !stderr.contains("panicked"), "{stderr}");
    for text in says {
        assert!(stderr.contains(text), "{text:?} is not in: {stderr}");
    }
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("writes");
    }
    folder
}

fn path(folder: &TempDir, name: &str) -> String {
    folder.path().join(name).display().to_string()
}

fn kubeconfig(server: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: here\n\
         clusters: [{{name: c, cluster: {{server: \"{server}\"}}}}]\n\
         users: [{{name: u, user: {{token: t}}}}]\n\
         contexts: [{{name: here, context: {{cluster: c, user: u}}}}]\n"
    )
}

#[test]
fn help_names_every_subcommand_and_exit_code() {
    let output = tenantry(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    for word in
        ["plan", "my", "install", "audit-policy", "crds", "run", "version", "completions", "Exit codes", "NO_COLOR"]
    {
        assert!(stdout(&output).contains(word), "{word}");
    }
}

#[test]
fn a_wrong_command_line_is_not_mistaken_for_changes() {
    assert_eq!(tenantry(&["plan"]).status.code(), Some(1));
    assert_eq!(tenantry(&["plna"]).status.code(), Some(1));
}

#[test]
fn as_a_kubectl_plugin_it_says_so() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let plugin = folder.path().join("kubectl-tenantry");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_tenantry"), &plugin).expect("links");
    let output = command(&plugin).args(["plan", "--help"]).output().expect("starts");
    assert!(stdout(&output).contains("Usage: kubectl tenantry plan"), "{}", stdout(&output));
}

#[test]
fn version_is_for_people_and_programs() {
    assert!(stdout(&tenantry(&["version"])).starts_with("tenantry "));
    let json: serde_json::Value = serde_json::from_str(&stdout(&tenantry(&["version", "-o", "json"]))).expect("JSON");
    assert_eq!(json["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn completions_know_the_subcommands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = tenantry(&["completions", shell]);
        assert!(output.status.success() && stdout(&output).contains("install"), "{shell}");
    }
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let mut child = command(env!("CARGO_BIN_EXE_tenantry"))
        .args(["install", "--dry-run"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("ends");
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}

#[test]
fn an_unknown_file_is_named() {
    assert_fails(&tenantry(&["plan", "-f", "/nowhere/tenant.yaml"]), &["cannot read /nowhere/tenant.yaml", "try:"]);
}

#[test]
fn broken_yaml_is_named_by_line() {
    let folder = folder(&[("bad.yaml", "apiVersion: tenantry.dev/v1alpha1\nkind: Tenant\nmetadata:\n  name: [a\n")]);
    assert_fails(&tenantry(&["plan", "-f", &path(&folder, "bad.yaml")]), &["bad.yaml:4: not valid YAML"]);
}

#[test]
fn an_empty_folder_is_not_a_plan_of_nothing() {
    let folder = folder(&[]);
    assert_fails(&tenantry(&["plan", "-f", &path(&folder, "")]), &["no object in it"]);
}

#[test]
fn objects_of_others_alone_are_no_plan() {
    let text = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: a\n";
    let mut child = command(env!("CARGO_BIN_EXE_tenantry"))
        .args(["plan", "-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("writes");
    assert_fails(&child.wait_with_output().expect("ends"), &["none of the objects given is a resource of Tenantry"]);
}

#[test]
fn a_missing_kubeconfig_is_named() {
    assert_fails(
        &tenantry(&["install", "--kubeconfig", "/nowhere/config"]),
        &["cannot read kubeconfig /nowhere/config"],
    );
    assert_fails(&tenantry(&["install"]), &["cannot find a kubeconfig", "KUBECONFIG"]);
}

#[test]
fn an_unknown_context_is_named_with_those_there_are() {
    let folder = folder(&[("config", &kubeconfig("https://127.0.0.1:1"))]);
    let output = tenantry(&["install", "--kubeconfig", &path(&folder, "config"), "--context", "there"]);
    assert_fails(&output, &["no context there; it has here", "--context"]);
}

#[test]
fn an_unreachable_server_is_named() {
    let folder = folder(&[("config", &kubeconfig("http://127.0.0.1:1"))]);
    let output = tenantry(&["install", "--kubeconfig", &path(&folder, "config")]);
    assert_fails(&output, &["cannot reach http://127.0.0.1:1", "Connection refused", "try:"]);
    let output = tenantry(&["run", "--listen", "127.0.0.1:0", "--kubeconfig", &path(&folder, "config")]);
    assert_fails(&output, &["cannot reach http://127.0.0.1:1", "Connection refused", "try:"]);
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("bound").to_string();
    assert_fails(&tenantry(&["run", "--listen", &address]), &[&format!("cannot listen on {address}"), "--listen"]);
}

#[test]
fn a_wrong_log_filter_is_named() {
    assert_fails(&tenantry(&["run", "--log", "=="]), &["\"==\" is not a log filter", "level"]);
}

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");

#[test]
fn the_examples_plan_on_an_empty_cluster() {
    let output = tenantry(&["plan", "-f", EXAMPLES]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("+ RoleBinding ") && text.contains("Rights\n"), "{text}");
    assert!(!text.contains("refused") && !text.contains('\x1b'), "{text}");
    // There is no gateway on it.
    let waits: Vec<&str> = text.lines().filter(|line| line.contains("waits")).collect();
    assert!(waits.len() == 1 && waits[0].contains("does not serve the Gateway API"), "{text}");
}

#[test]
fn a_recorded_cluster_is_planned_against_and_the_report_is_data() {
    let folder = folder(&[]);
    let json = |output: &Output| -> serde_json::Value { serde_json::from_str(&stdout(output)).expect("JSON") };
    let first = json(&tenantry(&["plan", "-f", EXAMPLES, "-o", "json"]));
    // What it would create is what a recording of the cluster would show afterwards.
    let created = first["resources"].as_array().expect("resources").iter().filter_map(|one| one["created"].as_array());
    let objects: Vec<&serde_json::Value> = created.flatten().map(|one| &one["manifest"]).collect();
    let list = serde_json::json!({ "apiVersion": "v1", "kind": "List", "items": objects });
    fs::write(folder.path().join("world.json"), list.to_string()).expect("writes");
    let again = json(&tenantry(&["plan", "-f", EXAMPLES, "--world", &path(&folder, ""), "-o", "json"]));
    // The admission policies were there before, as after an installation.
    let all = |summary: &serde_json::Value| summary["created"].as_u64().zip(summary["unchanged"].as_u64());
    assert_eq!(again["summary"]["unchanged"].as_u64(), all(&first["summary"]).map(|(made, there)| made + there));
    assert_eq!(again["summary"]["created"], 0, "{}", again["summary"]);
}

#[test]
fn an_invalid_tenant_is_refused_with_field_and_fix() {
    let text =
        "apiVersion: tenantry.dev/v1alpha1\nkind: Tenant\nmetadata: {name: a}\nspec: {className: c, colour: red}\n";
    let folder = folder(&[("tenant.yaml", text)]);
    let output = tenantry(&["plan", "-f", &path(&folder, "tenant.yaml")]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stdout(&output).contains("! refused: spec.colour: is not a field; known here: audit, className"),
        "{}",
        stdout(&output)
    );
}

#[test]
fn what_cannot_be_verified_is_told_apart_by_exit_code() {
    assert_fails(&tenantry(&["mcp", "verify", "ftp://host/"]), &["neither http nor https", "try: write it as"]);
    assert_fails(&tenantry(&["a2a", "verify", "https://user:secret@host/"]), &["credentials in it"]);
    let pins = folder(&[("pins.json", "{}")]);
    let pins = path(&pins, "pins.json");
    assert_fails(&tenantry(&["mcp", "verify", "http://host/", "--pins", &pins]), &["is not a verdict", "-o json"]);

    let refused = tenantry(&["mcp", "verify", "http://169.254.169.254/latest", "-o", "json"]);
    assert_eq!(refused.status.code(), Some(3), "{refused:?}");
    let report: serde_json::Value = serde_json::from_slice(&refused.stdout).expect("JSON");
    assert_eq!((&report["state"], &report["url"]), (&"ProbeBlocked".into(), &"http://169.254.169.254/latest".into()));

    // Somebody who answers everybody alike, and listens to nobody.
    for (answer, code, says) in [
        ("HTTP/1.1 429 Too Many\r\ncontent-length: 0\r\n\r\n", 4, "RateLimited: "),
        ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", 2, "ProtocolError: "),
        ("HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n", 0, "AuthRequired: "),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut heard = [0; 4096];
                let _ = stream.read(&mut heard).and_then(|_| stream.write_all(answer.as_bytes()));
            }
        });
        for command in ["mcp", "a2a"] {
            let output = tenantry(&[command, "verify", &url]);
            assert_eq!(output.status.code(), Some(code), "{output:?}");
            assert!(stdout(&output).contains(says), "{output:?}");
        }
    }
}
