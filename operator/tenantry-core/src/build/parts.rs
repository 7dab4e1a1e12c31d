//! What all objects of one workload have in common.

use std::collections::BTreeMap;

use crate::names::Place;
use crate::object::{Desired, ObjectKey};
use crate::resources::Resource;

/// One workload: where its objects go, and how they are named and labelled.
#[derive(Debug, Clone)]
pub struct Parts {
    /// Where it is.
    pub place: Place,
    /// Name of its objects.
    pub name: String,
    /// Name of its custom resource.
    pub instance: String,
    /// What it is, such as `agent`.
    pub role: &'static str,
    /// Labels that select its pods.
    pub selector: BTreeMap<&'static str, String>,
}

impl Parts {
    /// One of its objects, with its labels.
    pub(super) fn object(&self, resource: &'static Resource) -> Desired {
        self.labelled(Desired::new(ObjectKey::namespaced(resource, &self.place.namespace, self.name.clone())))
    }

    /// The same of an object with a name of its own.
    pub(super) fn labelled(&self, object: Desired) -> Desired {
        self.labels()
            .iter()
            .map(|(key, value)| (*key, value.as_str()))
            .chain(self.selector.iter().map(|(key, value)| (*key, value.as_str())))
            .fold(object, |object, (key, value)| object.label(key, value))
    }

    /// Labels besides those that select its pods.
    pub fn labels(&self) -> Vec<(&'static str, String)> {
        let mut labels = vec![
            ("app.kubernetes.io/name", self.instance.clone()),
            ("app.kubernetes.io/instance", self.name.clone()),
            ("app.kubernetes.io/component", self.role.to_owned()),
        ];
        labels.extend(self.place.labels().map(|(key, value)| (key, value.to_owned())));
        labels
    }
}
