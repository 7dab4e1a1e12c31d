//! The way between an operator and the API server: every call takes some milliseconds there and back, drawn from a seed, so
//! that each seed interleaves calls, answers and watch events in its own way. It loses and changes nothing.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Request;
use kube::client::Body;
use tokio::time::sleep;
use tower::{BoxError, Service};

use crate::server::ApiServer;

/// The longest way in one direction, in milliseconds.
const LONGEST: u64 = 4;

/// An API server at some distance.
#[derive(Clone)]
pub struct Network {
    server: ApiServer,
    random: Arc<Mutex<fastrand::Rng>>,
}

impl Network {
    /// The way to this server; `seed` draws how long each call takes.
    pub fn new(server: ApiServer, seed: u64) -> Self {
        Self { server, random: Arc::new(Mutex::new(fastrand::Rng::with_seed(seed))) }
    }

    fn way(&self) -> Duration {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        Duration::from_millis(random.u64(1..=LONGEST))
    }
}

impl Service<Request<Body>> for Network {
    type Response = <ApiServer as Service<Request<Body>>>::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut server = self.server.clone();
        let (there, back) = (self.way(), self.way());
        Box::pin(async move {
            sleep(there).await;
            let answer = server.call(request).await;
            sleep(back).await;
            answer
        })
    }
}
