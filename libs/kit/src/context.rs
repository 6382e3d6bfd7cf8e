//! What travels with a request through calls: its id and who asks.

use tracing::Instrument;

/// Who asks and under which request id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    /// `req_…`; also in every log line and in the facts that follow.
    pub request_id: String,
    /// `subscriber:alice`, `admin:root`; empty for the system itself.
    pub actor: String,
}

pub const REQUEST_ID: &str = "tributary-request-id";
pub const ACTOR: &str = "tributary-actor";

tokio::task_local! {
    static CURRENT: Context;
}

/// The context of the call that is being handled; outside one, the request whose facts are being
/// applied, if there is one.
#[must_use]
pub fn current() -> Context {
    CURRENT.try_with(Clone::clone).unwrap_or_else(|_| Context {
        request_id: mailbox::cause::current(),
        actor: String::new(),
    })
}

/// Runs `work` within `context`.
pub async fn within<F: Future>(context: Context, work: F) -> F::Output {
    let span =
        tracing::info_span!("call", request.id = %context.request_id, actor = %context.actor);
    let request_id = context.request_id.clone();
    let work = CURRENT.scope(context, work).instrument(span);
    mailbox::cause::within(request_id, work).await
}

/// The only way to start a task: it inherits the context and the span.
pub fn spawn<F>(work: F) -> tokio::task::JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let work = CURRENT.scope(current(), work).in_current_span();
    tokio::spawn(mailbox::cause::within(mailbox::cause::current(), work))
}
