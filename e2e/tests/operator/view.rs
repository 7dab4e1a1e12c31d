//! What members are told of their own tenant: by kubectl, and by `tenantry my`, with their own certificates.

use std::path::Path;

use serde_json::{Value, json};
use tenantry_core::resources::TENANT_VIEW;
use tenantry_e2e::{Identity, eventually, objects};

use crate::program::SOON;
use crate::scene::{child, environment, is, member, onboard, plain_tenant, stage, tenant};

/// What `tenantry <arguments>` comes to: its exit code, stdout and stderr. It brings its own runtime, so it needs a thread of
/// its own.
pub async fn tenantry(arguments: &[&str], kubeconfig: Option<&Path>) -> (u8, String, String) {
    let mut all = vec!["tenantry".into()];
    all.extend(arguments.iter().map(Into::into));
    if let Some(kubeconfig) = kubeconfig {
        all.extend(["--kubeconfig".into(), kubeconfig.into()]);
    }
    let run = move || {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = tenantry::cli::execute(all, &mut out, &mut err);
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        (code, text(out), text(err))
    };
    tokio::task::spawn_blocking(run).await.expect("does not panic")
}

/// Waits until the view in this home namespace tells what it should.
async fn tells(client: &kube::Client, name: &str, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
    eventually(SOON, &format!("the view of {name} tells {what}"), async || {
        let view = child(client, &TENANT_VIEW, name, name).await.ok_or("there is none")?;
        if fits(&view) { Ok(view) } else { Err(view.to_string()) }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"))
}

fn is_ready(view: &Value) -> bool {
    objects::condition(view, "Ready").is_some_and(|ready| ready["status"] == "True")
}

/// Waits until RBAC's own caches have followed.
async fn may(who: &Identity, arguments: &[&str]) -> String {
    eventually(SOON, &format!("{} may {arguments:?}", who.name()), async || {
        who.kubectl(arguments).await.map_err(|error| error.to_string())
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"))
}

#[tokio::test]
async fn members_see_their_own_tenant_and_nobody_elses() {
    let cluster = stage().await;
    let admin = cluster.client().await.expect("client");
    let mut seen = plain_tenant("seen");
    seen["spec"]["displayName"] = "Seen Ltd".into();
    seen["spec"]["environments"] = json!([environment("dev"), { "name": "prod", "stage": "Production" }]);
    let guests = json!({ "name": "guests", "role": "Developer", "environments": ["dev"], "subjects": [{ "kind": "Group", "name": "seen-guests" }] });
    seen["spec"]["members"].as_array_mut().expect("a list").push(guests);
    onboard(&admin, &seen).await;
    onboard(&admin, &plain_tenant("hidden")).await;
    tells(&admin, "seen", "that all is well", is_ready).await;
    tells(&admin, "hidden", "that all is well", is_ready).await;
    let viewer = cluster.user("v", &["seen-viewers"]).expect("issued");

    let table = may(&viewer, &["get", "tview", "-n", "seen"]).await;
    let cells: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(cells[0], ["NAME", "ENVIRONMENTS", "READY", "REASON", "AGE"], "{table}");
    assert_eq!(cells[1][..4], ["seen", "2/2", "True", "Succeeded"], "{table}");

    // From the home namespace, from any other, and by name.
    for from in [["-n", "seen"], ["-n", "seen-prod"], ["--tenant", "seen"]] {
        let (code, out, err) = tenantry(&["my", from[0], from[1]], Some(viewer.kubeconfig_path())).await;
        assert_eq!((code, err.as_str()), (0, ""), "{from:?}: {out}");
        assert!(out.starts_with("Seen Ltd (tenant seen, class wide)\nReady: "), "{out}");
        for line in [
            "dev          seen-dev   Development  Restricted    yes",
            "prod         seen-prod  Production   Restricted    yes",
            "guests      Developer  dev         -",
        ] {
            assert!(out.lines().any(|found| found == line), "{line:?} is not in:\n{out}");
        }
        assert!(out.contains("pods") && !out.contains("hidden") && !out.contains('\x1b'), "{out}");
    }
    let (code, out, _) = tenantry(&["my", "-n", "seen", "-o", "json"], Some(viewer.kubeconfig_path())).await;
    let list: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(
        (code, &list["items"][0]["kind"], &list["items"][0]["status"]["ready"]),
        (0, &"TenantView".into(), &"2/2".into())
    );

    // Not another's, not a place that is nobody's, and not from where rights do not reach.
    let guest = cluster.user("g", &["seen-guests"]).expect("issued");
    may(&guest, &["get", "networkpolicy", "-n", "seen-dev"]).await;
    for (who, arguments, says) in [
        (&viewer, ["my", "-n", "hidden-dev"], "you have no rights in namespace hidden-dev"),
        (&viewer, ["my", "--tenant", "hidden"], "you may not read the view of tenant hidden"),
        (
            &guest,
            ["my", "-n", "seen-dev"],
            "members whose entry names environments have no rights in the home namespace",
        ),
    ] {
        let (code, out, err) = tenantry(&arguments, Some(who.kubeconfig_path())).await;
        assert_eq!((code, out.as_str()), (1, ""), "{arguments:?}: {err}");
        assert!(err.contains(says) && err.contains("\ntry: "), "{err}");
    }
    let (code, _, err) = tenantry(&["my", "-n", "kube-public"], Some(cluster.kubeconfig_path())).await;
    assert_eq!(code, 1);
    assert!(err.contains("namespace kube-public is no tenant's"), "{err}");
    let (code, out, _) = tenantry(&["my", "-A"], Some(cluster.kubeconfig_path())).await;
    assert_eq!(code, 0);
    assert!(out.contains("Seen Ltd (tenant seen,") && out.contains("Tenant hidden,"), "{out}");
}

#[tokio::test]
async fn no_member_writes_a_view_and_what_others_do_to_it_is_undone() {
    let cluster = stage().await;
    let admin = cluster.client().await.expect("client");
    onboard(&admin, &plain_tenant("shown")).await;
    let before = tells(&admin, "shown", "that all is well", is_ready).await;
    let lead = cluster.user("l", &["shown-admins"]).expect("issued");
    may(&lead, &["get", "tview", "-n", "shown"]).await;
    for arguments in [
        ["delete", "tview", "shown", "-n", "shown"].as_slice(),
        &["label", "tview", "shown", "-n", "shown", "a=b"],
        &["patch", "tview", "shown", "-n", "shown", "--type=merge", "-p", r#"{"spec":{"hostnames":["x.example"]}}"#],
        &[
            "patch",
            "tview",
            "shown",
            "-n",
            "shown",
            "--subresource=status",
            "--type=merge",
            "-p",
            r#"{"status":{"ready":"9/9"}}"#,
        ],
    ] {
        let error = lead.kubectl(arguments).await.expect_err("refused").to_string();
        assert!(error.contains("Forbidden") || error.contains("forbidden"), "{error}");
    }
    cluster.kubectl(&["delete", "tview", "shown", "-n", "shown", "--wait=false"]).await.expect("deleted");
    let after = tells(&admin, "shown", "that all is well, once more", |view| {
        view["metadata"]["uid"] != before["metadata"]["uid"] && is_ready(view)
    })
    .await;
    assert_eq!(after["spec"], before["spec"]);
    let patch = r#"{"status":{"ready":"9/9","environments":[]}}"#;
    cluster
        .kubectl(&["patch", "tview", "shown", "-n", "shown", "--subresource=status", "--type=merge", "-p", patch])
        .await
        .expect("patched");
    tells(&admin, "shown", "the truth again", |view| view["status"] == after["status"]).await;
}

#[tokio::test]
async fn a_view_tells_what_is_in_force_and_not_what_was_asked_for() {
    let cluster = stage().await;
    let admin = cluster.client().await.expect("client");
    let spec = json!({
        "environments": [environment("dev")], "limits": { "max": { "cpu": "2" } },
        "members": [member("admins", "Admin", "honest-admins")],
    });
    onboard(&admin, &tenant("honest", spec)).await;
    let view = tells(&admin, "honest", "its limits", |view| view["spec"]["limits"]["max"]["cpu"] == "2").await;
    assert!(view["spec"]["unsettled"].is_null(), "{view}");
    let mut asked = tenant(
        "honest",
        json!({
            "environments": [environment("dev")], "limits": { "max": { "cpu": "2" }, "min": { "cpu": "3" } },
            "members": [member("admins", "Admin", "honest-admins")],
        }),
    );
    objects::apply(&admin, &asked).await.expect("applied");
    is(&admin, "honest", "Ready", "False", |_| true).await;
    let view = tells(&admin, "honest", "that it is not as asked for", |view| {
        view["spec"]["unsettled"] == json!(["limits"])
            && objects::condition(view, "Ready").is_some_and(|ready| ready["reason"] == "Invalid")
    })
    .await;
    assert!(view["spec"]["limits"].is_null(), "{view}");
    asked["spec"]["limits"] = json!({ "max": { "cpu": "4" } });
    objects::apply(&admin, &asked).await.expect("applied");
    tells(&admin, "honest", "the new limits", |view| view["spec"]["limits"]["max"]["cpu"] == "4" && is_ready(view))
        .await;
    objects::delete(&admin, &tenant("honest", json!({}))).await.expect("deleted");
    eventually(SOON, "the view is gone with its tenant", async || {
        child(&admin, &TENANT_VIEW, "honest", "honest").await.is_none().then_some(())
    })
    .await
    .expect("in time");
}
