//! Reads what plans need of a real cluster: one list for each kind that is named in `ACCESS`, those that are watched on demand
//! only when a plan asks for them. Never writes, never watches.

use std::collections::BTreeSet;

use kube::api::{Api, DynamicObject, ListParams, PartialObjectMeta};
use kube::core::{ApiResource, GroupVersionKind};
use tenantry_core::access;
use tenantry_core::kind::Registration;
use tenantry_core::meta::{MANAGED_BY, MANAGER};
use tenantry_core::object::ObjectKey;
use tenantry_core::resources::{Resource, TENANTRY_PLATFORM, Watch};

use super::snapshot::Snapshot;
use crate::connect::{ConnectError, Connection};

/// Objects asked for at a time.
const PAGE: u32 = 500;

/// The cluster as it is now; `notes` tell a reader what is missing from that picture. `demand` tells what plans over a first
/// picture ask for besides, and in which namespaces.
pub(super) async fn read(
    connection: &Connection,
    kinds: &'static [Registration],
    demand: impl FnOnce(&Snapshot) -> BTreeSet<(&'static Resource, String)>,
    notes: &mut Vec<String>,
) -> Result<Snapshot, ConnectError> {
    let mut snapshot = Snapshot::default();
    let always = access::watched(kinds).into_iter().filter(|resource| !resource.watch.is_on_demand());
    add(connection, always.map(|resource| (resource, String::new())), &mut snapshot, notes).await?;
    add_originals(connection, kinds, &mut snapshot).await?;
    let demanded = demand(&snapshot);
    add(connection, demanded, &mut snapshot, notes).await?;
    Ok(snapshot)
}

/// Adds what there is of these kinds, each in one namespace or, if that is empty, in all.
async fn add(
    connection: &Connection,
    places: impl IntoIterator<Item = (&'static Resource, String)>,
    snapshot: &mut Snapshot,
    notes: &mut Vec<String>,
) -> Result<(), ConnectError> {
    for (resource, namespace) in places {
        match list(connection, resource, &namespace).await {
            Ok(objects) => {
                for object in objects {
                    snapshot.record(resource, serde_json::to_value(object).unwrap_or_default());
                }
            }
            // Not served: there are none. So it is with our own kinds before `tenantry install`.
            Err(kube::Error::Api(status)) if status.code == 404 => {
                notes.push(format!("the cluster does not serve {} ({})", resource.plural, resource.api_version()));
            }
            Err(kube::Error::Api(status)) if status.code == 403 => snapshot.set_unknown(resource),
            Err(error) => return Err(connection.explain(format!("list {}", resource.plural), &error)),
        }
    }
    Ok(())
}

/// What copies are made of, as far as plans may know it.
async fn add_originals(
    connection: &Connection,
    kinds: &[Registration],
    snapshot: &mut Snapshot,
) -> Result<(), ConnectError> {
    for (resource, namespace) in asked(kinds, snapshot) {
        match list_metadata(connection, resource, &namespace).await {
            Ok(objects) => {
                for object in objects {
                    snapshot.record(resource, serde_json::to_value(object).unwrap_or_default());
                }
            }
            Err(kube::Error::Api(status)) if matches!(status.code, 403 | 404) => snapshot.set_unknown(resource),
            Err(error) => return Err(connection.explain(format!("list {}", resource.plural), &error)),
        }
    }
    Ok(())
}

/// Where originals of copies may be, by what the cluster's TenantryPlatform says.
fn asked(kinds: &[Registration], snapshot: &Snapshot) -> Vec<(&'static Resource, String)> {
    let platform = snapshot.object(&ObjectKey::cluster(&TENANTRY_PLATFORM, "default"));
    let namespaces = platform.and_then(|platform| platform["spec"]["replicateFrom"].as_array()).into_iter().flatten();
    let namespaces: Vec<&str> = namespaces.filter_map(|namespace| namespace.as_str()).collect();
    let resources = access::used(kinds).into_iter().filter(|resource| resource.watch == Watch::Asked);
    resources.flat_map(|resource| namespaces.iter().map(move |namespace| (resource, (*namespace).to_owned()))).collect()
}

/// Metadata alone: a plan has no use for what originals hold.
async fn list_metadata(
    connection: &Connection,
    resource: &Resource,
    namespace: &str,
) -> Result<Vec<PartialObjectMeta<DynamicObject>>, kube::Error> {
    let kind = GroupVersionKind::gvk(resource.group, resource.version, resource.kind);
    let kind = ApiResource::from_gvk_with_plural(&kind, resource.plural);
    let api: Api<DynamicObject> = Api::namespaced_with(connection.client.clone(), namespace, &kind);
    Ok(api.list_metadata(&ListParams::default()).await?.items)
}

async fn list(
    connection: &Connection,
    resource: &Resource,
    namespace: &str,
) -> Result<Vec<DynamicObject>, kube::Error> {
    let kind = GroupVersionKind::gvk(resource.group, resource.version, resource.kind);
    let kind = ApiResource::from_gvk_with_plural(&kind, resource.plural);
    let api: Api<DynamicObject> = if namespace.is_empty() {
        Api::all_with(connection.client.clone(), &kind)
    } else {
        Api::namespaced_with(connection.client.clone(), namespace, &kind)
    };
    let mut parameters = ListParams::default().limit(PAGE);
    if resource.watch.sees_ours_alone() {
        parameters = parameters.labels(&format!("{MANAGED_BY}={MANAGER}"));
    } else if let Watch::LabelledOnDemand(label) = resource.watch {
        parameters = parameters.labels(label);
    }
    let mut objects = Vec::new();
    loop {
        let page = api.list(&parameters).await?;
        // Items of a list do not say what they are.
        objects.extend(page.items.into_iter().map(|mut object| {
            object.types.get_or_insert_with(|| kube::core::TypeMeta {
                api_version: resource.api_version(),
                kind: resource.kind.to_owned(),
            });
            object
        }));
        match page.metadata.continue_ {
            Some(token) if !token.is_empty() => parameters = parameters.continue_token(&token),
            _ => return Ok(objects),
        }
    }
}
