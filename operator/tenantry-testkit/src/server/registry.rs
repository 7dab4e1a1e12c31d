//! Which kinds are served, and how each behaves: built in ones, and those of CustomResourceDefinitions. It holds no objects.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::compiled::Compiled;
use super::schema::{Node, built_in};

/// One kind in one version, as served.
#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent fact about a kind")]
pub struct Resource {
    /// API group, empty for the core group.
    pub group: String,
    /// Version, for example `v1`.
    pub version: String,
    /// Kind, for example `Namespace`.
    pub kind: String,
    /// Plural name in paths.
    pub plural: String,
    /// Whether objects live in namespaces.
    pub namespaced: bool,
    /// Whether `/status` is served.
    pub has_status: bool,
    /// Whether `metadata.generation` is kept.
    pub has_generation: bool,
    /// Whether it comes from a CustomResourceDefinition.
    pub is_custom: bool,
    /// Whether PUT must name the resourceVersion it replaces.
    pub needs_version: bool,
    /// Whether PUT creates what is absent.
    pub creates_on_update: bool,
    /// Whether DELETE answers with the object instead of a Status.
    pub returns_deleted: bool,
    /// What is evaluated on every write, compiled once.
    pub compiled: Arc<Compiled>,
    schema: Arc<Value>,
}

impl Resource {
    /// `v1` or `group/version`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// The root of its schema.
    pub fn node(&self) -> Node<'_> {
        Node::new(&self.schema, &built_in()["definitions"])
    }

    /// The storage identity: what all versions share.
    pub fn stored_as(&self) -> (String, String) {
        (self.group.clone(), self.plural.clone())
    }
}

/// `group|version|kind|plural|flags`; flags: n namespaced, s status, g generation, u create on update, d returns
/// what was deleted, v needs a resourceVersion in PUT.
const BUILT_IN_KINDS: &[&str] = &[
    "|v1|Namespace|namespaces|sd",
    "|v1|ResourceQuota|resourcequotas|nsd",
    "|v1|LimitRange|limitranges|nu",
    "|v1|ServiceAccount|serviceaccounts|nd",
    "|v1|Secret|secrets|n",
    "|v1|ConfigMap|configmaps|n",
    "|v1|Service|services|nsud",
    "|v1|Pod|pods|nsgd",
    "|v1|Event|events|nu",
    "|v1|PersistentVolumeClaim|persistentvolumeclaims|nsd",
    "|v1|Node|nodes|s",
    "|v1|Endpoints|endpoints|nu",
    "events.k8s.io|v1|Event|events|nu",
    "networking.k8s.io|v1|NetworkPolicy|networkpolicies|ng",
    "coordination.k8s.io|v1|Lease|leases|nuv",
    "rbac.authorization.k8s.io|v1|Role|roles|nu",
    "rbac.authorization.k8s.io|v1|RoleBinding|rolebindings|nu",
    "rbac.authorization.k8s.io|v1|ClusterRole|clusterroles|u",
    "rbac.authorization.k8s.io|v1|ClusterRoleBinding|clusterrolebindings|u",
    "apps|v1|Deployment|deployments|nsg",
    "apps|v1|ReplicaSet|replicasets|nsg",
    "apps|v1|StatefulSet|statefulsets|nsg",
    "apps|v1|DaemonSet|daemonsets|nsg",
    "policy|v1|PodDisruptionBudget|poddisruptionbudgets|nsgv",
    "autoscaling|v2|HorizontalPodAutoscaler|horizontalpodautoscalers|ns",
    "discovery.k8s.io|v1|EndpointSlice|endpointslices|ng",
    "batch|v1|CronJob|cronjobs|nsg",
    "batch|v1|Job|jobs|nsg",
    "|v1|ReplicationController|replicationcontrollers|nsg",
    "storage.k8s.io|v1|StorageClass|storageclasses|d",
    "scheduling.k8s.io|v1|PriorityClass|priorityclasses|",
    "apiextensions.k8s.io|v1|CustomResourceDefinition|customresourcedefinitions|sgv",
    "apiregistration.k8s.io|v1|APIService|apiservices|sv",
    "admissionregistration.k8s.io|v1|ValidatingAdmissionPolicy|validatingadmissionpolicies|sgv",
    "admissionregistration.k8s.io|v1|ValidatingAdmissionPolicyBinding|validatingadmissionpolicybindings|gv",
];

/// Everything served, by group and plural, then version.
#[derive(Clone, Default)]
pub struct Registry {
    resources: BTreeMap<(String, String), BTreeMap<String, Arc<Resource>>>,
}

impl Registry {
    /// The kinds of a bare cluster.
    pub fn built_in() -> Self {
        let mut registry = Self::default();
        for line in BUILT_IN_KINDS {
            if let [group, version, kind, plural, flags] = line.split('|').collect::<Vec<_>>()[..] {
                let document = built_in();
                let root = document["roots"][format!("{group}/{version}/{kind}")].clone();
                registry.add(Resource {
                    group: group.to_owned(),
                    version: version.to_owned(),
                    kind: kind.to_owned(),
                    plural: plural.to_owned(),
                    namespaced: flags.contains('n'),
                    has_status: flags.contains('s'),
                    has_generation: flags.contains('g'),
                    is_custom: false,
                    needs_version: flags.contains('v'),
                    creates_on_update: flags.contains('u'),
                    returns_deleted: flags.contains('d'),
                    compiled: Arc::default(),
                    schema: Arc::new(json!({"$ref": root})),
                });
            }
        }
        registry
    }

    fn add(&mut self, resource: Resource) {
        self.resources.entry(resource.stored_as()).or_default().insert(resource.version.clone(), Arc::new(resource));
    }

    /// Serve every served version of a CustomResourceDefinition.
    pub fn serve(&mut self, definition: &Value) {
        let spec = &definition["spec"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        self.withdraw(&text(&spec["group"]), &text(&spec["names"]["plural"]));
        for version in spec["versions"].as_array().into_iter().flatten() {
            if version["served"] != json!(true) {
                continue;
            }
            let mut schema = version["schema"]["openAPIV3Schema"].clone();
            if schema.is_object() {
                schema["properties"]["apiVersion"] = json!({"type": "string"});
                schema["properties"]["kind"] = json!({"type": "string"});
                schema["properties"]["metadata"] =
                    json!({"$ref": "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta", "type": "object"});
            }
            self.add(Resource {
                group: text(&spec["group"]),
                version: text(&version["name"]),
                kind: text(&spec["names"]["kind"]),
                plural: text(&spec["names"]["plural"]),
                namespaced: spec["scope"] == "Namespaced",
                has_status: version["subresources"]["status"].is_object(),
                has_generation: true,
                is_custom: true,
                needs_version: true,
                creates_on_update: false,
                returns_deleted: false,
                compiled: Arc::new(Compiled::new(&schema)),
                schema: Arc::new(schema),
            });
        }
    }

    /// Stop serving a kind.
    pub fn withdraw(&mut self, group: &str, plural: &str) {
        self.resources.remove(&(group.to_owned(), plural.to_owned()));
    }

    /// A kind at a path.
    pub fn find(&self, group: &str, version: &str, plural: &str) -> Option<Arc<Resource>> {
        self.resources.get(&(group.to_owned(), plural.to_owned()))?.get(version).cloned()
    }

    /// Any version of a stored kind.
    pub fn any_version(&self, group: &str, plural: &str) -> Option<Arc<Resource>> {
        self.resources.get(&(group.to_owned(), plural.to_owned()))?.values().next().cloned()
    }

    /// A kind by `apiVersion` and `kind`, as owner references name it.
    pub fn by_kind(&self, api_version: &str, kind: &str) -> Option<Arc<Resource>> {
        self.all().find(|resource| resource.kind == kind && resource.api_version() == api_version)
    }

    /// Every kind in every version, in order.
    pub fn all(&self) -> impl Iterator<Item = Arc<Resource>> + '_ {
        self.resources.values().flat_map(|versions| versions.values().cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_kind_has_a_schema() {
        let registry = Registry::built_in();
        assert_eq!(registry.all().count(), BUILT_IN_KINDS.len());
        for resource in registry.all() {
            assert!(resource.node().declares("metadata"), "{}", resource.kind);
        }
    }

    #[test]
    fn serves_and_withdraws_custom_kinds() {
        let mut registry = Registry::built_in();
        registry.serve(&json!({"spec": {
            "group": "g.example", "scope": "Cluster", "names": {"plural": "things", "kind": "Thing"},
            "versions": [{"name": "v1", "served": true, "schema": {"openAPIV3Schema": {"type": "object"}}}],
        }}));
        let thing = registry.by_kind("g.example/v1", "Thing").unwrap();
        assert!(thing.is_custom && !thing.namespaced && !thing.has_status);
        registry.withdraw("g.example", "things");
        assert!(registry.find("g.example", "v1", "things").is_none());
    }
}
