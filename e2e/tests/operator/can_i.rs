//! What `kubectl auth can-i` tells members of a tenant, in their own namespace, in another tenant's, and of the whole cluster.
//! The answers are in `can-i/`.

use std::fmt::Write as _;
use std::path::Path;

use tenantry_e2e::kubectl::KubectlError;
use tenantry_e2e::{Identity, eventually, objects};

use crate::program::SOON;
use crate::scene::{onboard, plain_tenant, stage};

/// The sorted answer, without the header.
async fn rights(identity: &Identity, place: &[&str]) -> String {
    let listed = identity.kubectl(&[&["auth", "can-i", "--list", "--no-headers"], place].concat()).await;
    let text = listed.expect("kubectl answers");
    // The columns are as wide as their widest cell, which differs from one cluster to the next by names of its own.
    let mut lines: Vec<String> = text
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|line| !line.is_empty())
        .collect();
    lines.sort();
    lines.join("\n") + "\n"
}

/// Whether they may look at, or make, what belongs to the whole cluster.
async fn of_cluster(identity: &Identity) -> String {
    let mut answers = String::new();
    for resource in [
        "namespaces",
        "nodes",
        "persistentvolumes",
        "clusterroles.rbac.authorization.k8s.io",
        "clusterrolebindings.rbac.authorization.k8s.io",
        "customresourcedefinitions.apiextensions.k8s.io",
        "validatingadmissionpolicies.admissionregistration.k8s.io",
        "tenants.tenantry.dev",
        "tenantclasses.tenantry.dev",
        "tenantryplatforms.tenantry.dev",
    ] {
        for verb in ["list", "create"] {
            let said = match identity.kubectl(&["auth", "can-i", verb, resource]).await {
                Ok(text) => text,
                // It ends with a code of its own to say no.
                Err(KubectlError::Failed { stdout, .. }) => stdout,
                Err(error) => panic!("{error}"),
            };
            let _ = writeln!(answers, "{verb} {resource}: {}", said.trim());
        }
    }
    answers
}

#[tokio::test]
async fn members_are_told_what_they_may() {
    let cluster = stage().await;
    let admin = cluster.client().await.expect("client");
    onboard(&admin, &plain_tenant("asking")).await;
    onboard(&admin, &plain_tenant("asked")).await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/operator/can-i");
    let nobody = cluster.user("nobody", &["nothing"]).expect("issued");
    let none = rights(&nobody, &["--namespace", "default"]).await;
    for role in ["admin", "developer", "viewer"] {
        let group = format!("asking-{role}s");
        let member = cluster.user(&format!("an {group}"), &[&group]).expect("issued");
        eventually(SOON, "the right is known", async || {
            (rights(&member, &["--namespace", "asking-dev"]).await != none).then_some(())
        })
        .await
        .unwrap_or_else(|late| panic!("{late}"));
        crate::written_down::check(
            &folder.join(format!("{role}-own.txt")),
            &rights(&member, &["--namespace", "asking-dev"]).await,
        );
        // Elsewhere they are as somebody of whom nobody has heard: what everybody may ask about oneself and the server.
        for place in ["asked-dev", "asked", "kube-system", "tenantry-system"] {
            assert_eq!(rights(&member, &["--namespace", place]).await, none, "{role} in {place}");
        }
        crate::written_down::check(&folder.join("elsewhere.txt"), &none);
        crate::written_down::check(&folder.join("cluster.txt"), &of_cluster(&member).await);
    }
    for namespace in ["asking", "asking-dev"] {
        let bindings = objects::list(&admin, "rbac.authorization.k8s.io/v1", "RoleBinding", Some(namespace), "")
            .await
            .expect("listed");
        assert!((1..=3).contains(&bindings.len()), "{namespace} has {} RoleBindings", bindings.len());
    }
}
