//! What pods may ask for. The same rules look at workloads' templates, where a refusal comes earlier and is seen by a person.
//! What Pod Security Standards refuse is not repeated here: the API server's own admission does that.

use crate::policies::rule::{CHANGE, CREATE, Exempt, Group, Rule, Target, UPDATE, WRITE};

const IMAGE_REGISTRY: Rule = Rule {
    name: "image-registry",
    expression: "{registries} == '*' || {images}.all(i, {registries}.split(',').exists(r, r != '' && i.startsWith(r)))",
    operations: WRITE,
    resources: &[],
    exempt: Exempt::Nobody,
    field: "spec.images.registries",
    allowed: "registries",
    message: "an image is not from a registry of this tenant: write it with its registry, and use one that is allowed",
};

const IMAGE_DIGEST: Rule = Rule {
    name: "image-digest",
    expression: "{digest} == 'Optional' || {images}.all(i, i.matches('@sha256:[0-9a-f]{64}$'))",
    operations: WRITE,
    resources: &[],
    exempt: Exempt::Nobody,
    field: "spec.images.requireDigest",
    allowed: "",
    message: "images must be named by digest in this environment: write name@sha256:…",
};

const PULL_POLICY: Rule = Rule {
    name: "pull-policy",
    expression: "{pull-policy} == 'Any' || ({pod}.containers.all(c, has(c.imagePullPolicy) && c.imagePullPolicy == 'Always') && (!has({pod}.initContainers) || {pod}.initContainers.all(c, has(c.imagePullPolicy) && c.imagePullPolicy == 'Always')) && (!has({pod}.ephemeralContainers) || {pod}.ephemeralContainers.all(c, has(c.imagePullPolicy) && c.imagePullPolicy == 'Always')) && (!has({pod}.volumes) || {pod}.volumes.all(v, !has(v.image) || (has(v.image.pullPolicy) && v.image.pullPolicy == 'Always'))))",
    operations: WRITE,
    resources: &[],
    exempt: Exempt::Nobody,
    field: "spec.images.pullPolicy",
    allowed: "",
    message: "every container must have imagePullPolicy: Always",
};

const PRIORITY_CLASS: Rule = Rule {
    name: "priority-class",
    expression: "!has({pod}.priorityClassName) || {pod}.priorityClassName == '' || ({priority-classes} == '*' && !{pod}.priorityClassName.startsWith('system-')) || {pod}.priorityClassName in {priority-classes}.split(',')",
    operations: WRITE,
    resources: &[],
    exempt: Exempt::Nobody,
    field: "spec.classes.priority",
    allowed: "priority-classes",
    message: "this priorityClassName is not allowed to this tenant: leave it out, or use one that is",
};

const RUNTIME_CLASS: Rule = Rule {
    name: "runtime-class",
    expression: "!has({pod}.runtimeClassName) || {pod}.runtimeClassName == '' || {runtime-classes} == '*' || {pod}.runtimeClassName in {runtime-classes}.split(',')",
    operations: WRITE,
    resources: &[],
    exempt: Exempt::Nobody,
    field: "spec.classes.runtime",
    allowed: "runtime-classes",
    message: "this runtimeClassName is not allowed to this tenant: leave it out, or use one that is",
};

const NODE_NAME: Rule = Rule {
    name: "node-name",
    expression: "!has({pod}.nodeName) || {pod}.nodeName == '' || (oldObject != null && request.resource.resource == 'pods')",
    operations: WRITE,
    resources: &[],
    exempt: Exempt::PlatformAndSystem,
    field: "",
    allowed: "",
    message: "nodeName goes past the scheduler and is not for tenants: leave it out",
};

const TOLERATIONS: Rule = Rule {
    name: "tolerations",
    expression: "!has({pod}.tolerations) || {pod}.tolerations.all(t, has(t.key) && t.key != '' && !(t.key in ['node-role.kubernetes.io/control-plane', 'node-role.kubernetes.io/master', 'node-role.kubernetes.io/etcd']))",
    operations: WRITE,
    resources: &[],
    exempt: Exempt::Nobody,
    field: "",
    allowed: "",
    message: "a toleration of control-plane taints, or of every taint, is not for tenants: name the taint, and none of the control plane",
};

const NO_NEW_PODS: Rule = Rule {
    name: "no-new-pods",
    expression: "{suspend} != 'NoNewWork' && {suspend} != 'ScaleToZero'",
    operations: CREATE,
    resources: &[],
    exempt: Exempt::Platform,
    field: "spec.suspend",
    allowed: "",
    message: "the tenant is suspended, and no pod may start meanwhile",
};

const TEMPLATE_KEYS: Rule = Rule {
    name: "template-keys",
    expression: "!has({template}.metadata) || ((!has({template}.metadata.labels) || {template}.metadata.labels.all(k, !k.startsWith('tenantry.dev/') && (k != 'app.kubernetes.io/managed-by' || {template}.metadata.labels[k] != 'tenantry'))) && (!has({template}.metadata.annotations) || {template}.metadata.annotations.all(k, !k.startsWith('tenantry.dev/'))))",
    operations: WRITE,
    resources: &[],
    exempt: Exempt::PlatformAndSystem,
    field: "",
    allowed: "",
    message: "labels and annotations under tenantry.dev/, and managed-by: tenantry, are set by Tenantry alone: take them out of the pod template",
};

const NO_NEW_WORKLOADS: Rule = Rule {
    name: "no-new-workloads",
    expression: "{suspend} != 'ScaleToZero' && ({suspend} != 'NoNewWork' || request.operation != 'CREATE')",
    operations: CHANGE,
    resources: &[],
    exempt: Exempt::PlatformAndSystem,
    field: "spec.suspend",
    allowed: "",
    message: "the tenant is suspended: no workload may be made, and while it is scaled to zero none may be changed",
};

const SCALE: Rule = Rule {
    name: "no-scaling",
    expression: "{suspend} != 'ScaleToZero' && ({suspend} != 'NoNewWork' || !has(object.spec.replicas) || (has(oldObject.spec.replicas) && object.spec.replicas <= oldObject.spec.replicas))",
    operations: UPDATE,
    resources: &[],
    exempt: Exempt::PlatformAndSystem,
    field: "spec.suspend",
    allowed: "",
    message: "the tenant is suspended: nothing may be scaled up, and while it is scaled to zero nothing at all",
};

/// Pods, ephemeral containers included.
pub const PODS: Group = Group {
    name: "pods",
    targets: &[Target { groups: &[""], resources: &["pods", "pods/ephemeralcontainers", "pods/resize"] }],
    pod: "object.spec",
    template: "",
    rules: &[
        IMAGE_REGISTRY,
        IMAGE_DIGEST,
        PULL_POLICY,
        PRIORITY_CLASS,
        RUNTIME_CLASS,
        NODE_NAME,
        TOLERATIONS,
        NO_NEW_PODS,
    ],
};

/// What makes pods of a template.
pub const WORKLOADS: Group = Group {
    name: "workloads",
    targets: &[
        Target { groups: &["apps"], resources: &["daemonsets", "deployments", "replicasets", "statefulsets"] },
        Target { groups: &["batch"], resources: &["jobs"] },
        Target { groups: &[""], resources: &["replicationcontrollers"] },
    ],
    pod: "object.spec.template.spec",
    template: "object.spec.template",
    rules: TEMPLATE_RULES,
};

/// What makes what makes pods.
pub const CRON_JOBS: Group = Group {
    name: "cron-jobs",
    targets: &[Target { groups: &["batch"], resources: &["cronjobs"] }],
    pod: "object.spec.jobTemplate.spec.template.spec",
    template: "object.spec.jobTemplate.spec.template",
    rules: TEMPLATE_RULES,
};

/// The number of a workload's pods.
pub const SCALES: Group = Group {
    name: "scales",
    targets: &[
        Target { groups: &["apps"], resources: &["deployments/scale", "replicasets/scale", "statefulsets/scale"] },
        Target { groups: &[""], resources: &["replicationcontrollers/scale"] },
    ],
    pod: "",
    template: "",
    rules: &[SCALE],
};

const TEMPLATE_RULES: &[Rule] = &[
    IMAGE_REGISTRY,
    IMAGE_DIGEST,
    PULL_POLICY,
    PRIORITY_CLASS,
    RUNTIME_CLASS,
    NODE_NAME,
    TOLERATIONS,
    TEMPLATE_KEYS,
    NO_NEW_WORKLOADS,
];
