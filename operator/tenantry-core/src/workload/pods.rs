//! The pods of a workload: restricted, as Pod Security calls it, whatever the namespace would let through. Every default of the API
//! server is spelt out.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::bindings::{BINDINGS_PATH, Bindings};
use super::draft::{Extras, First};
use super::types::{
    EnvFrom, EnvVar, File, KeyRef, NameRef, PortProtocol, Probe, Spread, Toleration, TolerationOperator, Trunk,
    WorkloadPort,
};
use crate::fields::Quantities;
use crate::meta;
use crate::quantity::Quantity;

/// Name of the volume that keeps what can be loaded again.
pub(crate) const CACHE: &str = "cache";

/// The group that a volume is given to, as no user is known: any that is not root's.
const GROUP: i64 = 65_532;

/// Everything that the pods of one workload are made from.
pub(crate) struct Pods<'a> {
    /// What the user wrote.
    pub(crate) trunk: &'a Trunk,
    /// Ports, with the default one if none is named.
    pub(crate) ports: &'a [WorkloadPort],
    /// Labels that select them.
    pub(crate) selector: &'a BTreeMap<&'static str, String>,
    /// Further labels.
    pub(crate) labels: &'a [(&'static str, String)],
    /// Their ServiceAccount.
    pub(crate) account: &'a str,
    /// Whether images are pulled each time.
    pub(crate) pulls_always: bool,
    /// What they are told of what they refer to, if they can refer to anything.
    pub(crate) bindings: Option<&'a Bindings>,
    /// What their kind puts in besides.
    pub(crate) extras: &'a Extras,
}

impl Pods<'_> {
    /// Their template.
    pub(crate) fn template(&self) -> Value {
        let mut labels: Map<String, Value> =
            self.labels.iter().map(|(key, value)| ((*key).to_owned(), value.clone().into())).collect();
        labels.extend(self.selector.iter().map(|(key, value)| ((*key).to_owned(), value.clone().into())));
        let mut template = json!({ "metadata": { "labels": labels }, "spec": self.spec() });
        if let Some(bindings) = self.bindings {
            template["metadata"]["annotations"] = json!({ meta::BINDINGS: bindings.file });
        }
        template
    }

    fn spec(&self) -> Value {
        let account = self.trunk.service_account.clone().unwrap_or_default();
        let mut spec = json!({
            "automountServiceAccountToken": account.automount_token,
            "containers": [self.container()],
            "dnsPolicy": "ClusterFirst",
            // Other Services' addresses are nobody's business who does not name them.
            "enableServiceLinks": false,
            "restartPolicy": "Always",
            "schedulerName": "default-scheduler",
            "securityContext": { "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } },
            "serviceAccount": self.account,
            "serviceAccountName": self.account,
            "terminationGracePeriodSeconds": 30,
            "volumes": self.volumes(),
        });
        if self.extras.claim.is_some() {
            spec["securityContext"]["fsGroup"] = json!(GROUP);
            spec["securityContext"]["fsGroupChangePolicy"] = json!("OnRootMismatch");
        }
        if let Some(first) = &self.extras.first {
            spec["initContainers"] = json!([self.first(first)]);
        }
        self.place(&mut spec);
        spec
    }

    /// It asks for as much as the pod has, as it runs before that needs any.
    fn first(&self, first: &First) -> Value {
        json!({
            "name": first.name,
            "image": first.image,
            "imagePullPolicy": self.pull_policy(&first.image),
            "command": first.command,
            "resources": self.resources(),
            "securityContext": security(),
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "volumeMounts": first.mounts,
        })
    }

    fn pull_policy(&self, image: &str) -> &'static str {
        if self.pulls_always || is_loose(image) { "Always" } else { "IfNotPresent" }
    }

    fn place(&self, spec: &mut Value) {
        let Some(placement) = &self.trunk.placement else { return };
        if !placement.node_selector.is_empty() {
            spec["nodeSelector"] = json!(placement.node_selector);
        }
        spec["tolerations"] = placement.tolerations.iter().map(toleration).collect();
        if let Some(affinity) = &placement.affinity {
            spec["affinity"] = json!(affinity);
        }
        if let Some(class) = &placement.runtime_class_name {
            spec["runtimeClassName"] = json!(class);
        }
        if let Some(class) = &placement.priority_class_name {
            spec["priorityClassName"] = json!(class);
        }
        let key = match placement.topology_spread {
            Spread::None => return,
            Spread::Zone => "topology.kubernetes.io/zone",
            Spread::Host => "kubernetes.io/hostname",
        };
        spec["topologySpreadConstraints"] = json!([{
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": { "matchLabels": self.selector },
        }]);
    }

    fn container(&self) -> Value {
        let trunk = self.trunk;
        let image = trunk.image.as_deref().unwrap_or_default();
        let mut container = json!({
            "name": "main",
            "image": image,
            "imagePullPolicy": self.pull_policy(image),
            "command": trunk.command,
            "args": trunk.args,
            "ports": self.ports.iter().map(port).collect::<Vec<_>>(),
            "env": self.env(),
            "envFrom": trunk.env_from.iter().map(env_from).collect::<Vec<_>>(),
            "resources": self.resources(),
            "securityContext": security(),
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "volumeMounts": self.mounts(),
        });
        if let Some(folder) = &trunk.working_dir {
            container["workingDir"] = json!(folder);
        }
        let probes = trunk.probes.clone().unwrap_or_default();
        let answers = || self.ports.iter().find(|port| port.protocol != PortProtocol::Udp).map(answers_at);
        let given = |one: &Option<Probe>| one.as_ref().map(|one| probe(one, self.ports));
        let all = [
            ("startupProbe", given(&probes.startup)),
            ("readinessProbe", given(&probes.readiness).or_else(answers)),
            ("livenessProbe", given(&probes.liveness)),
        ];
        for (field, probe) in all.into_iter().filter_map(|(field, probe)| Some((field, probe?))) {
            container[field] = probe;
        }
        container
    }

    /// Whether anything but a running process tells that a pod can be called.
    pub(crate) fn has_readiness(&self) -> bool {
        self.trunk.probes.as_ref().is_some_and(|probes| probes.readiness.is_some())
            || self.ports.iter().any(|port| port.protocol != PortProtocol::Udp)
    }

    fn env(&self) -> Vec<Value> {
        let own: Vec<&str> = self.trunk.env.iter().map(|one| one.name.as_str()).collect();
        let bound = self.bindings.iter().flat_map(|bindings| &bindings.env);
        let follows = bound.chain(&self.extras.env).filter(|one| !own.iter().any(|name| one["name"] == *name));
        // Theirs last: they may refer to ours, as in `$(OPENAI_BASE_URL)`.
        let mut env: Vec<Value> = follows.cloned().collect();
        if self.bindings.is_some() {
            env.push(json!({ "name": "TENANTRY_BINDINGS", "value": BINDINGS_PATH }));
        }
        env.extend(self.trunk.env.iter().map(variable));
        env
    }

    fn resources(&self) -> Value {
        let (requests, limits) = amounts(self.trunk);
        let mut resources = json!({});
        for (field, amounts) in [("requests", requests), ("limits", limits)] {
            if !amounts.is_empty() {
                resources[field] = json!(amounts);
            }
        }
        resources
    }

    fn volumes(&self) -> Vec<Value> {
        let mut volumes = vec![json!({ "name": "tmp", "emptyDir": {} })];
        if self.bindings.is_some() {
            let field = format!("metadata.annotations['{}']", meta::BINDINGS);
            let item = json!({ "path": "bindings.json", "fieldRef": { "apiVersion": "v1", "fieldPath": field } });
            volumes.push(json!({ "name": "bindings", "downwardAPI": { "defaultMode": 420, "items": [item] } }));
        }
        volumes.extend(self.extras.volumes.iter().map(|(volume, _)| volume.clone()));
        volumes.extend(self.trunk.files.iter().enumerate().map(|(index, file)| volume(index, file)));
        volumes
    }

    fn mounts(&self) -> Vec<Value> {
        let mut mounts = vec![json!({ "name": "tmp", "mountPath": "/tmp" })];
        if self.bindings.is_some() {
            mounts.push(json!({ "name": "bindings", "mountPath": "/etc/tenantry", "readOnly": true }));
        }
        mounts.extend(self.extras.volumes.iter().map(|(_, mount)| mount.clone()));
        mounts.extend(self.trunk.files.iter().enumerate().map(
            |(index, file)| json!({ "name": format!("files-{index}"), "mountPath": file.mount_path, "readOnly": true }),
        ));
        mounts
    }
}

/// What each pod requests and may use, accelerators included.
pub(crate) fn amounts(trunk: &Trunk) -> (Quantities, Quantities) {
    let resources = trunk.resources.clone().unwrap_or_default();
    let rounded = |amounts: Quantities| -> Quantities {
        amounts.into_iter().map(|(name, amount)| (name, amount.rounded_up())).collect()
    };
    let (mut requests, mut limits) = (rounded(resources.requests), rounded(resources.limits));
    if let Some(gpu) = &trunk.gpu
        && let Ok(count) = gpu.count.to_string().parse::<Quantity>()
    {
        requests.insert(gpu.resource_name.clone(), count);
        limits.insert(gpu.resource_name.clone(), count);
    }
    (requests, limits)
}

/// What a container may not do.
fn security() -> Value {
    json!({
        "allowPrivilegeEscalation": false,
        "capabilities": { "drop": ["ALL"] },
        "readOnlyRootFilesystem": true,
    })
}

/// Whether what the image names may be another one tomorrow, as the API server judges it.
fn is_loose(image: &str) -> bool {
    let name = image.rsplit('/').next().unwrap_or(image);
    !image.contains('@') && name.split_once(':').is_none_or(|(_, tag)| tag == "latest")
}

fn port(port: &WorkloadPort) -> Value {
    json!({ "name": port.name, "containerPort": port.port, "protocol": transport(port.protocol) })
}

/// The transport protocol.
pub(crate) fn transport(protocol: PortProtocol) -> &'static str {
    if protocol == PortProtocol::Udp { "UDP" } else { "TCP" }
}

fn variable(variable: &EnvVar) -> Value {
    let mut shown = json!({ "name": variable.name });
    let from = variable.value_from.clone().unwrap_or_default();
    if let Some(value) = variable.value.as_ref().filter(|value| !value.is_empty()) {
        shown["value"] = json!(value);
    } else if let Some(key) = &from.secret_key_ref {
        return secret_variable(&variable.name, key);
    } else if let Some(key) = &from.config_map_key_ref {
        shown["valueFrom"] = json!({ "configMapKeyRef": key });
    } else if let Some(field) = &from.field_ref {
        shown["valueFrom"] = json!({ "fieldRef": { "apiVersion": "v1", "fieldPath": field.field_path } });
    }
    shown
}

/// A variable whose value is a key of a Secret.
pub(crate) fn secret_variable(name: &str, key: &KeyRef) -> Value {
    json!({ "name": name, "valueFrom": { "secretKeyRef": key } })
}

fn env_from(from: &EnvFrom) -> Value {
    let mut shown = json!({});
    for (field, reference) in [("secretRef", &from.secret_ref), ("configMapRef", &from.config_map_ref)] {
        if let Some(reference) = reference {
            shown[field] = json!(reference);
        }
    }
    if let Some(prefix) = &from.prefix {
        shown["prefix"] = json!(prefix);
    }
    shown
}

fn volume(index: usize, file: &File) -> Value {
    let mut volume = json!({ "name": format!("files-{index}") });
    let from = |field: &str, reference: &NameRef| {
        let mut from = json!({ field: reference.name, "defaultMode": 420 });
        if let Some(optional) = reference.optional {
            from["optional"] = json!(optional);
        }
        from
    };
    if let Some(secret) = &file.secret_ref {
        volume["secret"] = from("secretName", secret);
    } else if let Some(map) = &file.config_map_ref {
        volume["configMap"] = from("name", map);
    }
    volume
}

fn toleration(toleration: &Toleration) -> Value {
    let operator = match toleration.operator {
        TolerationOperator::Equal => "Equal",
        TolerationOperator::Exists => "Exists",
    };
    let mut shown = json!(toleration);
    shown["operator"] = json!(operator);
    // The server does not show it either.
    if shown["value"] == "" {
        shown["value"] = Value::Null;
    }
    shown
}

/// It can be called when its port accepts connections.
fn answers_at(port: &WorkloadPort) -> Value {
    json!({
        "tcpSocket": { "port": port.port },
        "timeoutSeconds": 1,
        "periodSeconds": 10,
        "successThreshold": 1,
        "failureThreshold": 3,
    })
}

fn probe(probe: &Probe, ports: &[WorkloadPort]) -> Value {
    let first = ports.first().map(|port| port.port);
    let at = |port: Option<i32>| port.or(first).unwrap_or_default();
    let seconds = |span: Option<super::types::Span>, default: i32| span.map_or(default, |span| span.seconds().max(1));
    let mut shown = json!({
        "timeoutSeconds": seconds(probe.timeout, 1),
        "periodSeconds": seconds(probe.period, 10),
        "successThreshold": 1,
        "failureThreshold": probe.failure_threshold.unwrap_or(3),
    });
    if let Some(delay) = probe.initial_delay.filter(|delay| delay.seconds() > 0) {
        shown["initialDelaySeconds"] = json!(delay.seconds());
    }
    if let Some(get) = &probe.http_get {
        shown["httpGet"] = json!({ "path": get.path, "port": at(get.port), "scheme": "HTTP" });
    } else if let Some(socket) = &probe.tcp_socket {
        shown["tcpSocket"] = json!({ "port": at(socket.port) });
    } else if let Some(socket) = &probe.grpc {
        shown["grpc"] = json!({ "port": at(socket.port), "service": "" });
    } else if let Some(exec) = &probe.exec {
        shown["exec"] = json!({ "command": exec.command });
    }
    shown
}
