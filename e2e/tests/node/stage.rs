//! What the tests play on: a control plane with a node, and how long each step took.

use std::fmt::Display;
use std::time::{Duration, Instant};

use kube::Client;
use serde_json::Value;
use tenantry_e2e::node::{self, Node, programs::Programs, room};
use tenantry_e2e::{Cluster, eventually, objects};

use crate::program::{self, Operator};

/// Images are there, but the machine may be busy with something else.
pub const SOON: Duration = Duration::from_mins(5);

/// Ends when it is dropped, or with the room.
pub struct Stage {
    pub node: Node,
    pub cluster: Cluster,
    pub client: Client,
    times: Vec<(String, Duration)>,
    since: Instant,
}

impl Stage {
    pub async fn start(programs: Programs) -> Self {
        let since = Instant::now();
        let mut options = node::options();
        // The defaults would wait for minutes before a number of pods is changed.
        options.controller_manager_flags = [
            "--horizontal-pod-autoscaler-downscale-stabilization=5s",
            "--horizontal-pod-autoscaler-cpu-initialization-period=5s",
            "--horizontal-pod-autoscaler-initial-readiness-delay=2s",
        ]
        .map(str::to_owned)
        .into();
        let cluster = Cluster::start(options).await.expect("a control plane");
        let client = cluster.client().await.expect("client");
        let ready = cluster.ready_after();
        let node = Node::start(&cluster, programs, &room::folder().expect("inside a room")).await;
        let node = node.unwrap_or_else(|error| {
            if let Ok(plane) = cluster.control_plane() {
                plane.keep_logs();
            }
            panic!("{error}")
        });
        let mut stage =
            Self { node, cluster, client, times: vec![("control plane is ready".to_owned(), ready)], since };
        stage.since += ready;
        stage.took("node is Ready, names and metrics answer");
        stage
    }

    /// The operator, as a process of the node. Without a lease: it ends when it loses it, as a busy machine makes it do, and no Deployment
    /// starts it again here.
    pub async fn operator(&mut self) -> Operator {
        program::prepare(&self.cluster).await;
        let account = program::account(&self.cluster).await;
        let mut operator = Operator::launch(&self.cluster, &account, &["--leader-election=false"]);
        operator.reconciles().await;
        self.took("operator is installed and reconciles");
        operator
    }

    /// Notes that since the last note this has been done.
    pub fn took(&mut self, what: impl Into<String>) {
        self.times.push((what.into(), self.since.elapsed()));
        self.since = Instant::now();
    }

    /// The table of what took how long.
    pub fn print_times(&self) {
        let all: Duration = self.times.iter().map(|(_, time)| *time).sum();
        for (what, time) in &self.times {
            println!("{:>7.1} s  {what}", time.as_secs_f64());
        }
        println!("{:>7.1} s  in all", all.as_secs_f64());
    }

    pub async fn apply(&self, object: &Value) {
        objects::apply(&self.client, object).await.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Waits until an object satisfies `fits`, and answers it.
    pub async fn see(&self, object: &Value, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let collection = objects::collection(&self.client, object);
        wait(&format!("{} {what}", objects::title(object)), async || {
            let found = collection.get(objects::name(object)).await.map_err(|error| error.to_string())?;
            let found = serde_json::to_value(found).expect("JSON");
            if fits(&found) { Ok(found) } else { Err(found["status"].to_string()) }
        })
        .await
    }

    /// Waits until a condition of it is True for what its spec says now.
    pub async fn holds(&self, object: &Value, condition: &str) -> Value {
        self.see(object, &format!("is {condition}"), |found| {
            let seen = objects::condition(found, condition);
            let observed = seen.and_then(|seen| seen["observedGeneration"].as_i64());
            let current = observed.is_none() || observed == found["metadata"]["generation"].as_i64();
            seen.is_some_and(|seen| seen["status"] == "True") && current
        })
        .await
    }
}

/// Waits for [`SOON`] at most.
pub async fn wait<T, E: Display>(what: &str, look: impl AsyncFnMut() -> Result<T, E>) -> T {
    eventually(SOON, what, look).await.unwrap_or_else(|late| panic!("{late}"))
}
