//! Pods of workloads that do not run as they should, with the words of the cluster and of the program itself. They are watched only while some
//! workload is not available, and of those that run well nothing is kept.

use serde_json::{Value, json};

use super::{Keep, POD, Resource, Watch, Wave};
use crate::conditions::truncate;
use crate::meta;

/// The most bytes of words that are kept of a pod.
const LONGEST: usize = 512;

/// `v1 Pod` of a workload of ours that is in trouble. Of all other pods, see [`POD`].
pub static TROUBLED_POD: Resource = Resource {
    watch: Watch::LabelledOnDemand(meta::WORKLOAD_KIND),
    keep: Keep::Projection(trouble_facts),
    wave: Wave::Workloads,
    ..POD
};

/// Shape: `{kind, workload, reason, message}`, with the two labels of its workload; null if it runs well or is on its way.
fn trouble_facts(pod: &Value) -> Value {
    let metadata = &pod["metadata"];
    let Some((reason, message)) = trouble(&pod["status"]).filter(|_| metadata["deletionTimestamp"].is_null()) else {
        return Value::Null;
    };
    let label = |key: &str| &metadata["labels"][key];
    json!({
        "kind": label(meta::WORKLOAD_KIND),
        "workload": label(meta::WORKLOAD_NAME),
        "reason": reason,
        "message": message,
    })
}

fn trouble(status: &Value) -> Option<(String, String)> {
    let lists = ["initContainerStatuses", "containerStatuses"].into_iter().filter_map(|list| status[list].as_array());
    lists.flatten().find_map(stopped).or_else(|| {
        let mut conditions = status["conditions"].as_array()?.iter();
        let homeless = conditions.find(|one| one["type"] == "PodScheduled" && one["status"] == "False")?;
        Some((text(&homeless["reason"]), head(&homeless["message"])))
    })
}

/// Why a container does not run, or did not a moment ago.
fn stopped(container: &Value) -> Option<(String, String)> {
    let (waiting, ended) = (&container["state"]["waiting"], &container["state"]["terminated"]);
    let earlier = &container["lastState"]["terminated"];
    if !waiting.is_null() {
        let reason = text(&waiting["reason"]);
        // What it said when it ended tells more than that it is not started again yet.
        return if !earlier.is_null() {
            Some((reason, end(earlier)))
        } else if matches!(reason.as_str(), "ContainerCreating" | "PodInitializing") {
            None
        } else {
            Some((reason, head(&waiting["message"])))
        };
    }
    let failed = |end: &Value| !end.is_null() && end["exitCode"] != 0;
    if failed(ended) {
        return Some((text(&ended["reason"]), end(ended)));
    }
    (container["ready"] == false && failed(earlier)).then(|| (text(&earlier["reason"]), end(earlier)))
}

/// The exit code, and the last of what it wrote.
fn end(ended: &Value) -> String {
    let words = ended["message"].as_str().unwrap_or_default().trim();
    let words = &words[words.ceil_char_boundary(words.len().saturating_sub(LONGEST))..];
    let code = ended["exitCode"].as_i64().unwrap_or_default();
    if words.is_empty() { format!("exit code {code}") } else { format!("exit code {code}: {words}") }
}

fn head(words: &Value) -> String {
    let mut words = text(words);
    truncate(&mut words, LONGEST);
    words
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::trouble_facts;

    fn told(container: &Value) -> (String, String) {
        let pod = json!({
            "metadata": { "labels": { "tenantry.dev/kind": "Agent", "tenantry.dev/name": "helper" } },
            "status": { "containerStatuses": [container] },
        });
        let facts = trouble_facts(&pod);
        let text = |field: &str| facts[field].as_str().unwrap_or_default().to_owned();
        (text("reason"), text("message"))
    }

    #[test]
    fn a_pod_in_trouble_says_so_in_its_own_words() {
        let says = |reason: &str, message: &str| (reason.to_owned(), message.to_owned());
        let missing = json!({ "state": { "waiting": { "reason": "CreateContainerConfigError", "message": "secret \"keys\" not found" } } });
        assert_eq!(told(&missing), says("CreateContainerConfigError", "secret \"keys\" not found"));
        let again = json!({
            "state": { "waiting": { "reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting" } },
            "lastState": { "terminated": { "exitCode": 3, "reason": "Error", "message": "loading\nno such model\n" } },
        });
        assert_eq!(told(&again), says("CrashLoopBackOff", "exit code 3: loading\nno such model"));
        let killed = json!({ "ready": false, "state": { "running": {} }, "lastState": { "terminated": { "exitCode": 137, "reason": "OOMKilled" } } });
        assert_eq!(told(&killed), says("OOMKilled", "exit code 137"));
        let long =
            json!({ "state": { "terminated": { "exitCode": 1, "reason": "Error", "message": "ü".repeat(2000) } } });
        assert!(told(&long).1.len() < 540);
    }

    #[test]
    fn one_that_runs_or_begins_says_nothing() {
        for container in [
            json!({ "ready": true, "state": { "running": {} }, "lastState": { "terminated": { "exitCode": 1 } } }),
            json!({ "ready": false, "state": { "running": {} } }),
            json!({ "state": { "waiting": { "reason": "ContainerCreating" } } }),
        ] {
            assert_eq!(told(&container), (String::new(), String::new()), "{container}");
        }
        let homeless = json!({ "status": { "conditions": [{ "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/2 nodes" }] } });
        assert_eq!(trouble_facts(&homeless)["reason"], "Unschedulable");
        let leaving = json!({ "metadata": { "deletionTimestamp": "now" }, "status": homeless["status"] });
        assert_eq!(trouble_facts(&leaving), Value::Null);
    }
}
