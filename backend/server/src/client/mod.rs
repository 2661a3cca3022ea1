//! The command line's side of the server's Unix socket: requests by HTTP, and the WebSocket.
//!
//! A client is one connection. It is made by [`Client::connect`], which starts a server where none runs, and checks
//! first that the server is of the same build as itself.

mod launch;
mod socket;

use std::path::Path;

use axum::body::{Body, Bytes};
use estiva_shared::protocol::{ErrorBody, PROTOCOL_VERSION, VersionInfo};
use http_body_util::BodyExt as _;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request, Response, StatusCode, body::Incoming, header};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use crate::build_id;
use crate::failure::Failure;
use crate::root::Root;

pub(crate) use self::launch::{Report, needs_root};
pub(crate) use self::socket::{Incoming as FromServer, Socket};

/// A connection to a server.
#[derive(Debug)]
pub(crate) struct Client {
    root: Root,
    sender: SendRequest<Body>,
}

impl Client {
    /// Connects to the root's server, and starts one where none runs.
    ///
    /// # Errors
    /// If none can be started, or the one that runs is of another build.
    pub(crate) async fn connect(root: &Path) -> Result<Self, Failure> {
        let (root, stream) = launch::connect_or_start(root).await?;
        let client = Self::over(root, stream).await?;
        client.same_build().await
    }

    /// Connects to the root's server if one runs, of whatever build.
    ///
    /// # Errors
    /// If it is there and can't be connected to.
    pub(crate) async fn connect_running(root: &Path) -> Result<Option<Self>, Failure> {
        let Ok(root) = Root::existing(root) else {
            return Ok(None);
        };
        match launch::connect(&root).await? {
            Some(stream) => Self::over(root, stream).await.map(Some),
            None => Ok(None),
        }
    }

    async fn over(root: Root, stream: UnixStream) -> Result<Self, Failure> {
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(broken)?;
        tokio::spawn(async move {
            // What goes wrong on the connection, its requests are told.
            let _ = connection.await;
        });
        Ok(Self { root, sender })
    }

    /// The root that the server owns.
    pub(crate) fn root(&self) -> &Root {
        &self.root
    }

    /// Refuses a server of another build: what it answers may mean something else.
    async fn same_build(mut self) -> Result<Self, Failure> {
        let pid = launch::server_of(&self.root);
        if pid.is_some_and(build_id::is_this_program) {
            return Ok(self);
        }
        let theirs = self.version().await?;
        let ours = build_id::of_this_program()
            .map_err(|error| Failure::new(format_args!("can't read this program: {error}")))?;
        if theirs.build == ours && theirs.protocol == PROTOCOL_VERSION {
            return Ok(self);
        }
        let message = format!(
            "the server that runs is another build of estiva (version {}, process {}) than this command (version {})",
            theirs.version,
            theirs.pid,
            env!("CARGO_PKG_VERSION"),
        );
        Err(Failure::new(message).hint("end it with `estiva stop-server`; containers go on, and the next command starts its own"))
    }

    /// Asks the server who it is.
    ///
    /// # Errors
    /// If it does not answer.
    pub(crate) async fn version(&mut self) -> Result<VersionInfo, Failure> {
        self.get("/api/v1/version").await
    }

    /// `GET`, for an answer in JSON.
    ///
    /// # Errors
    /// What the server said, or that it does not answer.
    pub(crate) async fn get<T: DeserializeOwned>(&mut self, path: &str) -> Result<T, Failure> {
        let response = self.ask(Method::GET, path, Body::empty(), "").await?;
        json(response).await
    }

    /// `POST` of a JSON body, for an answer in JSON.
    ///
    /// # Errors
    /// As for [`Self::get`].
    pub(crate) async fn post<T: DeserializeOwned>(
        &mut self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        let body = serde_json::to_vec(body)
            .map_err(|error| Failure::new(format_args!("can't write the request: {error}")))?;
        let response = self
            .ask(Method::POST, path, Body::from(body), "application/json")
            .await?;
        json(response).await
    }

    /// `POST` or `DELETE` without a body, for an answer without one.
    ///
    /// # Errors
    /// As for [`Self::get`].
    pub(crate) async fn order(&mut self, method: Method, path: &str) -> Result<(), Failure> {
        let response = self.ask(method, path, Body::empty(), "").await?;
        response.into_body().collect().await.map_err(broken)?;
        Ok(())
    }

    /// Any method without a body, for an answer in JSON.
    ///
    /// # Errors
    /// As for [`Self::get`].
    pub(crate) async fn ask_json<T: DeserializeOwned>(
        &mut self,
        method: Method,
        path: &str,
    ) -> Result<T, Failure> {
        let response = self.ask(method, path, Body::empty(), "").await?;
        json(response).await
    }

    /// `POST` of bytes, for an answer in JSON.
    ///
    /// # Errors
    /// As for [`Self::get`].
    pub(crate) async fn upload<T: DeserializeOwned>(
        &mut self,
        path: &str,
        body: Body,
    ) -> Result<T, Failure> {
        let response = self
            .ask(Method::POST, path, body, "application/octet-stream")
            .await?;
        json(response).await
    }

    /// `POST` of a JSON body, for an answer of bytes.
    ///
    /// # Errors
    /// As for [`Self::get`].
    pub(crate) async fn post_for_bytes(
        &mut self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<Incoming, Failure> {
        let body = serde_json::to_vec(body)
            .map_err(|error| Failure::new(format_args!("can't write the request: {error}")))?;
        Ok(self
            .ask(Method::POST, path, Body::from(body), "application/json")
            .await?
            .into_body())
    }

    /// `GET`, for an answer of bytes.
    ///
    /// # Errors
    /// As for [`Self::get`].
    pub(crate) async fn download(&mut self, path: &str) -> Result<Incoming, Failure> {
        Ok(self.answer(path).await?.into_body())
    }

    /// As [`Self::download`], with what the answer says of the bytes.
    ///
    /// # Errors
    /// As for [`Self::get`].
    pub(crate) async fn answer(&mut self, path: &str) -> Result<Response<Incoming>, Failure> {
        self.ask(Method::GET, path, Body::empty(), "").await
    }

    /// A WebSocket to the same server, greeted.
    ///
    /// # Errors
    /// If the server does not take it.
    pub(crate) async fn socket(&self) -> Result<Socket, Failure> {
        match launch::connect(&self.root).await? {
            Some(stream) => Socket::open(stream).await,
            None => Err(broken("it is gone")),
        }
    }

    async fn ask(
        &mut self,
        method: Method,
        path: &str,
        body: Body,
        media_type: &str,
    ) -> Result<Response<Incoming>, Failure> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "localhost");
        if !media_type.is_empty() {
            request = request.header(header::CONTENT_TYPE, media_type);
        }
        let request = request
            .body(body)
            .map_err(|error| Failure::new(format_args!("can't write the request: {error}")))?;
        self.sender.ready().await.map_err(broken)?;
        let response = self.sender.send_request(request).await.map_err(broken)?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let bytes = response
            .into_body()
            .collect()
            .await
            .map_err(broken)?
            .to_bytes();
        Err(refused(status, &bytes))
    }
}

async fn json<T: DeserializeOwned>(response: Response<Incoming>) -> Result<T, Failure> {
    let bytes = response
        .into_body()
        .collect()
        .await
        .map_err(broken)?
        .to_bytes();
    serde_json::from_slice(&bytes)
        .map_err(|error| Failure::new(format_args!("the server's answer can't be read: {error}")))
}

fn refused(status: StatusCode, body: &Bytes) -> Failure {
    match serde_json::from_slice::<ErrorBody>(body) {
        Ok(error) => Failure::from(error),
        Err(_) => Failure::new(format_args!(
            "the server answers {status}: {}",
            String::from_utf8_lossy(body)
        )),
    }
}

fn broken(error: impl std::fmt::Display) -> Failure {
    Failure::new(format_args!(
        "the connection to the server broke off: {error}"
    ))
    .hint("its log, server.log in the root, may say why; the next command starts another")
}

/// A name as one segment of a path.
pub(crate) fn segment(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte))
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_is_one_segment() {
        assert_eq!(segment("hello"), "hello");
        assert_eq!(segment("a/b:c@d e?f#é"), "a%2Fb%3Ac%40d%20e%3Ff%23%C3%A9");
    }
}
