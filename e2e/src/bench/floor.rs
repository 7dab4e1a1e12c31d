//! The floors: a client that creates the same objects and does nothing else. No cache, no status, no second look; what an operator
//! costs beyond this is the operator's.

use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _};
use http::{Method, Request};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::Value;
use tenantry_e2e::{Identity, objects};
use tokio::sync::Semaphore;

use super::template::Template;
use crate::commands::CommandError;

/// The operator's own bounds.
const CALLS_IN_FLIGHT: usize = 32;
const CALLS_PER_TENANT: usize = 8;

/// How objects are created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    /// POST.
    Post,
    /// Server-side apply.
    Apply,
}

/// A bare client.
pub(crate) struct Floor {
    client: Client,
    in_flight: Arc<Semaphore>,
}

impl Floor {
    /// As this user, without tries beyond the first.
    pub(crate) async fn new(identity: &Identity) -> Result<Self, CommandError> {
        let kubeconfig = Kubeconfig::read_from(identity.kubeconfig_path())?;
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
        config.default_retry = false;
        Ok(Self { client: Client::try_from(config)?, in_flight: Arc::new(Semaphore::new(CALLS_IN_FLIGHT)) })
    }

    /// Creates all objects of these tenants: within a tenant wave by wave, tenants side by side.
    pub(crate) async fn run(&self, template: &Template, tenants: &[String], way: Way) -> Result<(), CommandError> {
        let tasks = tenants.iter().map(|tenant| async {
            for wave in template.waves_for(tenant) {
                let calls = wave.iter().map(|object| self.create(object, way));
                futures::stream::iter(calls).buffer_unordered(CALLS_PER_TENANT).try_collect::<Vec<()>>().await?;
            }
            Ok::<(), CommandError>(())
        });
        futures::stream::iter(tasks).buffer_unordered(CALLS_IN_FLIGHT).try_collect::<Vec<()>>().await?;
        Ok(())
    }

    async fn create(&self, object: &Value, way: Way) -> Result<(), CommandError> {
        let path = objects::collection(&self.client, object).resource_url().to_owned();
        let (method, uri, content_type) = match way {
            Way::Post => (Method::POST, format!("{path}?fieldManager=floor"), "application/json"),
            Way::Apply => {
                let name = objects::name(object);
                (Method::PATCH, format!("{path}/{name}?fieldManager=floor&force=true"), "application/apply-patch+yaml")
            }
        };
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header(http::header::CONTENT_TYPE, content_type)
            .body(object.to_string().into_bytes())?;
        // Never closed.
        let _permit = self.in_flight.acquire().await?;
        let answer = self.client.request::<Value>(request).await;
        answer.map_err(|error| format!("creating {}: {}", objects::title(object), objects::words(&error)))?;
        Ok(())
    }
}
