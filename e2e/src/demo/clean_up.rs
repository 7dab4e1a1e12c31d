//! The end on a given cluster: removes what the demo made, tenants first, in the way an admin would. It removes nothing else:
//! the demo began by refusing to touch what was there.

use std::time::Duration;

use kube::api::{Patch, PatchParams};
use serde_json::json;
use tenantry_e2e::{eventually, objects};

use super::Show;
use super::onboard::namespaces;
use super::prepare::Stage;
use crate::commands::CommandError;
use crate::terminal::count;

const GONE_WITHIN: Duration = Duration::from_mins(1);

/// Tenants, their namespaces, classes, installation.
pub(crate) async fn run(show: &mut Show, stage: &mut Stage) -> Result<(), CommandError> {
    show.terminal.heading("Clean-up");
    let client = &stage.client;
    for workload in stage.examples.iter().filter(|object| !object["metadata"]["namespace"].is_null()) {
        objects::delete(client, workload).await?;
    }
    for tenant in stage.examples.iter().rev().filter(|object| object["kind"] == "Tenant") {
        let name = objects::name(tenant);
        let api = objects::collection(client, tenant);
        show.terminal.progress(&format!("removing tenant {name}"));
        if let Some(found) = api.get_opt(name).await? {
            // Tenants that keep their namespaces need no confirmation, and it does them no harm.
            let confirmed =
                json!({ "metadata": { "annotations": { "tenantry.dev/confirm-delete": found.metadata.uid } } });
            api.patch(name, &PatchParams::default(), &Patch::Merge(&confirmed)).await?;
            objects::delete(client, tenant).await?;
        }
        eventually(GONE_WITHIN, &format!("tenant {name} is gone"), async || match api.get_opt(name).await {
            Ok(None) => Ok(()),
            Ok(Some(found)) => Err(format!("finalizers {:?}", found.metadata.finalizers.unwrap_or_default())),
            Err(error) => Err(error.to_string()),
        })
        .await?;
        for namespace in namespaces(tenant) {
            let object = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace } });
            objects::delete(client, &object).await?;
        }
    }
    for object in stage.examples.iter().filter(|object| object["kind"] != "Tenant") {
        objects::delete(client, object).await?;
    }
    for object in stage.manifests.iter().rev() {
        objects::delete(client, object).await?;
    }
    let number = stage.examples.len() + stage.manifests.len();
    show.terminal.done(
        &format!(
            "{} removed; the namespaces among them, and those of the tenants, end by themselves",
            count(number, "object")
        ),
        None,
    );
    Ok(())
}
