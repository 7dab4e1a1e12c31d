//! Listeners of the tenant's own in Gateways that are others'. They are found by their names, wherever they are: what is not wanted goes,
//! whether or not the platform still names the Gateway, and whether or not that one still consents.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::conditions::Reason;
use crate::kinds::tenantry_platform::types::{GatewayProfile, GatewayRef};
use crate::meta;
use crate::object::ObjectKey;
use crate::plan::Plan;
use crate::resources::{NAMESPACE, THEIR_GATEWAY, is_served};
use crate::routing::{MOST_LISTENERS, entries, no_consent};
use crate::world::{Lookup, Scope, World};

/// What is wanted, by the `namespace/name` of the Gateway.
#[derive(Debug, Default)]
pub(super) struct Wanted<'a>(BTreeMap<String, Entries<'a>>);

#[derive(Debug)]
struct Entries<'a> {
    /// The first profile that wants any.
    profile: &'a GatewayProfile,
    listeners: Vec<Value>,
}

impl<'a> Wanted<'a> {
    /// Wants these besides. Of what several profiles listen for at the same port the first one's is made.
    pub(super) fn add(&mut self, profile: &'a GatewayProfile, gateway: &GatewayRef, listeners: Vec<Value>) {
        let name = format!("{}/{}", gateway.namespace, gateway.name);
        let entries = self.0.entry(name).or_insert_with(|| Entries { profile, listeners: Vec::new() });
        let known = |all: &[Value], one: &Value| all.iter().any(|other| other["name"] == one["name"]);
        let new: Vec<Value> = listeners.into_iter().filter(|one| !known(&entries.listeners, one)).collect();
        entries.listeners.extend(new);
    }

    /// Whether nothing is wanted anywhere.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Brings every Gateway to what is wanted in it. An error says what is not known; then nothing is touched.
pub(super) fn settle(tenant: &str, wanted: &Wanted, world: &World, plan: &mut Plan) -> Result<(), &'static str> {
    let unknown = "it is not known yet which Gateways have listeners of the tenant";
    match is_served(&THEIR_GATEWAY, world) {
        Some(true) => {}
        // Routes that would need them say so.
        Some(false) => return Ok(()),
        None => return Err(unknown),
    }
    let mut found: BTreeMap<String, Arc<Value>> = BTreeMap::new();
    for filed in wanted.0.keys().cloned().chain([entries::filed_for(tenant)]) {
        match world.list(&THEIR_GATEWAY, Scope::Indexed(filed)) {
            Lookup::Found(gateways) => {
                found.extend(gateways.into_iter().map(|gateway| (name_of(&gateway), gateway)));
            }
            Lookup::Missing => {}
            Lookup::NotSynced => return Err(unknown),
        }
    }
    let mut theirs = BTreeMap::new();
    for (name, gateway) in found {
        match is_tenants(&gateway, world) {
            Some(false) => _ = theirs.insert(name, gateway),
            // Whatever its listeners are called, a tenant's Gateway is no platform's.
            Some(true) => {}
            None => return Err(unknown),
        }
    }
    for (name, entries) in wanted.0.iter().filter(|(name, _)| !theirs.contains_key(*name)) {
        let text = format!(
            "there is no Gateway {name} outside the tenants' namespaces: have it made, or profile {} of the platform mended",
            entries.profile.name
        );
        plan.wait(Reason::GatewayNotReady, text);
    }
    for (name, gateway) in theirs {
        bring_to(tenant, &name, gateway, wanted.0.get(&name), plan);
    }
    Ok(())
}

/// Takes all of them away, before the tenant is let go.
pub(super) fn withdraw(tenant: &str, world: &World, plan: &mut Plan) {
    let waits = plan.waits.len();
    if let Err(what) = settle(tenant, &Wanted::default(), world, plan) {
        plan.wait(Reason::Pending, what);
    }
    plan.release &= plan.waits.len() == waits;
}

/// Brings one Gateway to what is wanted in it.
fn bring_to(tenant: &str, name: &str, gateway: Arc<Value>, wanted: Option<&Entries>, plan: &mut Plan) {
    let before = entries::listeners(&gateway);
    let mut listeners: Vec<Value> = Vec::new();
    if let Some(Entries { profile, listeners: all }) = wanted {
        if gateway["consents"] == true {
            listeners = possible(tenant, name, before, all, plan);
        } else {
            plan.wait(Reason::GatewayNotReady, no_consent(name, profile));
        }
    }
    let after = entries::with(before, tenant, &listeners);
    if after.is_empty() {
        // The API has no Gateway without any.
        let text = format!(
            "Gateway {name} has no listener but the tenant's, which cannot be removed: have its owner add one, or delete the Gateway"
        );
        plan.wait(Reason::GatewayNotReady, text);
    } else if after != before {
        let key = key_of(&gateway);
        plan.adjust_by_its_leave(key, gateway, json!({ "spec": { "listeners": after } }));
    }
}

/// Those of the wanted listeners that the Gateway can have beside what others have in it. Refuses the rest.
fn possible(tenant: &str, name: &str, before: &[Value], wanted: &[Value], plan: &mut Plan) -> Vec<Value> {
    let others: Vec<&Value> = before.iter().filter(|one| entries::tenant_of(one) != Some(tenant)).collect();
    let mut possible = Vec::new();
    for listener in wanted {
        let Some(rival) = entries::rival(listener, others.iter().copied()) else {
            possible.push(listener.clone());
            continue;
        };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let field = format!("spec.hostnames[{}]", text(&listener["hostname"]));
        let text = format!(
            "Gateway {name} cannot listen for {} at port {} for this tenant beside its listener {}: have that one removed, or another port chosen in the platform's profile",
            text(&listener["protocol"]),
            listener["port"],
            text(&rival["name"])
        );
        plan.refuse(Reason::Conflicted, field, text);
    }
    let count = others.len() + possible.len();
    if count > MOST_LISTENERS {
        let text = format!(
            "{count} listeners would be needed in Gateway {name}, {} of them others', and it holds {MOST_LISTENERS}: name fewer hostnames, such as one with *. for all beneath, or have another Gateway named for the stage",
            others.len()
        );
        plan.refuse(Reason::Invalid, "spec.hostnames", text);
        // Those that are there already stay.
        possible.retain(|listener| before.iter().any(|one| one["name"] == listener["name"]));
    }
    possible
}

/// Whether a Gateway is in a tenant's namespace; none while that is not known.
fn is_tenants(gateway: &Value, world: &World) -> Option<bool> {
    let namespace = gateway["namespace"].as_str().unwrap_or_default();
    match world.get(&ObjectKey::cluster(&NAMESPACE, namespace)) {
        Lookup::Found(facts) => Some(!facts["metadata"]["labels"][meta::TENANT].is_null()),
        Lookup::Missing => Some(true),
        Lookup::NotSynced => None,
    }
}

fn name_of(gateway: &Value) -> String {
    let key = key_of(gateway);
    format!("{}/{}", key.namespace, key.name)
}

fn key_of(gateway: &Value) -> ObjectKey {
    let text = |field: &str| gateway[field].as_str().unwrap_or_default();
    ObjectKey::namespaced(&THEIR_GATEWAY, text("namespace"), text("name"))
}
