//! The command line against a real API server: installing, and what it says when rights or trust are missing.

use std::fs;
use std::path::Path;

use tenantry_e2e::{Cluster, shared};

/// What a command came to.
struct Done {
    code: u8,
    out: String,
    err: String,
}

/// Runs `tenantry <arguments> --kubeconfig <kubeconfig>`. It brings its own runtime, so it needs a thread of its own.
async fn tenantry(arguments: &[&str], kubeconfig: &Path) -> Done {
    let mut all = vec!["tenantry".into()];
    all.extend(arguments.iter().map(Into::into));
    all.extend(["--kubeconfig".into(), kubeconfig.into()]);
    let run = move || {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = tenantry::cli::execute(all, &mut out, &mut err);
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Done { code, out: text(out), err: text(err) }
    };
    tokio::task::spawn_blocking(run).await.expect("does not panic")
}

async fn cluster() -> &'static Cluster {
    shared().await.expect("a cluster")
}

#[tokio::test]
async fn installing_twice_changes_nothing_the_second_time() {
    let kubeconfig = cluster().await.kubeconfig_path();
    let first = tenantry(&["install"], kubeconfig).await;
    assert_eq!((first.code, first.err.as_str()), (0, ""), "{}", first.out);
    let second = tenantry(&["install"], kubeconfig).await;
    let done = |word: &str| second.out.lines().filter(|line| line.trim_start().starts_with(word)).count();
    assert_eq!((second.code, done("created"), done("configured")), (0, 0, 0), "{}{}", second.out, second.err);
    assert!(done("unchanged") > 10, "{}", second.out);
}

#[tokio::test]
async fn a_missing_right_is_named() {
    let nobody = cluster().await.user("nobody", &[]).expect("an identity");
    let done = tenantry(&["install"], nobody.kubeconfig_path()).await;
    assert_eq!(done.code, 1);
    assert!(done.err.contains("is forbidden: User \"nobody\" cannot"), "{}", done.err);
    assert!(done.err.contains("\ntry: ask an administrator for this right"), "{}", done.err);
}

#[tokio::test]
async fn unknown_credentials_and_a_server_of_another_authority_are_named() {
    let kubeconfig = fs::read_to_string(cluster().await.kubeconfig_path()).expect("reads");
    let server = kubeconfig.lines().find_map(|line| line.trim().strip_prefix("server: ")).expect("a server");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("config");
    for (trust, says) in [
        (", insecure-skip-tls-verify: true", "does not know these credentials\ntry: log in again"),
        ("", "UnknownIssuer\ntry: check the certificate authority"),
    ] {
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: here\n\
             clusters: [{{name: c, cluster: {{server: {server}{trust}}}}}]\n\
             users: [{{name: u, user: {{token: unknown}}}}]\n\
             contexts: [{{name: here, context: {{cluster: c, user: u}}}}]\n"
        );
        fs::write(&path, text).expect("writes");
        let done = tenantry(&["install"], &path).await;
        assert_eq!(done.code, 1);
        assert!(done.err.contains(says), "{}", done.err);
    }
}
