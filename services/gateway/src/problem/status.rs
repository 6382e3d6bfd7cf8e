//! What services answer, as problems.

use axum::http::StatusCode;
use tonic::{Code, Status};

use super::{Origin, Problem, catalogue};

impl From<Status> for Problem {
    fn from(status: Status) -> Self {
        let Some((reason, metadata)) = kit::reason_of(&status) else {
            return unexplained(&status);
        };
        let mut problem = match catalogue::of_refusal(&reason) {
            Some(kind) => Self::new(kind, status.message()),
            None => unlisted(&reason, &status),
        };
        let gave_way = status.code() == Code::Aborted;
        problem.origin = if gave_way {
            Origin::Passing
        } else {
            Origin::Service
        };
        if ["CHANGE_IN_PROGRESS", "CHECKOUT_IN_PROGRESS"].contains(&reason.as_str()) {
            problem = problem.retry_after(1);
        }
        for (key, value) in metadata {
            problem.add(&key, value);
        }
        problem
    }
}

/// A refusal that came with a newer service than this gateway knows.
fn unlisted(reason: &str, status: &Status) -> Problem {
    tracing::error!(reason, "a refusal is missing in the catalogue");
    let mut problem = Problem::internal();
    problem.kind = "about:blank".to_owned();
    problem.title = "The request was refused";
    problem.status = by_code(status.code()).as_u16();
    problem.detail = status.message().to_owned();
    problem.code = reason.to_lowercase();
    problem
}

impl Problem {
    /// Inside, money is `_minor`; outside it is `_cents`.
    fn add(&mut self, key: &str, value: String) {
        if key == "field" {
            self.field = Some(public(&value));
            return;
        }
        if MEMBERS.contains(&key) {
            tracing::error!(key, code = self.code, "a figure has the name of a member");
            return;
        }
        // Ids may look like numbers; amounts are.
        let amount = if key.ends_with("_minor") {
            value.parse::<i64>().ok()
        } else {
            None
        };
        let value = amount.map_or_else(|| value.into(), serde_json::Value::from);
        self.figures.insert(public(key), value);
    }
}

/// A name of the contracts as REST has it.
fn public(name: &str) -> String {
    match name {
        "plan_id" => "plan".to_owned(),
        "after_creator_id" | "after_line" | "after_name" | "before_posting_id" => {
            "starting_after".to_owned()
        }
        other => other.replace("_minor", "_cents"),
    }
}

/// What every problem says of itself; no figure may speak over it.
const MEMBERS: [&str; 8] = [
    "type",
    "title",
    "status",
    "detail",
    "code",
    "field",
    "errors",
    "request_id",
];

fn by_code(code: Code) -> StatusCode {
    match code {
        Code::InvalidArgument | Code::OutOfRange => StatusCode::BAD_REQUEST,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::FailedPrecondition | Code::Aborted | Code::AlreadyExists => StatusCode::CONFLICT,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::ResourceExhausted => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        Code::Ok
        | Code::Unknown
        | Code::Unimplemented
        | Code::Internal
        | Code::DataLoss
        | Code::Unauthenticated => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// What has no stable code says nothing of our insides.
fn unexplained(status: &Status) -> Problem {
    tracing::error!(code = ?status.code(), message = status.message(), "a service failed");
    if kit::is_lost(status) {
        Problem::unavailable()
    } else {
        Problem::internal()
    }
}

impl From<kit::Error> for Problem {
    fn from(error: kit::Error) -> Self {
        Status::from(error).into()
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        kit::Error::from(error).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kit::Rejection;

    #[test]
    fn figures_overwrite_no_member_and_only_counts_and_amounts_are_numbers() {
        let rejection = Rejection::new("MONTH_LOCKED", "no")
            .with("status", "200")
            .with("code", "fine")
            .with("left_minor", 120)
            .with("creator_id", "007");
        let problem = Problem::from(kit::Error::Rejected(rejection));
        let text = serde_json::to_string(&problem).expect("JSON");
        assert_eq!(text.matches("\"status\":").count(), 1, "{text}");
        let shown: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(
            (&shown["status"], &shown["code"]),
            (&409.into(), &"month_locked".into())
        );
        assert_eq!(
            (&shown["left_cents"], &shown["creator_id"]),
            (&120.into(), &"007".into())
        );
        assert_eq!(shown["type"], "/v1/problems/month_locked");
    }

    /// Instants come as REST writes them, and go out as they came.
    #[test]
    fn when_a_subscription_ends_is_told_as_a_time() {
        let at = "2027-02-01T00:00:00Z";
        let rejection = Rejection::new("SUBSCRIPTION_ENDING", "no").with("ends_at", at);
        let problem = Problem::from(kit::Error::Rejected(rejection));
        let shown = serde_json::to_value(problem).expect("JSON");
        assert_eq!(
            (&shown["code"], &shown["ends_at"]),
            (&"subscription_ending".into(), &at.into())
        );
    }

    #[test]
    fn a_field_is_named_as_the_caller_wrote_it() {
        for (inside, outside) in [
            ("plan_id", "plan"),
            ("amount_minor", "amount_cents"),
            ("after_line", "starting_after"),
        ] {
            let rejection = Rejection::new("INVALID_ARGUMENT", "no").with("field", inside);
            let problem = Problem::from(kit::Error::Invalid(rejection));
            assert_eq!(problem.field.as_deref(), Some(outside));
            assert_eq!(
                (problem.status, problem.code.as_str()),
                (400, "invalid_request")
            );
        }
    }

    #[test]
    fn a_refusal_that_the_catalogue_lacks_is_passed_on_under_its_own_name() {
        let rejection = Rejection::new("FROM_TOMORROW", "not yet");
        let problem = Problem::from(kit::Error::Rejected(rejection));
        assert_eq!(
            (problem.status, problem.code.as_str()),
            (409, "from_tomorrow")
        );
        assert_eq!(problem.kind, "about:blank");
    }
}
