//! The three ClusterRoles that tenants' members are bound to, as data: explicit verbs, no wildcard, no aggregation.
//! They never allow to change what bounds a tenant: quotas, limits, namespaces, endpoint slices, nor to escalate, bind or
//! impersonate. What they allow to write, admission policies keep within the tenant (`policies/`).

use crate::policies::rules::GATEWAY_API;

/// Look at something.
const READ: &[&str] = &["get", "list", "watch"];
/// Look at it and change it.
const WRITE: &[&str] = &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/// One ClusterRole.
#[derive(Debug, Clone, Copy)]
pub struct RoleDefinition {
    /// Its name, such as `tenantry:admin`.
    pub name: &'static str,
    /// What it is for, in a sentence.
    pub about: &'static str,
    /// Its rules; those of a smaller role are repeated, not referred to.
    pub rules: &'static [&'static [Grant]],
}

/// One rule.
#[derive(Debug, Clone, Copy)]
pub struct Grant {
    /// API group, empty for core.
    pub group: &'static str,
    /// Resources and subresources.
    pub resources: &'static [&'static str],
    /// Verbs.
    pub verbs: &'static [&'static str],
}

/// What all members may look at.
const LOOK: &[Grant] = &[
    Grant {
        group: "",
        resources: &[
            "configmaps",
            "endpoints",
            "events",
            "limitranges",
            "persistentvolumeclaims",
            "pods",
            "pods/log",
            "pods/status",
            "replicationcontrollers",
            "resourcequotas",
            "serviceaccounts",
            "services",
        ],
        verbs: READ,
    },
    Grant {
        group: "apps",
        resources: &["controllerrevisions", "daemonsets", "deployments", "replicasets", "statefulsets"],
        verbs: READ,
    },
    Grant { group: "batch", resources: &["cronjobs", "jobs"], verbs: READ },
    Grant { group: "autoscaling", resources: &["horizontalpodautoscalers"], verbs: READ },
    Grant { group: "autoscaling.k8s.io", resources: &["verticalpodautoscalers"], verbs: READ },
    Grant { group: "keda.sh", resources: &["scaledobjects"], verbs: READ },
    Grant { group: "policy", resources: &["poddisruptionbudgets"], verbs: READ },
    Grant { group: "networking.k8s.io", resources: &["ingresses", "networkpolicies"], verbs: READ },
    Grant { group: GATEWAY, resources: GATEWAY_API, verbs: READ },
    Grant { group: GATEWAY, resources: BESIDES, verbs: READ },
    Grant { group: "snapshot.storage.k8s.io", resources: &["volumesnapshots"], verbs: READ },
    Grant { group: "discovery.k8s.io", resources: &["endpointslices"], verbs: READ },
    Grant { group: "events.k8s.io", resources: &["events"], verbs: READ },
    Grant { group: "rbac.authorization.k8s.io", resources: &["rolebindings", "roles"], verbs: READ },
    Grant { group: "tenantry.dev", resources: &["tenantviews"], verbs: READ },
    Grant { group: "tenantry.dev", resources: OURS, verbs: READ },
    Grant { group: "metrics.k8s.io", resources: &["pods"], verbs: &["get", "list"] },
];

/// What those who build and run workloads may change.
const WORK: &[Grant] = &[
    Grant {
        group: "",
        resources: &["configmaps", "persistentvolumeclaims", "pods", "secrets", "services"],
        verbs: WRITE,
    },
    Grant { group: "", resources: &["pods/attach", "pods/exec", "pods/portforward"], verbs: &["create", "get"] },
    Grant { group: "", resources: &["pods/eviction"], verbs: &["create"] },
    Grant { group: "", resources: &["pods/ephemeralcontainers"], verbs: &["get", "patch", "update"] },
    Grant { group: "apps", resources: &["daemonsets", "deployments", "replicasets", "statefulsets"], verbs: WRITE },
    Grant {
        group: "apps",
        resources: &["deployments/scale", "replicasets/scale", "statefulsets/scale"],
        verbs: &["get", "patch", "update"],
    },
    Grant { group: "batch", resources: &["cronjobs", "jobs"], verbs: WRITE },
    Grant { group: "autoscaling", resources: &["horizontalpodautoscalers"], verbs: WRITE },
    Grant { group: "policy", resources: &["poddisruptionbudgets"], verbs: WRITE },
    Grant { group: "networking.k8s.io", resources: &["ingresses", "networkpolicies"], verbs: WRITE },
    Grant { group: GATEWAY, resources: GATEWAY_API, verbs: WRITE },
    Grant { group: GATEWAY, resources: BESIDES, verbs: WRITE },
    Grant { group: "snapshot.storage.k8s.io", resources: &["volumesnapshots"], verbs: WRITE },
    Grant { group: "tenantry.dev", resources: OURS, verbs: WRITE },
    Grant {
        group: "tenantry.dev",
        resources: &["agents/scale", "applications/scale", "mcpservers/scale", "modeldeployments/scale"],
        verbs: &["get", "patch", "update"],
    },
];

/// Workloads of ours, their routes, and what teams let each other call.
const OURS: &[&str] = &["agents", "applications", "mcpservers", "modeldeployments", "servicegrants", "serviceroutes"];

/// Where routes and gateways of a tenant's own are. Rights on kinds that are not there harm nobody.
const GATEWAY: &str = "gateway.networking.k8s.io";
/// What belongs to them and brings nothing in.
const BESIDES: &[&str] = &["backendtlspolicies"];

/// What only admins may change: the identities of programs, and their rights. A policy keeps people out of the bindings that
/// tenants make: what a member gave to others, or to himself under another name, would outlive his membership (ADR 10).
const RULE: &[Grant] = &[
    Grant { group: "rbac.authorization.k8s.io", resources: &["rolebindings", "roles"], verbs: WRITE },
    Grant { group: "", resources: &["serviceaccounts"], verbs: WRITE },
    Grant { group: "", resources: &["serviceaccounts/token"], verbs: &["create"] },
];

/// The roles, smallest first.
pub const ROLES: &[RoleDefinition] = &[
    RoleDefinition {
        name: "tenantry:viewer",
        about: "Look at everything in a tenant's namespace but secrets.",
        rules: &[LOOK],
    },
    RoleDefinition {
        name: "tenantry:developer",
        about: "Build and run workloads in a tenant's namespace, secrets included.",
        rules: &[LOOK, WORK],
    },
    RoleDefinition {
        name: "tenantry:admin",
        about: "All a tenant may do in its namespace, including ServiceAccounts, their tokens and their rights.",
        rules: &[LOOK, WORK, RULE],
    },
];

impl RoleDefinition {
    /// Its rules in order.
    pub fn grants(&self) -> impl Iterator<Item = &'static Grant> {
        self.rules.iter().copied().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::BINDABLE_ROLES;

    #[test]
    fn no_role_can_loosen_what_holds_it() {
        let bounds = [
            "resourcequotas",
            "limitranges",
            "endpointslices",
            "endpoints",
            "namespaces",
            "persistentvolumes",
            "tenantviews",
        ];
        for role in ROLES {
            for grant in role.grants() {
                assert!(!grant.resources.iter().chain(grant.verbs).any(|word| word.contains('*')), "{}", role.name);
                assert!(!grant.verbs.iter().any(|verb| ["escalate", "bind", "impersonate"].contains(verb)));
                let touches = grant.resources.iter().any(|resource| bounds.contains(resource));
                assert!(!touches || grant.verbs == READ, "{} changes {:?}", role.name, grant.resources);
            }
        }
    }

    #[test]
    fn viewers_see_no_secrets_and_the_names_are_those_we_bind() {
        assert!(
            !ROLES[0].grants().any(|grant| grant.resources.contains(&"secrets") || grant.verbs.contains(&"create"))
        );
        let mut names: Vec<_> = ROLES.iter().map(|role| role.name).collect();
        names.sort_unstable();
        assert_eq!(names, BINDABLE_ROLES);
    }
}
