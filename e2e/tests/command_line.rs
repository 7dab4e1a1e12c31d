//! The command line against a real API server: installing, planning what the operator then does, and what it says when
//! rights or trust are missing.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tenantry_core::external::Question;
use tenantry_core::kinds::KINDS;
use tenantry_e2e::{Cluster, eventually, shared};
use tenantry_engine::clock::Clock;
use tenantry_engine::{Asking, Outside, Settings};

/// Nothing here has a protocol to verify.
struct Nobody;

impl Outside for Nobody {
    fn ask(&self, _: Question) -> Asking {
        Box::pin(std::future::pending())
    }
}

const SOON: Duration = Duration::from_secs(30);
const CLASS_AND_TENANT: &str = r#"
apiVersion: tenantry.dev/v1alpha1
kind: TenantClass
metadata: {name: planned}
spec: {description: for this test}
---
apiVersion: tenantry.dev/v1alpha1
kind: Tenant
metadata: {name: planned}
spec:
  className: planned
  quota: {pods: "40"}
  members:
  - {name: admins, role: Admin, subjects: [{kind: Group, name: planned-admins}]}
  environments:
  - {name: dev, quota: {max: {pods: "10"}}}
  - {name: prod, stage: Production, quota: {max: {pods: "20"}}}
"#;

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

/// The summary of `tenantry plan -f <file> <more> -o json`, with its exit code.
async fn plan(file: &Path, more: &[&str]) -> (u8, Value) {
    let file = file.display().to_string();
    let arguments = [&["plan", "-f", &file, "-o", "json"], more].concat();
    let done = tenantry(&arguments, cluster().await.kubeconfig_path()).await;
    let report: Value = serde_json::from_str(&done.out).unwrap_or_default();
    assert!(report.is_object(), "{}{}", done.out, done.err);
    (done.code, report["summary"].clone())
}

/// Waits until a plan finds nothing to change.
async fn until_nothing_would_change(file: &Path) {
    eventually(SOON, "the operator has done what was planned", async || match plan(file, &[]).await {
        (0, _) => Ok(()),
        (code, summary) => Err(format!("exit code {code}: {summary}")),
    })
    .await
    .expect("in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_tells_what_the_operator_then_does() {
    let cluster = cluster().await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("planned.yaml");
    fs::write(&file, CLASS_AND_TENANT).expect("writes");
    let path = file.display().to_string();
    assert_eq!(tenantry(&["install"], cluster.kubeconfig_path()).await.code, 0);
    let operator = tokio::spawn(tenantry_engine::run(
        Settings {
            namespace: "tenantry-system".into(),
            kinds: KINDS,
            client: cluster.client().await.expect("a client"),
            election: None,
            identity: "plan-test".into(),
            listener: None,
            clock: Clock::System,
            outside: Arc::new(Nobody),
            seed: 1,
        },
        std::future::pending(),
    ));

    let (code, created) = plan(&file, &[]).await;
    assert_eq!((code, &created["changed"], &created["removed"]), (2, &0.into(), &0.into()), "{created}");
    cluster.kubectl(&["apply", "-f", &path]).await.expect("applies");
    until_nothing_would_change(&file).await;
    let (_, settled) = plan(&file, &[]).await;
    assert_eq!(settled["unchanged"], created["created"], "as many as were announced: {settled}");

    fs::write(&file, CLASS_AND_TENANT.replace(r#"pods: "10""#, r#"pods: "12""#)).expect("writes");
    let (code, changed) = plan(&file, &[]).await;
    assert_eq!(
        (code, &changed["created"], &changed["changed"]),
        (2, &0.into(), &2.into()),
        "the quota, and the view of it: {changed}"
    );
    cluster.kubectl(&["apply", "-f", &path]).await.expect("applies");
    until_nothing_would_change(&file).await;

    let ours = ["get", "rolebindings", "-A", "-l", "tenantry.dev/tenant=planned", "-o", "name"];
    let bindings = cluster.kubectl(&ours).await.expect("lists").lines().count();
    let (code, removed) = plan(&file, &["--delete"]).await;
    assert_eq!((code, &removed["removed"]), (2, &(bindings + 1).into()), "only the rights and the view go: {removed}");
    cluster.kubectl(&["delete", "tenant", "planned"]).await.expect("deletes");
    assert_eq!(cluster.kubectl(&ours).await.expect("lists"), "");
    assert_eq!(
        cluster.kubectl(&["get", "namespace", "planned-dev", "-o", "name"]).await.expect("kept"),
        "namespace/planned-dev\n"
    );
    operator.abort();
}

#[tokio::test]
async fn a_plan_without_rights_says_that_it_is_incomplete() {
    let cluster = cluster().await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("planned.yaml");
    fs::write(&file, CLASS_AND_TENANT.replace("name: planned", "name: unseen")).expect("writes");
    let nobody = cluster.user("nobody", &[]).expect("an identity");
    let done = tenantry(&["plan", "-f", &file.display().to_string()], nobody.kubeconfig_path()).await;
    assert_eq!(done.code, 1, "{}", done.err);
    assert!(done.out.contains("! incomplete: you may not list namespaces"), "{}", done.out);
}
