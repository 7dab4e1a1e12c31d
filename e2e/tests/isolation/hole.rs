//! One hole in the isolation: how an object is changed, and which checks must notice. Opens and closes it.

use json_patch::Patch;
use kube::Client;
use kube::api::{DynamicObject, PostParams};
use serde_json::Value;
use tenantry_e2e::{eventually, objects};

use crate::check::{Check, Expected, Kind};
use crate::program::SOON;

/// A hole, as data.
pub struct Hole {
    /// What is wrong, in words.
    pub name: String,
    /// Holes of one lane are tried one after the other; those of different lanes do not meet.
    pub lane: String,
    /// Which object: version, kind, namespace, name.
    pub target: (&'static str, &'static str, Option<String>, String),
    /// What is done to it.
    pub edit: Edit,
    /// Which checks must notice.
    pub finds: Finds,
}

/// What is done to an object.
pub enum Edit {
    /// It is deleted.
    Remove,
    /// It is made, with these fields.
    Make(Value),
    /// A JSON patch.
    Patch(Value),
    /// In the expression of one validation, a part is replaced.
    Weaken {
        /// Which validation.
        index: usize,
        /// What is there.
        from: &'static str,
        /// What comes in its place.
        to: &'static str,
    },
}

/// Checks, by what is known of them; what is absent does not matter.
#[derive(Debug, Clone, Default)]
pub struct Finds {
    /// Row of the matrix.
    pub family: Option<&'static str>,
    /// Group of the admission rules.
    pub group: Option<&'static str>,
    /// Rule.
    pub rule: Option<&'static str>,
    /// Operation.
    pub operation: Option<&'static str>,
    /// Resource, perhaps with its subresource.
    pub resource: Option<&'static str>,
    /// A part of the name.
    pub name: Option<String>,
}

impl Finds {
    /// Whether the check must notice. One identity is enough here: the suite itself tries all.
    pub fn fits(&self, check: &Check) -> bool {
        let about = check.about.as_ref();
        let is = |wanted: Option<&str>, found: Option<&str>| wanted.is_none_or(|wanted| found == Some(wanted));
        check.who.kind != Kind::ServiceAccount
            && !matches!(check.expected, Expected::Accepted)
            && is(self.family, Some(check.family))
            && is(self.group, about.map(|about| about.group))
            && is(self.rule, about.map(|about| about.rule.as_str()))
            && is(self.operation, about.map(|about| about.operation))
            && is(self.resource, about.map(|about| about.resource.as_str()))
            && self.name.as_ref().is_none_or(|part| check.name.contains(part))
    }
}

impl Hole {
    /// Opens it. Answers what was there before.
    pub async fn open(&self, admin: &Client) -> Option<Value> {
        let (version, kind, namespace, name) = &self.target;
        let collection = objects::collection_of(admin, version, kind, namespace.as_deref());
        if let Edit::Make(fields) = &self.edit {
            let mut object = fields.clone();
            object["apiVersion"] = (*version).into();
            object["kind"] = (*kind).into();
            object["metadata"]["name"] = name.as_str().into();
            if let Some(namespace) = namespace {
                object["metadata"]["namespace"] = namespace.as_str().into();
            }
            objects::create(admin, &object).await.unwrap_or_else(|error| panic!("{}: {error}", self.name));
            return None;
        }
        let found = collection.get(name).await.unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let before = serde_json::to_value(found).expect("JSON");
        let mut after = before.clone();
        match &self.edit {
            Edit::Patch(patch) => {
                let patch: Patch = serde_json::from_value(patch.clone()).expect("a JSON patch");
                json_patch::patch(&mut after, &patch)
                    .unwrap_or_else(|error| panic!("{}: {error} in {before}", self.name));
            }
            Edit::Weaken { index, from, to } => {
                let expression = &mut after["spec"]["validations"][index]["expression"];
                *expression = expression.as_str().unwrap_or_default().replace(from, to).into();
            }
            Edit::Remove | Edit::Make(_) => {
                let mut gone = before.clone();
                gone["apiVersion"] = (*version).into();
                gone["kind"] = (*kind).into();
                objects::delete(admin, &gone).await.unwrap_or_else(|error| panic!("{}: {error}", self.name));
                return Some(before);
            }
        }
        assert_ne!(before, after, "{}: nothing was changed", self.name);
        self.replace(admin, after).await;
        Some(before)
    }

    /// Writes it over whatever version there is: the controller-manager writes the status of policies all the while.
    async fn replace(&self, admin: &Client, mut object: Value) {
        let (version, kind, namespace, name) = &self.target;
        let collection = objects::collection_of(admin, version, kind, namespace.as_deref());
        eventually(SOON, &format!("{} is written", self.name), async || {
            let present = collection.get_metadata(name).await?;
            object["metadata"]["resourceVersion"] = present.metadata.resource_version.into();
            let typed: DynamicObject = serde_json::from_value(object.clone()).expect("an object");
            collection.replace(name, &PostParams::default(), &typed).await.map(drop)
        })
        .await
        .unwrap_or_else(|late| panic!("{late}"));
    }

    /// Puts back what was there.
    pub async fn close(&self, admin: &Client, before: Option<Value>) {
        let (version, kind, namespace, name) = &self.target;
        let collection = objects::collection_of(admin, version, kind, namespace.as_deref());
        let Some(mut before) = before else {
            let object = serde_json::json!({ "apiVersion": version, "kind": kind, "metadata": { "name": name, "namespace": namespace } });
            objects::delete(admin, &object).await.unwrap_or_else(|error| panic!("{}: {error}", self.name));
            return;
        };
        let present = collection.get_opt(name).await.unwrap_or_else(|error| panic!("{}: {error}", self.name));
        for field in ["resourceVersion", "uid", "creationTimestamp", "generation", "managedFields"] {
            before["metadata"].as_object_mut().map(|metadata| metadata.remove(field));
        }
        before["apiVersion"] = (*version).into();
        before["kind"] = (*kind).into();
        match present {
            Some(_) => self.replace(admin, before).await,
            None => {
                objects::create(admin, &before).await.unwrap_or_else(|error| panic!("{}: {error}", self.name));
            }
        }
    }
}
