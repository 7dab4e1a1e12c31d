//! Stories of rollouts: what is chosen, look by look, and that nothing flaps.

use serde_json::{Value, json};

use super::{Choice, Setback, choose};
use crate::workload::types::{OnFailure, Rollout};

/// A Deployment that does what it is told, and the operator that looks at it.
struct Story {
    facts: Option<Value>,
    number: i64,
}

impl Story {
    fn new() -> Self {
        Self { facts: None, number: 0 }
    }

    /// One look with this image wanted. Returns the image that runs then.
    fn look(&mut self, image: &str) -> (String, Option<Setback>) {
        self.look_at(template(image))
    }

    fn look_at(&mut self, wanted: Value) -> (String, Option<Setback>) {
        let rollout = Rollout { on_failure: OnFailure::Rollback, ..Rollout::default() };
        let choice = choose(wanted, &rollout, self.facts.as_ref(), None);
        let again = choose(template("looked-again"), &Rollout::default(), self.facts.as_ref(), None);
        assert_eq!((again.note, again.setback), (None, None), "only where it is asked for");
        let setback = choice.setback.clone();
        self.write(choice);
        let facts = self.facts.as_ref().expect("written");
        (facts["template"]["spec"]["containers"][0]["image"].as_str().expect("an image").to_owned(), setback)
    }

    fn write(&mut self, Choice { template, note, .. }: Choice) {
        let before = self.facts.take().unwrap_or_else(|| json!({ "generation": 0, "status": {}, "conditions": [] }));
        let mut facts = before.clone();
        if before["template"] != template {
            self.number += 1;
            facts["generation"] = json!(before["generation"].as_i64().unwrap_or_default() + 1);
        }
        facts["replicas"] = json!(1);
        facts["template"] = template;
        facts["rollout"] = json!(note);
        self.facts = Some(facts);
    }

    /// The Deployment's controller has looked.
    fn observe(&mut self, updated: i64, available: bool, progressing: &Value) {
        let facts = self.facts.as_mut().expect("written");
        facts["revision"] = json!(self.number.to_string());
        facts["status"] = json!({
            "observedGeneration": facts["generation"], "replicas": 1, "updatedReplicas": updated,
            "availableReplicas": i64::from(available),
        });
        let available = if available { "True" } else { "False" };
        facts["conditions"] = json!([{ "type": "Available", "status": available }, progressing]);
    }

    fn comes_up(&mut self) {
        self.observe(1, true, &json!({ "type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable" }));
    }

    fn fails(&mut self, words: &str) {
        self.observe(0, true, &late(words));
    }
}

fn late(words: &str) -> Value {
    json!({ "type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": words })
}

fn template(image: &str) -> Value {
    json!({ "metadata": { "labels": {} }, "spec": {
        "securityContext": { "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } },
        "containers": [{ "image": image, "ports": [{ "containerPort": 8080 }], "securityContext": {
            "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": { "drop": ["ALL"] } } }],
    } })
}

fn rolled_back(number: &str, why: &str) -> Setback {
    Setback::RolledBack { number: number.to_owned(), why: why.to_owned() }
}

/// A story in which `good` was available and `bad` has failed.
fn failed() -> Story {
    let mut story = Story::new();
    story.look("good");
    story.comes_up();
    story.look("good");
    story.look("bad");
    story.fails("bad is late");
    story
}

#[test]
fn what_fails_is_rolled_back_once_and_stays_so_until_something_else_is_wanted() {
    let mut story = failed();
    assert_eq!(story.look("bad"), ("good".to_owned(), Some(rolled_back("2", "bad is late"))));
    let note = story.facts.as_ref().expect("written")["rollout"].clone();
    // Whatever the Deployment tells meanwhile.
    story.fails("bad is late");
    assert_eq!(story.look("bad"), ("good".to_owned(), Some(rolled_back("2", "bad is late"))));
    story.comes_up();
    assert_eq!(story.look("bad"), ("good".to_owned(), Some(rolled_back("2", "bad is late"))));
    story.fails("good is late, too");
    assert_eq!(story.look("bad"), ("good".to_owned(), Some(rolled_back("2", "bad is late"))));
    assert_eq!(story.facts.as_ref().expect("written")["rollout"], note, "and nothing is written");

    // The next one is tried, fails in its turn, and the same comes back.
    assert_eq!(story.look("worse"), ("worse".to_owned(), None));
    story.fails("worse is late");
    assert_eq!(story.look("worse"), ("good".to_owned(), Some(rolled_back("4", "worse is late"))));
    // The one that had failed first is something else now.
    assert_eq!(story.look("bad"), ("bad".to_owned(), None));
    story.fails("bad is late, again");
    assert_eq!(story.look("bad").0, "good");
    // Back by hand rolls nothing.
    assert_eq!(story.look("good"), ("good".to_owned(), None));
    assert_eq!(story.number, 7);
    // One that works is what comes back from then on.
    story.look("better");
    story.comes_up();
    story.look("better");
    story.look("bad");
    story.fails("bad is late");
    assert_eq!(story.look("bad").0, "better");
}

#[test]
fn nothing_but_what_was_available_comes_back() {
    // Never anything.
    let mut story = Story::new();
    story.look("first");
    story.fails("first is late");
    assert!(matches!(story.look("first"), (image, Some(Setback::Stands(_))) if image == "first"));
    // The one in between never was.
    let mut story = Story::new();
    story.look("good");
    story.comes_up();
    story.look("good");
    story.look("passing");
    story.look("bad");
    story.fails("bad is late");
    assert_eq!(story.look("bad").0, "good");
    // Without pods, a rollout succeeds and proves nothing.
    let mut story = failed();
    story.look("bad");
    story.look("unproven");
    story.observe(0, false, &json!({ "type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable" }));
    story.facts.as_mut().expect("written")["replicas"] = json!(0);
    story.look("unproven");
    story.look("bad");
    story.fails("bad is late, again");
    assert_eq!(story.look("bad").0, "good");
}

#[test]
fn what_happened_while_nobody_looked_is_acted_on() {
    // It came up, and the next one is wanted at the first look.
    let mut story = Story::new();
    story.look("good");
    story.comes_up();
    assert_eq!(story.look("bad").0, "bad");
    story.fails("bad is late");
    assert_eq!(story.look("bad").0, "good");
    // It became available after all, before anybody saw the failure.
    let mut story = failed();
    story.comes_up();
    assert_eq!(story.look("bad"), ("bad".to_owned(), None));
    // It failed, and something else is wanted already.
    let mut story = failed();
    assert_eq!(story.look("other"), ("other".to_owned(), None));
    story.fails("other is late");
    assert_eq!(story.look("other").0, "good");
}

#[test]
fn a_failure_counts_against_the_revision_that_it_is_about() {
    // Told of a spec that the Deployment has not looked at yet.
    let mut story = failed();
    story.facts.as_mut().expect("written")["status"]["observedGeneration"] = json!(1);
    assert_eq!(story.look("bad"), ("bad".to_owned(), None));
    // Still told, in the words of the last one, when the next one has just begun.
    let mut story = failed();
    story.look("next");
    story.fails("bad is late");
    assert_eq!(story.look("next"), ("next".to_owned(), None));
    story.fails("next is late");
    assert_eq!(story.look("next").0, "good");
}

#[test]
fn what_listens_nowhere_comes_back_as_well() {
    let silent = |image: &str| {
        let mut template = template(image);
        template["spec"]["containers"][0]["ports"] = json!([]);
        template
    };
    let mut story = Story::new();
    story.look_at(silent("good"));
    story.comes_up();
    // As the server stores it.
    let stored = story.facts.as_mut().expect("written")["template"]["spec"]["containers"][0].as_object_mut();
    stored.expect("a container").remove("ports");
    story.look_at(silent("bad"));
    story.fails("bad is late");
    assert_eq!(story.look_at(silent("bad")).0, "good");
}

#[test]
fn what_could_not_stand_in_does_not_come_back() {
    let moved = |image| {
        let mut template = template(image);
        template["spec"]["containers"][0]["ports"][0]["containerPort"] = json!(9090);
        template
    };
    let mut story = Story::new();
    story.look("good");
    story.comes_up();
    story.look("good");
    story.look_at(moved("bad"));
    story.fails("bad is late");
    assert!(matches!(story.look_at(moved("bad")), (image, Some(Setback::Stands(_))) if image == "bad"));

    // What somebody has made of the Deployment behind our back.
    let mut story = Story::new();
    story.look("good");
    story.comes_up();
    story.look("good");
    story.facts.as_mut().expect("written")["template"]["spec"]["hostNetwork"] = json!(true);
    story.look("bad");
    story.fails("bad is late");
    assert!(matches!(story.look("bad"), (image, Some(Setback::Stands(_))) if image == "bad"));
}
