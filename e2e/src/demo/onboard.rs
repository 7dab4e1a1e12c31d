//! Part two: applies the examples and shows the tenants grow until each is ready. It changes nothing but the examples.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kube::Client;
use serde_json::Value;
use tenantry_e2e::objects::{self, ObjectError};
use tokio::time::sleep;

use super::Show;
use super::figures::TenantFigures;
use super::prepare::Stage;
use crate::commands::CommandError;
use crate::terminal::{count, duration};

const READY_WITHIN: Duration = Duration::from_mins(1);
/// Between two looks at three tenants; a look costs the server a millisecond.
const PAUSE: Duration = Duration::from_millis(40);
const POLICED_BY: [(&str, &str); 4] = [
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("v1", "ResourceQuota"),
    ("v1", "LimitRange"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
];

/// The tenants as they stand.
pub(crate) struct Onboarded {
    /// By name, with status.
    pub(crate) tenants: BTreeMap<String, Value>,
}

impl Onboarded {
    /// A tenant and one of its environments' namespaces, for examples.
    pub(crate) fn first(&self) -> (String, String) {
        let first = self.tenants.iter().next();
        first
            .map(|(name, tenant)| (name.clone(), namespaces(tenant).into_iter().nth(1).unwrap_or_default()))
            .unwrap_or_default()
    }
}

/// The home namespace and those of the environments.
pub(crate) fn namespaces(tenant: &Value) -> Vec<String> {
    let name = objects::name(tenant);
    let environments = environments(tenant).into_iter().map(|environment| format!("{name}-{environment}"));
    [name.to_owned()].into_iter().chain(environments).collect()
}

/// Names of the environments.
pub(crate) fn environments(tenant: &Value) -> Vec<String> {
    let all = tenant["spec"]["environments"].as_array().into_iter().flatten();
    all.filter_map(|environment| Some(environment["name"].as_str()?.to_owned())).collect()
}

/// Applies the examples, waits, and shows the table.
pub(crate) async fn run(show: &mut Show, stage: &Stage) -> Result<Onboarded, CommandError> {
    show.terminal.heading("Tenants");
    let started = Instant::now();
    let mut applied = BTreeMap::new();
    let tenants = |example: &&Value| example["metadata"]["namespace"].is_null();
    for example in stage.examples.iter().filter(tenants) {
        objects::apply(&stage.client, example).await?;
        if example["kind"] == "Tenant" {
            applied.insert(objects::name(example).to_owned(), Instant::now());
        }
    }
    let others: Vec<String> = stage
        .examples
        .iter()
        .filter(tenants)
        .filter(|example| example["kind"] != "Tenant")
        .map(objects::title)
        .collect();
    show.terminal.line(&format!("applied {} and {} from examples/", others.join(", "), count(applied.len(), "Tenant")));

    let mut ready: BTreeMap<String, Duration> = BTreeMap::new();
    let tenants = loop {
        let tenants = read(&stage.client, &applied).await?;
        for (name, tenant) in &tenants {
            if is_ready(tenant) && !ready.contains_key(name) {
                ready.insert(name.clone(), applied[name].elapsed());
            }
        }
        if ready.len() == applied.len() || started.elapsed() > READY_WITHIN {
            break tenants;
        }
        show.terminal.progress(&progress(&tenants));
        sleep(PAUSE).await;
    };
    show.figures.seconds.all_tenants_ready = started.elapsed().as_secs_f64();
    for (name, tenant) in &tenants {
        let figures = measure(&stage.client, name, tenant, ready.get(name).copied()).await?;
        show.figures.tenants.push(figures);
    }
    table(show, &ready);
    for (name, tenant) in &tenants {
        let seen = objects::condition(tenant, "Ready").map_or("no status yet".to_owned(), |ready| {
            format!(
                "{}: {}",
                ready["reason"].as_str().unwrap_or_default(),
                ready["message"].as_str().unwrap_or_default()
            )
        });
        let claim = format!("tenant {name} is ready within {} s", READY_WITHIN.as_secs());
        show.checks.note(ready.contains_key(name), &claim, &seen);
        if !ready.contains_key(name) {
            show.terminal.failed(&format!("tenant {name} is not ready: {seen}"));
        }
    }
    Ok(Onboarded { tenants })
}

async fn read(client: &Client, wanted: &BTreeMap<String, Instant>) -> Result<BTreeMap<String, Value>, ObjectError> {
    let all = objects::list(client, "tenantry.dev/v1alpha1", "Tenant", None, "").await?;
    let named = all.into_iter().map(|tenant| (objects::name(&tenant).to_owned(), tenant));
    Ok(named.filter(|(name, _)| wanted.contains_key(name)).collect())
}

/// Ready, for the spec as it is now.
pub(crate) fn is_ready(tenant: &Value) -> bool {
    objects::condition(tenant, "Ready").is_some_and(|ready| {
        ready["status"] == "True" && ready["observedGeneration"] == tenant["metadata"]["generation"]
    })
}

fn progress(tenants: &BTreeMap<String, Value>) -> String {
    let parts = tenants.iter().map(|(name, tenant)| {
        let state = tenant["status"]["ready"].as_str().map_or("…".to_owned(), |ready| format!("{ready} ready"));
        format!("{name} {state}")
    });
    parts.collect::<Vec<_>>().join("   ")
}

async fn measure(
    client: &Client,
    name: &str,
    tenant: &Value,
    ready: Option<Duration>,
) -> Result<TenantFigures, ObjectError> {
    let namespaces = namespaces(tenant);
    let mut numbers = [0; POLICED_BY.len()];
    for (number, (version, kind)) in numbers.iter_mut().zip(POLICED_BY) {
        for namespace in &namespaces {
            *number += objects::list(client, version, kind, Some(namespace), "app.kubernetes.io/managed-by=tenantry")
                .await?
                .len();
        }
    }
    let [policies, quotas, limits, bindings] = numbers;
    let found = objects::list(client, "v1", "Namespace", None, &format!("tenantry.dev/tenant={name}")).await?;
    Ok(TenantFigures {
        name: name.to_owned(),
        environments: environments(tenant),
        namespaces: found.len(),
        policies,
        quotas,
        limits,
        bindings,
        members: tenant["spec"]["members"].as_array().map_or(0, Vec::len),
        ready: ready.is_some(),
        seconds: ready.unwrap_or_default().as_secs_f64(),
    })
}

fn table(show: &mut Show, ready: &BTreeMap<String, Duration>) {
    let header = [
        "TENANT",
        "ENVIRONMENTS",
        "NAMESPACES",
        "POLICIES",
        "QUOTAS",
        "LIMITS",
        "BINDINGS",
        "MEMBERS",
        "READY",
        "AFTER",
    ];
    let rows: Vec<Vec<String>> = show
        .figures
        .tenants
        .iter()
        .map(|tenant| {
            let numbers =
                [tenant.namespaces, tenant.policies, tenant.quotas, tenant.limits, tenant.bindings, tenant.members];
            let mut row = vec![tenant.name.clone(), tenant.environments.join(" ")];
            row.extend(numbers.map(|number| number.to_string()));
            row.push(if tenant.ready { "✔" } else { "✘" }.to_owned());
            row.push(ready.get(&tenant.name).map_or("-".to_owned(), |time| duration(*time)));
            row
        })
        .collect();
    show.terminal.table(&header, &rows);
}
