//! Refusals, in the words and shape of Stripe's error object.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

/// What a handler answers: an object to show, or the reason why not.
pub type Answer = Result<Value, Refusal>;

/// A request that is refused, as the client will read it.
///
/// `stored` tells whether an idempotency key keeps this answer. Stripe keeps whatever was
/// said once execution began, and forgets refusals of the request's form.
#[derive(Debug, Clone)]
pub struct Refusal {
    pub status: u16,
    pub stored: bool,
    kind: &'static str,
    code: Option<Cow<'static, str>>,
    message: String,
    param: Option<String>,
    decline_code: Option<&'static str>,
}

impl Refusal {
    fn new(status: u16, kind: &'static str, code: Option<&'static str>, message: String) -> Self {
        Self {
            status,
            stored: true,
            kind,
            code: code.map(Cow::Borrowed),
            message,
            param: None,
            decline_code: None,
        }
    }

    /// A 400 by the rules of the resource: the form was right, the state does not allow it.
    pub fn rule(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(400, "invalid_request_error", Some(code), message.into())
    }

    /// A 400 by the rules of the resource for which Stripe has no code, only words.
    pub fn said(message: impl Into<String>) -> Self {
        Self::new(400, "invalid_request_error", None, message.into())
    }

    /// A 400 with a code that somebody asked this sandbox to answer with.
    pub fn asked_for(code: &str) -> Self {
        let mut refusal = Self::said(format!("This sandbox was told to refuse this ({code})."));
        refusal.code = Some(Cow::Owned(code.to_owned()));
        refusal
    }

    /// A 429. The limiter stands before the idempotency keys, which never learn of it.
    pub fn too_many() -> Self {
        let message = "Request rate limit exceeded. You can learn more about rate limits here \
                       https://docs.stripe.com/rate-limits.";
        let mut refusal = Self::rule("rate_limit", message);
        (refusal.status, refusal.stored) = (429, false);
        refusal
    }

    /// A 400 about the value of one parameter; forgotten by idempotency keys.
    pub fn param(code: &'static str, param: &str, message: impl Into<String>) -> Self {
        let mut refusal = Self::rule(code, message);
        refusal.param = Some(param.to_owned());
        refusal.stored = false;
        refusal
    }

    pub fn invalid(param: &str, message: impl Into<String>) -> Self {
        Self::param("parameter_invalid", param, message)
    }

    pub fn missing(param: &str) -> Self {
        Self::param(
            "parameter_missing",
            param,
            format!("Missing required param: {param}."),
        )
    }

    pub fn unknown(param: &str) -> Self {
        Self::param(
            "parameter_unknown",
            param,
            format!("Received unknown parameter: {param}"),
        )
    }

    pub fn no_such(kind: &str, param: &str, id: &str) -> Self {
        let noun = kind.replace('_', " ");
        let mut refusal = Self::rule("resource_missing", format!("No such {noun}: '{id}'"));
        refusal.status = 404;
        refusal.param = Some(param.to_owned());
        refusal
    }

    /// An id given as a parameter, rather than in the path, that names nothing: 400 as in Stripe.
    pub fn no_such_param(kind: &str, param: &str, id: &str) -> Self {
        let mut refusal = Self::no_such(kind, param, id);
        refusal.status = 400;
        refusal
    }

    pub fn declined(code: &'static str) -> Self {
        let message = "Your card was declined.".to_owned();
        let mut refusal = Self::new(402, "card_error", Some("card_declined"), message);
        refusal.decline_code = Some(code);
        refusal
    }

    pub fn unauthorized(message: &str) -> Self {
        let mut refusal = Self::new(401, "invalid_request_error", None, message.to_owned());
        refusal.stored = false;
        refusal
    }

    pub fn no_route(method: &str, path: &str) -> Self {
        let message = format!("Unrecognized request URL ({method}: {path}).");
        let mut refusal = Self::new(404, "invalid_request_error", None, message);
        refusal.stored = false;
        refusal
    }

    pub fn key_reused(key: &str) -> Self {
        let message = format!(
            "Keys for idempotent requests can only be used with the same parameters they were \
             first used with. Try using a key other than '{key}' if you meant to execute a \
             different request."
        );
        let mut refusal = Self::new(400, "idempotency_error", None, message);
        refusal.stored = false;
        refusal
    }

    pub fn key_in_use(key: &str) -> Self {
        let message = format!("There is another in-progress request using the key '{key}'.");
        let code = Some("idempotency_key_in_use");
        let mut refusal = Self::new(409, "invalid_request_error", code, message);
        refusal.stored = false;
        refusal
    }

    /// A 500: the sandbox itself failed.
    pub fn broken(message: &str) -> Self {
        Self::new(500, "api_error", None, message.to_owned())
    }

    /// The body of the answer: `{"error": {...}}`.
    pub fn body(&self, request_id: &str) -> Value {
        let mut error = Map::new();
        error.insert("type".into(), json!(self.kind));
        error.insert("message".into(), json!(self.message));
        let log = format!("https://dashboard.stripe.com/test/logs/{request_id}");
        error.insert("request_log_url".into(), json!(log));
        if let Some(code) = &self.code {
            let page = code.replace('_', "-");
            error.insert("code".into(), json!(code));
            let doc = format!("https://docs.stripe.com/error-codes/{page}");
            error.insert("doc_url".into(), json!(doc));
        }
        if let Some(param) = &self.param {
            error.insert("param".into(), json!(param));
        }
        if let Some(code) = self.decline_code {
            error.insert("decline_code".into(), json!(code));
        }
        json!({ "error": error })
    }

    pub fn message(&self) -> &str {
        &self.message
    }
}
