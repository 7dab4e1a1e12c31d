//! Ends watches that have gone silent, and lists that are never answered. A half-open connection brings neither events nor
//! its own end; kube's watcher notices that some seconds after the watch should have ended, and at its start never. Here a
//! watch without even a bookmark is broken off; it goes on where it was. It reads nothing of what passes.

use std::io::{Error, ErrorKind};
use std::time::Duration;

use futures::stream;
use http::Request;
use http_body_util::{BodyExt, StreamBody};
use kube::client::Body;
use tokio::time::timeout;
use tower::{BoxError, service_fn};

/// The API server sends a bookmark about every minute.
const SILENCE: Duration = Duration::from_secs(100);
/// How long the beginning of an answer may take, also that of a long list.
const ANSWER: Duration = Duration::from_secs(30);

/// The same client, for watches.
pub fn ended(client: kube::Client) -> kube::Client {
    let namespace = client.default_namespace().to_owned();
    let service = service_fn(move |request: Request<Body>| {
        let client = client.clone();
        async move {
            let answer = timeout(ANSWER, client.send(request)).await.map_err(|_| silent(ANSWER))??;
            Ok::<_, BoxError>(answer.map(bounded))
        }
    });
    kube::Client::new(service, namespace)
}

fn bounded(body: Body) -> impl http_body::Body<Data = <Body as http_body::Body>::Data, Error = BoxError> {
    let frames = stream::unfold(Some(body), |body| async {
        let mut body = body?;
        match timeout(SILENCE, body.frame()).await {
            Ok(frame) => Some((frame?.map_err(BoxError::from), Some(body))),
            Err(_) => Some((Err(silent(SILENCE)), None)),
        }
    });
    // Watches are read by one task each; the box makes the stream movable.
    StreamBody::new(Box::pin(frames))
}

fn silent(span: Duration) -> BoxError {
    Error::new(ErrorKind::TimedOut, format!("nothing was heard for {span:?}")).into()
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;
    use http::Response;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_says_nothing_more_is_ended() {
        let server = service_fn(|_: Request<Body>| async {
            let first = stream::once(async { Ok::<_, BoxError>(http_body::Frame::data("{}\n".into())) });
            Ok::<_, BoxError>(Response::new(StreamBody::new(Box::pin(first.chain(stream::pending())))))
        });
        let client = ended(kube::Client::new(server, "default"));
        let answer = client.send(Request::new(Body::empty())).await.unwrap();
        let mut body = answer.into_body();
        assert!(body.frame().await.unwrap().is_ok(), "what is said is passed on");
        assert!(body.frame().await.unwrap().is_err(), "then it is ended");
        assert!(body.frame().await.is_none());
    }
}
