//! The door: an HTTP request comes in, faults and rights are asked, the right handler answers, the record is kept.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use ::http::{Request, Response, StatusCode, header};
use futures::StreamExt;
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tower::{BoxError, Service};

use super::error::{ApiError, ApiResult, qualified};
use super::record::{Change, Record};
use super::registry::Resource;
use super::request::{ApiRequest, Call, Verb};
use super::state::{Key, State};
use super::store::Write;
use super::{controllers, create, delete, discovery, list, patch, update, watch};
use crate::bell::Listener;
use crate::faults::{CallFault, Faults};

/// The bytes of kube's bodies.
pub type Bytes = <Body as http_body::Body>::Data;
type AnswerBody = UnsyncBoxBody<Bytes, BoxError>;
type Answer = Result<Response<AnswerBody>, BoxError>;

/// What all handles of one server share.
pub struct Shared {
    state: Mutex<State>,
    /// The faults ordered.
    pub faults: Faults,
}

impl Shared {
    /// The state; a panic elsewhere does not make it unreadable.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An in-memory API server. Clones are handles of the same server.
#[derive(Clone)]
pub struct ApiServer {
    shared: Arc<Shared>,
    agent: Option<String>,
}

impl ApiServer {
    /// A server with the namespaces of a bare cluster; equal seeds give equal uids. Must be called inside a tokio runtime whose time
    /// may be paused.
    pub fn new(seed: u64) -> Self {
        let mut state = State::new(seed);
        controllers::bootstrap(&mut state);
        Self { shared: Arc::new(Shared { state: Mutex::new(state), faults: Faults::default() }), agent: None }
    }

    /// A client without a name.
    pub fn client(&self) -> Client {
        Client::new(self.clone(), "default")
    }

    /// A client known as `agent` (its `User-Agent`): what faults, crashes and records go by.
    pub fn client_as(&self, agent: &str) -> Client {
        Client::new(self.named(agent), "default")
    }

    /// The service under `client_as`, for those who put layers around it.
    pub fn named(&self, agent: &str) -> Self {
        Self { shared: self.shared.clone(), agent: Some(agent.to_owned()) }
    }

    /// The faults to inject.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// Ask `allow` before every call; what it refuses is answered 403.
    pub fn authorize(&self, allow: impl Fn(&Call) -> bool + Send + Sync + 'static) {
        self.shared.lock().authorize = Some(Arc::new(allow));
    }

    /// Allow everything again.
    pub fn allow_all(&self) {
        self.shared.lock().authorize = None;
    }

    /// Every call answered so far.
    pub fn record(&self) -> Vec<Record> {
        self.shared.lock().log.clone()
    }

    /// Every change so far.
    pub fn history(&self) -> Vec<Change> {
        self.shared.lock().history.clone()
    }

    /// The newest resourceVersion.
    pub fn revision(&self) -> u64 {
        self.shared.lock().revision
    }

    /// Every object, in the order of group, resource, namespace and name.
    pub fn objects(&self) -> Vec<Arc<Value>> {
        self.shared.lock().objects().map(|(_, object)| object.clone()).collect()
    }

    /// Looks at every change and every answered call, without copying them.
    pub fn inspect<T>(&self, look: impl FnOnce(&[Change], &[Record]) -> T) -> T {
        let state = self.shared.lock();
        look(&state.history, &state.log)
    }

    /// Time since the server was started.
    pub fn elapsed(&self) -> std::time::Duration {
        self.shared.lock().clock.elapsed()
    }

    /// Tells when something has changed.
    pub fn changes(&self) -> Listener {
        self.shared.lock().changed.listen()
    }

    /// One object, without a call.
    pub fn object(&self, group: &str, resource: &str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        let key = Key {
            group: group.to_owned(),
            plural: resource.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        self.shared.lock().get(&key).cloned()
    }

    /// Forget history: watches and pages from before now answer 410.
    pub fn compact(&self) {
        let mut state = self.shared.lock();
        state.kept_from = state.revision;
    }

    /// One round of what kube-controller-manager does; true if anything changed.
    pub fn controllers_tick(&self) -> bool {
        let mut state = self.shared.lock();
        "kube-controller-manager".clone_into(&mut state.agent);
        controllers::tick(&mut state)
    }

    /// Rounds until nothing changes any more; true if anything did.
    pub fn controllers_settle(&self) -> bool {
        let mut changed = false;
        while self.controllers_tick() {
            changed = true;
        }
        changed
    }

    /// Run the controllers every `period` until the task is aborted.
    pub fn run_controllers(&self, period: std::time::Duration) -> tokio::task::JoinHandle<()> {
        let server = self.clone();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(period).await;
                server.controllers_tick();
            }
        })
    }

    async fn answer(self, request: Request<Body>) -> Answer {
        let (mut parts, body) = request.into_parts();
        if let Some(agent) = &self.agent {
            parts.headers.insert(header::USER_AGENT, header::HeaderValue::from_str(agent)?);
        }
        let request = ApiRequest::parse(&parts, body.collect_bytes().await?.to_vec());
        let fault = self.shared.faults.next_call(&request.call);
        let name = fault.as_ref().map(CallFault::name);
        match fault {
            Some(CallFault::Reset) => return self.broken(&request, name),
            Some(CallFault::CrashBefore) => {
                self.shared.faults.crash(&request.call.agent);
                return self.broken(&request, name);
            }
            Some(CallFault::Answer { code, retry_after }) => {
                let error = fault_status(&request.call, code, retry_after);
                self.keep(&request, code, false, name);
                return Ok(refusal(&error));
            }
            Some(CallFault::Hang(span)) => {
                tokio::time::sleep(span).await;
                return self.broken(&request, name);
            }
            Some(CallFault::Delay(span)) => tokio::time::sleep(span).await,
            _ => tokio::task::yield_now().await,
        }
        let before = self.shared.lock().revision;
        let result = self.handle(&request);
        let mutated = self.shared.lock().revision != before;
        if mutated {
            self.shared.faults.count_write(&request.call.agent);
            self.shared.lock().wake_watches();
        }
        match fault {
            Some(CallFault::ResetAfterCommit) => {
                self.keep(&request, 0, mutated, name);
                return Err(reset());
            }
            Some(CallFault::CrashAfter) => {
                self.keep(&request, 0, mutated, name);
                self.shared.faults.crash(&request.call.agent);
                return Err(reset());
            }
            Some(CallFault::AnswerAfterCommit { code }) => {
                self.keep(&request, code, mutated, name);
                return Ok(refusal(&fault_status(&request.call, code, None)));
            }
            _ => {}
        }
        let response = match result {
            Ok(response) => response,
            Err(error) => refusal(&error),
        };
        self.keep(&request, response.status().as_u16(), mutated, name);
        Ok(response)
    }

    fn broken(&self, request: &ApiRequest, fault: Option<&'static str>) -> Answer {
        self.keep(request, 0, false, fault);
        Err(reset())
    }

    fn keep(&self, request: &ApiRequest, code: u16, mutated: bool, fault: Option<&'static str>) {
        let precondition_uid = match request.call.verb {
            Verb::Delete => delete::options(request).map(|options| options.uid).unwrap_or_default(),
            _ => String::new(),
        };
        let mut state = self.shared.lock();
        let (index, at) = (state.log.len(), state.clock.elapsed());
        state.log.push(Record { index, at, call: request.call.clone(), code, mutated, fault, precondition_uid });
    }

    fn handle(&self, request: &ApiRequest) -> ApiResult<Response<AnswerBody>> {
        let mut guard = self.shared.lock();
        let state = &mut *guard;
        request.call.agent.clone_into(&mut state.agent);
        if let Some(found) = discovery::answer(&state.registry, request) {
            return Ok(json_response(200, &found));
        }
        if request.call.resource.is_empty() {
            return Err(ApiError::unknown_resource());
        }
        check_rights(state, &request.call)?;
        let resource = find(state, &request.call)?;
        if request.call.verb == Verb::Watch {
            let watch = watch::open(&self.shared, state, &resource, request)?;
            let frames = watch.into_stream().map(|item| item.map(Frame::data));
            return Ok(response(200, StreamBody::new(frames).boxed_unsync()));
        }
        let (code, object) = serve(state, &resource, request)?;
        let object = match request.call.verb {
            Verb::Create | Verb::Update | Verb::Patch if request.wants_metadata_only() => {
                list::present(&resource, &object, true)
            }
            _ => object,
        };
        Ok(json_response(code, &object))
    }
}

fn serve(state: &mut State, resource: &Arc<Resource>, request: &ApiRequest) -> ApiResult<(u16, Value)> {
    let write = Write::new(resource.clone(), request);
    match request.call.verb {
        Verb::Get => Ok((200, list::get(state, resource, request)?)),
        Verb::List | Verb::Watch => Ok((200, list::list(state, resource, request)?)),
        Verb::Create => create::create(state, &write),
        Verb::Update => update::update(state, &write),
        Verb::Patch => patch::patch(state, &write),
        Verb::Delete => delete::delete(state, resource, request),
        Verb::DeleteCollection => delete::delete_collection(state, resource, request),
    }
}

fn find(state: &State, call: &Call) -> ApiResult<Arc<Resource>> {
    let resource =
        state.registry.find(&call.group, &call.version, &call.resource).ok_or_else(ApiError::unknown_resource)?;
    let is_known_subresource = match call.subresource.as_str() {
        "" => true,
        "status" => resource.has_status,
        "finalize" => resource.plural == "namespaces",
        _ => false,
    };
    let is_namespaced_path = !call.namespace.is_empty();
    let is_wrong_scope = is_namespaced_path && !resource.namespaced
        || !is_namespaced_path
            && resource.namespaced
            && (!call.name.is_empty() && !matches!(call.verb, Verb::List | Verb::Watch) || call.verb == Verb::Create);
    if !is_known_subresource || is_wrong_scope {
        return Err(ApiError::unknown_resource());
    }
    Ok(resource)
}

fn check_rights(state: &State, call: &Call) -> ApiResult<()> {
    let Some(allow) = &state.authorize else { return Ok(()) };
    if allow(call) {
        return Ok(());
    }
    let scope = if call.namespace.is_empty() {
        "at the cluster scope".to_owned()
    } else {
        format!("in the namespace {:?}", call.namespace)
    };
    let resource = if call.subresource.is_empty() {
        call.resource.clone()
    } else {
        format!("{}/{}", call.resource, call.subresource)
    };
    let why = format!(
        "User {:?} cannot {} resource {resource:?} in API group {:?} {scope}",
        call.agent, call.verb, call.group
    );
    Err(ApiError::forbidden(&call.group, &call.resource, &call.name, &why))
}

/// The Status of an injected answer.
fn fault_status(call: &Call, code: u16, retry_after: Option<u64>) -> ApiError {
    let (group, resource, name) = (call.group.as_str(), call.resource.as_str(), call.name.as_str());
    let mut error = match code {
        403 => ApiError::forbidden(group, resource, name, "injected"),
        404 => ApiError::not_found(group, resource, name),
        409 => ApiError::stale(group, resource, name),
        410 => ApiError::expired("The resourceVersion for the provided watch is too old."),
        422 => ApiError::new(422, "Invalid", format!("{} {name:?} is invalid: injected", qualified(group, resource))),
        429 => ApiError::new(
            429,
            "TooManyRequests",
            "the server is currently unable to handle the request, try again later",
        ),
        500 => ApiError::internal("injected"),
        503 => ApiError::new(503, "ServiceUnavailable", "the server is currently unable to handle the request"),
        504 => ApiError::new(504, "Timeout", "Timeout: request did not complete within the allotted timeout"),
        other => ApiError::new(other, "Unknown", "injected"),
    };
    if let Some(seconds) = retry_after {
        error.retry_after = Some(seconds);
        error.details = json!({"retryAfterSeconds": seconds});
    }
    error
}

fn reset() -> BoxError {
    std::io::Error::from(std::io::ErrorKind::ConnectionReset).into()
}

fn response(code: u16, body: AnswerBody) -> Response<AnswerBody> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

fn json_response(code: u16, value: &Value) -> Response<AnswerBody> {
    let body = Full::new(Bytes::from(value.to_string().into_bytes()));
    response(code, body.map_err(|never| match never {}).boxed_unsync())
}

fn refusal(error: &ApiError) -> Response<AnswerBody> {
    let mut response = json_response(error.code, &error.to_status());
    if let Some(seconds) = error.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from(seconds));
    }
    response
}

impl Service<Request<Body>> for ApiServer {
    type Response = Response<AnswerBody>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.clone().answer(request))
    }
}
