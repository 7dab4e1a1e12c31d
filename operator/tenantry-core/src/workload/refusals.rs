//! What is refused of a workload, whatever its kind: what nothing here can honour, what contradicts itself, and what its tenant may
//! not have. A kind adds its own.

use super::draft::Workload;
use super::home::Home;
use super::scaling;
use super::types::{PortProtocol, Strategy};
use crate::conditions::Reason;
use crate::plan::{Plan, Refusal};

/// What nothing here can honour.
pub(super) fn refuse_unsupported(workload: &Workload, plan: &mut Plan) {
    let trunk = &workload.trunk;
    let mut refuse = |field: &str, message: &str| plan.refuse(Reason::Unsupported, field, message);
    if trunk.expose.is_some() && (workload.ports().is_empty() || !workload.runs) {
        refuse("spec.expose", "it listens at no port in this cluster: give it ports, or remove it");
    }
    let rollout = trunk.rollout.clone().unwrap_or_default();
    if rollout.strategy == Strategy::Canary {
        refuse("spec.rollout.strategy", "there is no Canary yet: use RollingUpdate or Recreate");
    }
    scaling::refuse(&trunk.scaling.clone().unwrap_or_default(), plan);
    if trunk.service_account.as_ref().is_some_and(|account| !account.annotations.is_empty()) {
        let text = "they can give an account rights outside the cluster, which is for admins to decide: have an admin make the ServiceAccount, and give its name";
        plan.refuse(Reason::Unsupported, "spec.serviceAccount.annotations", text);
    }
    let ports = workload.ports();
    if ports.first().is_some_and(|port| port.protocol == PortProtocol::Udp) {
        let text = "the first port is the one it is called at, which UDP has no address for: put another first";
        plan.refuse(Reason::Invalid, "spec.ports[0].protocol", text);
    }
    let taken: Vec<&str> =
        workload.extras.volumes.iter().filter_map(|(_, mount)| mount["mountPath"].as_str()).collect();
    for (index, file) in trunk.files.iter().enumerate() {
        if taken.contains(&file.mount_path.as_str()) {
            let text = format!("{} is taken by what its kind puts there: choose another folder", file.mount_path);
            plan.refuse(Reason::Invalid, format!("spec.files[{index}].mountPath"), text);
        }
    }
    let without_port = workload.runs && ports.is_empty();
    let probes = trunk.probes.clone().unwrap_or_default();
    for (name, probe) in [("startup", probes.startup), ("readiness", probes.readiness), ("liveness", probes.liveness)] {
        let Some(probe) = probe.filter(|_| without_port) else { continue };
        let port = probe.http_get.and_then(|get| get.port);
        let port =
            port.or(probe.tcp_socket.and_then(|socket| socket.port)).or(probe.grpc.and_then(|socket| socket.port));
        if probe.exec.is_none() && port.is_none() {
            let text = "names no port, and the workload has none: name one, or list the ports";
            plan.refuse(Reason::Invalid, format!("spec.probes.{name}"), text);
        }
    }
}

/// What a version says of its own scaling goes by the same rules.
pub(super) fn refuse_scaling_of_version(version: &Workload, plan: &mut Plan) {
    let mut own = Plan::default();
    scaling::refuse(&version.trunk.scaling.clone().unwrap_or_default(), &mut own);
    let place = format!("spec.versions[{}].scaling", version.extras.version.as_deref().unwrap_or_default());
    for Refusal { reason, field, message } in own.refusals {
        plan.refuse(reason, field.replacen("spec.scaling", &place, 1), message);
    }
}

/// Volumes of classes that the tenant may not have: the operator's own writes are not refused by the admission policies.
pub(super) fn refuse_storage(workload: &Workload, home: &Home, plan: &mut Plan) {
    let Some(claim) = workload.extras.claim.as_ref().filter(|claim| !home.allows_storage(claim.class.as_deref()))
    else {
        return;
    };
    let message = match &claim.class {
        Some(class) => {
            format!("{class} is not among spec.classes.storage of Tenant {}: name one that is", home.place.tenant)
        }
        None => format!("is needed, as Tenant {} may have volumes of some classes only: name one", home.place.tenant),
    };
    plan.refuse(Reason::Invalid, "spec.cache.storageClassName", message);
}
