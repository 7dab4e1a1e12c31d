//! The operator as it is shipped: an image of its static program alone, put into the cluster by `tenantry install`, run as the pods of its
//! own Deployment. What its pods may reach, and nobody else's, is seen here.

use serde_json::{Value, json};
use tenantry_e2e::image::Image;
use tenantry_e2e::node::pods::address;
use tenantry_e2e::objects;
use tenantry_e2e::operator::NAMESPACE;

use crate::pods::pod;
use crate::room::{is_inside, programs};
use crate::stage::Stage;
use crate::team::{AGENT, TEAM, TOOLS, agent, model, tools};

const IMAGE: &str = "registry.example/platform/tenantry:test";

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_runs_as_it_is_installed() {
    let programs = match programs() {
        Ok(programs) => programs,
        Err(reason) => tenantry_e2e::skip!("{reason}"),
    };
    let program = programs.operator();
    if !program.exists() {
        tenantry_e2e::skip!("{} does not exist: `cargo xtask e2e node` builds it", program.display());
    }
    if !is_inside("installed::the_operator_runs_as_it_is_installed") {
        return;
    }
    let mut stage = Stage::start(programs).await;
    stage.install(&program).await;
    stage.two_tenants().await;
    stage.its_pods_reach_what_they_verify().await;
    stage.one_replica_after_the_other_works().await;
    stage.node.check_alive().expect("all of the node runs");
    stage.print_times();
}

fn deployment() -> Value {
    json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "tenantry", "namespace": NAMESPACE } })
}

impl Stage {
    /// As an admin would, with the command itself.
    async fn install(&mut self, program: &std::path::Path) {
        let image = Image { tag: IMAGE.to_owned(), entrypoint: vec!["/tenantry".to_owned()] };
        self.node.import_program(program, "tenantry", &[image]).expect("imported");
        let kubeconfig = self.cluster.kubeconfig_path().display().to_string();
        let command = std::process::Command::new(program)
            .args(["install", "--image", IMAGE, "--replicas", "2", "--kubeconfig", &kubeconfig])
            .output()
            .expect("runs");
        let said = String::from_utf8_lossy(&command.stdout);
        assert!(command.status.success(), "{said}{}", String::from_utf8_lossy(&command.stderr));
        self.see(&deployment(), "has two Ready pods", |found| found["status"]["readyReplicas"] == 2).await;
        self.took("`tenantry install`, two pods of the operator are Ready");
    }

    /// A policy opens an MCP server to the operator's pods, which are known by their labels, and to those that refer to it.
    async fn its_pods_reach_what_they_verify(&mut self) {
        let team = [model(), tools(), agent()];
        for workload in &team {
            self.apply(workload).await;
        }
        for workload in &team {
            self.holds(workload, "Ready").await;
        }
        for verified in [tools(), agent()] {
            self.holds(&verified, "Verified").await;
        }
        self.took("model, MCP server and agent are Ready, both of them verified by the operator's pods");
        // Beside them in their namespace is somebody who is not them.
        let mut stranger = pod(NAMESPACE, "stranger");
        stranger["spec"]["securityContext"] =
            json!({ "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } });
        stranger["spec"]["containers"][0]["securityContext"] =
            json!({ "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } });
        self.apply(&stranger).await;
        self.holds(&stranger, "Ready").await;
        for labels in [TOOLS, AGENT] {
            let target = self.pods(TEAM, labels).await;
            let url = format!("http://{}:8080/healthz", address(&target[0]));
            self.does_not_reach((NAMESPACE, "stranger"), &url).await;
            // The policy is what keeps it out: at home there is somebody who is answered.
            let agents = self.pods(TEAM, AGENT).await;
            self.reaches((TEAM, objects::name(&agents[0])), &url).await;
        }
        self.took("a pod beside the operator's reached neither");
    }

    /// Whoever leads is deleted; the other one goes on, and a new one is made.
    async fn one_replica_after_the_other_works(&mut self) {
        let lease = json!({ "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": { "name": "tenantry", "namespace": NAMESPACE } });
        let holder = |found: &Value| found["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned();
        let leader = holder(&self.see(&lease, "is held", |found| !holder(found).is_empty()).await);
        let pods = objects::list(&self.client, "v1", "Pod", Some(NAMESPACE), "app.kubernetes.io/name=tenantry").await;
        let pods = pods.expect("listed");
        let leading = pods.iter().find(|pod| leader.starts_with(objects::name(pod)));
        let leading = leading.unwrap_or_else(|| panic!("{leader} leads, and is none of {pods:?}"));
        let mut gone = leading.clone();
        (gone["apiVersion"], gone["kind"]) = ("v1".into(), "Pod".into());
        self.gone(&gone).await;
        self.see(&lease, "is another's", |found| !holder(found).is_empty() && holder(found) != leader).await;
        let mut changed = tools();
        changed["spec"]["verification"]["requiredTools"] = json!(["whoami"]);
        self.apply(&changed).await;
        self.holds(&changed, "Ready").await;
        self.see(&deployment(), "has two Ready pods again", |found| found["status"]["readyReplicas"] == 2).await;
        self.took("the leading pod was deleted, another one led and reconciled");
    }
}
