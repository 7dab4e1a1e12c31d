//! The gate of a contract that says more than who may call what: what it is made from, and what it is told.

use serde_json::Value;

use super::plan::{Draft, End, Takers};
use super::types::ServiceGrantSpec;
use crate::build::{Gate, GrantedPods, build_gate, build_gate_ways};
use crate::conditions::Reason;
use crate::grants::gate::{ROLE, deployment, is_at_one_path};
use crate::kinds::service_route::types::{Backend, Limited, Per, RateLimit};
use crate::object::ObjectKey;
use crate::plan::Undecided;
use crate::resources::{MANAGED_DEPLOYMENT, MCP_SERVER, SERVICE, SERVICE_ACCOUNT, SERVICE_GRANT};
use crate::routing::Served;
use crate::workload::{service_of_ours, sort};

impl End<'_> {
    /// Wants the gate, as somebody comes through it.
    pub(super) fn want_gate(
        &self,
        spec: &ServiceGrantSpec,
        provider: &Backend,
        (image, served, pods): (String, &Served, &GrantedPods),
        takers: &Takers,
        draft: &mut Draft,
    ) {
        let place = &self.home.place;
        if !self.is_quarantined() {
            let ways = build_gate_ways(place, self.name, pods, &takers.namespaces, &takers.workloads);
            for way in ways {
                draft.plan.want(way);
            }
        }
        self.look_at_gate(self.namespace, self.name, draft);
        if self.home.stands_still() {
            return self.leave_gate(draft);
        }
        let gate = Gate {
            place,
            grant: self.name,
            image,
            pulls_always: self.home.pulls_always,
            replicas: i32::from(!self.home.has_no_pods()),
            rules: self.rules(spec, provider, served),
        };
        for part in build_gate(&gate) {
            draft.plan.want(part);
        }
    }

    /// Leaves the gate as it is, but for its ways.
    pub(super) fn leave_gate(&self, draft: &mut Draft) {
        let kinds = [&SERVICE_ACCOUNT, &SERVICE, &MANAGED_DEPLOYMENT];
        draft.plan.undecided.extend(kinds.map(|kind| Undecided::Kind(kind, self.namespace.to_owned())));
    }

    /// Whether the gate of a grant is available.
    pub(super) fn look_at_gate(&self, namespace: &str, grant: &str, draft: &mut Draft) {
        let seen = service_of_ours(&deployment(namespace, grant), SERVICE_GRANT.kind, grant, self.world);
        draft.gate = Some((seen.0, seen.1, format!("its {ROLE}: {}", seen.2)));
    }

    fn rules(&self, spec: &ServiceGrantSpec, provider: &Backend, served: &Served) -> Vec<String> {
        let mut rules = vec![format!("--upstream={}.{}.svc:{}", served.service, self.namespace, served.port)];
        if let Some(cr) = self.server(provider).filter(|cr| is_at_one_path(Some(provider), cr)) {
            rules.push(format!("--path={}", sort::MCP_SERVER.path_of(Some(&cr))));
        }
        rules.extend(spec.methods.iter().map(|method| format!("--method={method}")));
        rules.extend(spec.tools.iter().map(|tool| format!("--tool={tool}")));
        if let Some(RateLimit { requests, per, by }) = &spec.rate_limit {
            let seconds = match per {
                Per::Second => 1,
                Per::Minute => 60,
                Per::Hour => 3600,
            };
            rules.extend([format!("--requests={requests}"), format!("--per={seconds}")]);
            if *by == Limited::Client {
                rules.push("--by-client".to_owned());
            }
        }
        rules
    }

    fn server(&self, provider: &Backend) -> Option<std::sync::Arc<Value>> {
        let name = provider.mcp_server_ref.as_ref()?.name.as_str();
        self.world.get(&ObjectKey::namespaced(&MCP_SERVER, self.namespace, name)).found()
    }

    /// Tells of tools that are granted and that the server is known not to have. They are let through as soon as it has them.
    pub(super) fn note_missing_tools(&self, spec: &ServiceGrantSpec, provider: &Backend, draft: &mut Draft) {
        let Some(server) = self.server(provider) else { return };
        let known: Vec<&Value> =
            server["status"]["tools"].as_array().into_iter().flatten().map(|tool| &tool["name"]).collect();
        // Of a long list the status tells the beginning only, and of a server that was not asked nothing.
        if known.is_empty() || server["status"]["toolCount"].as_u64() != u64::try_from(known.len()).ok() {
            return;
        }
        for tool in spec.tools.iter().filter(|tool| !known.iter().any(|one| *one == tool.as_str())) {
            let name = server["metadata"]["name"].as_str().unwrap_or_default();
            let text =
                format!("spec.tools: McpServer {name} has no tool {tool}: name one of its status.tools, or remove it");
            draft.plan.wait(Reason::RefNotFound, text);
        }
    }
}
