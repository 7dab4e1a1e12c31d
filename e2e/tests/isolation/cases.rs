//! The admission rules' own cases on the real server, as every sort of identity. What the rules' CEL says in unit tests, the
//! server must say, by the policy and the rule that the case names.

use std::collections::BTreeMap;
use std::path::Path;

use http::Method;
use serde_json::{Value, json};
use tenantry_core::policies::rule::{Exempt, Group, Operation};
use tenantry_core::policies::rules_of;
use tenantry_e2e::{eventually, objects};
use tenantry_testkit::policy_cases::{self, Case, PLATFORM, TENANT};

use crate::check::{About, Check, Control, Expected, Kind, Who};
use crate::definitions;
use crate::program::SOON;
use crate::request::Request;
use crate::stage::{self, Stage};
use crate::universal::{self, SAMPLE};

/// Row of the matrix.
pub const FAMILY: &str = "admission rules";

/// All cases, prepared: what must be there before is there. And what was left out, with the reason.
pub async fn checks(stage: &mut Stage) -> (Vec<Check>, Vec<String>) {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let cases = policy_cases::read(&policy_cases::folder(&repository)).unwrap_or_else(|error| panic!("{error}"));
    let universal = universal::cases(&cases);
    let (cases, dropped): (Vec<Case>, Vec<Case>) =
        cases.into_iter().chain(universal).partition(|case| case.dropped_by_server.is_empty());
    for object in definitions::all() {
        stage.make(object).await;
    }
    for case in &cases {
        for user in [&case.user, &case.maker].into_iter().filter(|user| user.starts_with("system:")) {
            stage.issue_name(user).await;
        }
    }
    let places = Places::make(stage, &cases).await;
    let mut checks = Vec::new();
    let mut conforming: Option<(usize, Case)> = None;
    for (number, case) in cases.iter().enumerate() {
        if case.name == "as it is" {
            conforming = (!case.refused).then(|| (number, case.clone()));
        }
        let placed = places.placed(case, number);
        placed.prepare(stage).await;
        for who in askers(stage, &case.user).await {
            checks.push(placed.check(stage, &places, conforming.as_ref(), &who).await);
        }
    }
    let dropped = dropped.iter().map(|case| format!("{}: {}", case.title(), case.dropped_by_server)).collect();
    (checks, dropped)
}

/// Who asks in the place of a case's user: members come in three ways, others by their name.
async fn askers(stage: &mut Stage, user: &str) -> Vec<Who> {
    match user {
        TENANT => Kind::MEMBERS.map(|kind| stage.attacker(kind)).into(),
        PLATFORM => vec![stage::platform()],
        name => vec![stage.issue_name(name).await],
    }
}

/// Namespaces with the annotations and labels that cases want; cases that agree in them share one.
struct Places {
    prefix: String,
    names: BTreeMap<String, String>,
}

impl Places {
    fn key(case: &Case) -> String {
        json!([case.annotations, case.labels]).to_string()
    }

    async fn make(stage: &mut Stage, cases: &[Case]) -> Self {
        let mut places = Self { prefix: stage.prefix.clone(), names: BTreeMap::new() };
        let permissive = cases.iter().filter(|case| !case.is_namespace());
        for case in permissive {
            let next = format!("{}-case-{}", places.prefix, places.names.len());
            let name = places.names.entry(Self::key(case)).or_insert_with(|| next.clone());
            if *name == next {
                objects::apply(&stage.admin, &case.placed_in(name).namespace(name)).await.expect("applied");
            }
        }
        let names: Vec<String> = places.names.values().cloned().collect();
        stage.give_everything(&names).await;
        for namespace in &names {
            // Pods are refused for want of it.
            let accounts = objects::collection_of(&stage.admin, "v1", "ServiceAccount", Some(namespace));
            eventually(SOON, "the default ServiceAccount exists", async || accounts.get("default").await.map(|_| ()))
                .await
                .unwrap_or_else(|late| panic!("{late}"));
        }
        places
    }

    /// The case in its namespace, under a name that no other case has.
    fn placed(&self, case: &Case, number: usize) -> Placed {
        let name = format!("{}-{number}", self.prefix);
        let namespace = if case.is_namespace() { name.clone() } else { self.names[&Self::key(case)].clone() };
        let mut case = case.placed_in(&namespace);
        let rename = |object: &mut Value| object["metadata"]["name"] = name.as_str().into();
        rename(&mut case.object);
        case.old.iter_mut().for_each(rename);
        for object in case.prepare.iter_mut().filter(|object| object["kind"] != "RuntimeClass") {
            rename(object);
            object["metadata"]["namespace"] = namespace.as_str().into();
        }
        Placed { case, name }
    }
}

/// A case with its namespace and name.
struct Placed {
    case: Case,
    name: String,
}

impl Placed {
    async fn prepare(&self, stage: &mut Stage) {
        let case = &self.case;
        for object in &case.prepare {
            stage.make(object.clone()).await;
        }
        let Some(old) = case.old.as_ref().filter(|_| case.subresource != "scale") else { return };
        let maker = match case.maker.as_str() {
            TENANT => stage.attacker(Kind::User).client,
            PLATFORM => stage::PLATFORM.to_owned(),
            name => name.to_owned(),
        };
        // Rights and policies take a moment to be known everywhere.
        eventually(SOON, &case.title(), async || objects::create(&stage.clients[&maker], old).await.map(|_| ()))
            .await
            .unwrap_or_else(|late| panic!("{late}"));
    }

    /// What is asked: the change, or something else in its place.
    fn request(&self, change: &Value) -> Request {
        let (case, object) = (&self.case, self.case.object.clone());
        match (case.operation, case.subresource.as_str()) {
            (Operation::Create | Operation::Connect, _) => Request::Create(object),
            (Operation::Update, "scale") => {
                Request::Change { object: case.prepare[0].clone(), subresource: "scale".into(), change: change.clone() }
            }
            (Operation::Update, "finalize") => {
                let path = format!("/api/v1/namespaces/{}/finalize?dryRun=All", self.name);
                let body = if *change == case.change { object } else { case.old.clone().unwrap_or_default() };
                Request::Raw { method: Method::PUT, path, headers: Vec::new(), body }
            }
            (Operation::Update, subresource) => {
                Request::Change { object, subresource: subresource.to_owned(), change: change.clone() }
            }
            (Operation::Delete, _) => Request::Delete(object),
        }
    }

    async fn check(&self, stage: &mut Stage, places: &Places, conforming: Option<&(usize, Case)>, who: &Who) -> Check {
        let case = &self.case;
        let group = case.group();
        let expected = if case.refused {
            Expected::refused_by(&format!("tenantry-{}", group.name), &case.rule)
        } else {
            Expected::Accepted
        };
        let mut check = Check::new(FAMILY, case.title(), who, self.request(&case.change), expected);
        let slash = if case.subresource.is_empty() { "" } else { "/" };
        check.about = Some(About {
            group: group.name,
            rule: case.rule.clone(),
            operation: case.operation.word(),
            resource: format!("{}{slash}{}", case.resource, case.subresource),
        });
        if case.refused {
            check.control = self.control(stage, places, conforming, who, group).await;
        }
        check
    }

    /// A request that differs in one thing and is accepted: the conforming object, the same by somebody who is exempt, or the
    /// same where nothing forbids it.
    async fn control(
        &self,
        stage: &mut Stage,
        places: &Places,
        conforming: Option<&(usize, Case)>,
        who: &Who,
        group: &Group,
    ) -> Option<Control> {
        let case = &self.case;
        let accepted =
            |client: &str, request| Some(Control { client: client.to_owned(), request, expected: Expected::Accepted });
        let exempt = rules_of(group).iter().find(|rule| rule.name == case.rule).map(|rule| rule.exempt);
        if case.operation != Operation::Create {
            let harmless = json!({ "metadata": { "annotations": { "example.org/control": "x" } } });
            let harmless = if case.subresource.is_empty() { harmless } else { json!({}) };
            return match case.maker.as_str() {
                TENANT => accepted(&who.client, self.request(&harmless)),
                PLATFORM if exempt == Some(Exempt::Nobody) => accepted(stage::PLATFORM, self.request(&harmless)),
                PLATFORM => accepted(stage::PLATFORM, self.request(&case.change)),
                name => accepted(&stage.issue_name(name).await.client, self.request(&case.change)),
            };
        }
        if case.name == "as it is" || case.name == SAMPLE {
            if exempt != Some(Exempt::Nobody) {
                return accepted(stage::PLATFORM, self.request(&Value::Null));
            }
            let mut elsewhere = case.object.clone();
            elsewhere["metadata"]["namespace"] = places.permissive()?.into();
            return accepted(&who.client, Request::Create(elsewhere));
        }
        let (number, base) = conforming?;
        let by = if base.user == PLATFORM { stage::PLATFORM } else { &who.client };
        accepted(by, places.placed(base, *number).request(&Value::Null))
    }
}

impl Places {
    /// A namespace in which as much is allowed as cases allow by themselves.
    fn permissive(&self) -> Option<String> {
        let fits = |key: &&String| key.contains("image-registries\":\"*\"") && key.contains("digest\":\"Optional\"");
        let key = self.names.keys().filter(|key| key.ends_with(",{}]")).find(fits)?;
        Some(self.names[key].clone())
    }
}
