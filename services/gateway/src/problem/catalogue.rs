//! Every kind of problem that the gateway can answer, once: code, status, title, meaning.
//!
//! The code is part of the contract. What a service refuses by `MONTH_LOCKED` is `month_locked`
//! here; a test looks through the services' sources for refusals that are missing.

use axum::http::StatusCode;

/// What there is to know about one kind of problem before it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    pub code: &'static str,
    pub status: StatusCode,
    pub title: &'static str,
    /// When it happens and what to do about it.
    pub meaning: &'static str,
}

macro_rules! catalogue {
    ($($name:ident $code:literal $status:ident $title:literal $meaning:literal;)*) => {
        $(pub const $name: Kind = Kind {
            code: $code,
            status: StatusCode::$status,
            title: $title,
            meaning: $meaning,
        };)*

        /// All of them, by code.
        pub const ALL: &[Kind] = &[$($name),*];
    };
}

catalogue! {
    ACCOUNT_NOT_VERIFIED "account_not_verified" CONFLICT "The account cannot be paid yet"
        "Stripe has not verified the creator's account, or has disabled it. Continue the onboarding with POST /v1/creators/me/connect.";
    ALREADY_SUBSCRIBED "already_subscribed" CONFLICT "There is a subscription already"
        "The subscriber has a live subscription in this program. Change it with PATCH /v1/subscriptions/me.";
    AMOUNT_OUT_OF_BOUNDS "amount_out_of_bounds" UNPROCESSABLE_ENTITY "The amount is out of bounds"
        "The plan does not allow this price. The members min_cents and max_cents say what it allows.";
    BELOW_MINIMUM "below_minimum" UNPROCESSABLE_ENTITY "The amount is below the least that is paid out"
        "A payout has at least $25.00. Wait for more earnings, or ask for more.";
    BODY_LATE "body_late" REQUEST_TIMEOUT "The body came too slowly"
        "The body did not arrive within the time that a request has. Send it again.";
    BODY_TOO_LARGE "body_too_large" PAYLOAD_TOO_LARGE "The body is too large"
        "A body may have so many bytes as the detail says. Send less at once.";
    CHANGE_IN_PROGRESS "change_in_progress" CONFLICT "Another change is under way"
        "The subscription is being changed by another request. The same request may be sent again in a moment.";
    CHECKOUT_IN_PROGRESS "checkout_in_progress" CONFLICT "Another checkout is being made"
        "Another request of the subscriber is making a page for this program. The same request may be sent again in a moment.";
    CREATOR_NOT_ONBOARDED "creator_not_onboarded" CONFLICT "The creator has no account yet"
        "The creator has not begun onboarding. Start it with POST /v1/creators/me/connect.";
    CREATOR_UNKNOWN "creator_unknown" NOT_FOUND "There is no such creator"
        "Nobody is registered under this id. PUT /v1/admin/creators/{creator_id} registers a creator.";
    EXCEEDS_DAILY_AMOUNT "exceeds_daily_amount" UNPROCESSABLE_ENTITY "The amount is above what a day allows"
        "The creator's payouts of one day have a limit. Ask for less, or tomorrow.";
    EXCEEDS_DAILY_COUNT "exceeds_daily_count" UNPROCESSABLE_ENTITY "There were as many payouts as a day allows"
        "The number of a creator's payouts in one day has a limit. Ask again tomorrow.";
    EXCEEDS_MONTHLY_AMOUNT "exceeds_monthly_amount" UNPROCESSABLE_ENTITY "The amount is above what a month allows"
        "The creator's payouts of one month have a limit. Ask for less, or next month.";
    EXCEEDS_NEW_ACCOUNT_LIMIT "exceeds_new_account_limit" UNPROCESSABLE_ENTITY "The amount is above what a new account may have"
        "A creator's first payouts have a lower limit. Ask for less.";
    EXCEEDS_SINGLE_LIMIT "exceeds_single_limit" UNPROCESSABLE_ENTITY "The amount is above what one payout may have"
        "A single payout has a limit. Ask for less.";
    FUNDS_SETTLING "funds_settling" CONFLICT "The money is still settling"
        "The earnings are there, but Stripe has not made the money available yet. The detail says when it is expected.";
    HANDLER_LATE "handler_late" GATEWAY_TIMEOUT "The answer takes longer than expected"
        "The work goes on; its outcome is not known yet. Send the same request with the same Idempotency-Key to learn it.";
    HOLD_LOST "hold_lost" CONFLICT "The money is disputed"
        "What was set aside for the payout came under dispute, so the payout was canceled.";
    IDEMPOTENCY_KEY_EXPIRED "idempotency_key_expired" CONFLICT "What became of an earlier request is not known"
        "A request with this key was begun too long ago to be repeated. Look at the subscription, and use another key.";
    IDEMPOTENCY_KEY_REQUIRED "idempotency_key_required" BAD_REQUEST "An Idempotency-Key is required"
        "Money leaves by this request, so it must carry a key by which a repetition is known. Make a fresh one for each intent and keep it for retries.";
    IDEMPOTENCY_KEY_REUSED "idempotency_key_reused" UNPROCESSABLE_ENTITY "The Idempotency-Key belongs to another request"
        "The same key came with another body, path or query before. Make a fresh key for another request.";
    INSUFFICIENT_BALANCE "insufficient_balance" UNPROCESSABLE_ENTITY "There are not so many earnings to pay out"
        "The creator's payable earnings are less than what was asked for.";
    INSUFFICIENT_FUNDS "insufficient_funds" UNPROCESSABLE_ENTITY "The pool has not so much left"
        "All allocations together may not exceed what the month's pool holds. The member left_cents says what is left.";
    INTERNAL_ERROR "internal_error" INTERNAL_SERVER_ERROR "Something failed on our side"
        "This is a fault of ours and has been logged under the request id. A retry may or may not work.";
    INVALID_JSON "invalid_json" BAD_REQUEST "The body is not JSON"
        "The body could not be read as one JSON value. The detail says where.";
    INVALID_REQUEST "invalid_request" BAD_REQUEST "A part of the request is not valid"
        "The member field names what is wrong and the detail says what is allowed; with several, errors lists them all. Nothing was done.";
    METHOD_NOT_ALLOWED "method_not_allowed" METHOD_NOT_ALLOWED "This path does not take that method"
        "The header Allow lists the methods that it takes.";
    MEDIA_TYPE_UNSUPPORTED "media_type_unsupported" UNSUPPORTED_MEDIA_TYPE "The body is not sent as JSON"
        "Send JSON, and say so: Content-Type: application/json.";
    MONTH_LOCKED "month_locked" CONFLICT "The month is locked"
        "Allocations of a month can be changed until its end, 00:00 UTC on the 1st of the next.";
    MONTH_NOT_CLOSED "month_not_closed" CONFLICT "The month is not closed yet"
        "A month has a manifest once it is closed. GET /v1/admin/months/{month} says how far it is.";
    MONTH_NOT_OPEN "month_not_open" CONFLICT "The month is not open yet"
        "The month has not begun. The open month is the present one, in UTC.";
    MONTH_NOT_SEALED "month_not_sealed" CONFLICT "The month is not sealed yet"
        "A month can be closed once every fact of it is in. GET /v1/admin/months/{month} says what it waits for.";
    MONTH_STOPPED "month_stopped" CONFLICT "The month's books differ from its seal"
        "What was posted is not what was sealed, so the month is not closed. GET /v1/admin/months/{month} shows what differs.";
    MONTH_UNKNOWN "month_unknown" NOT_FOUND "There is no such month in the books"
        "The month lies before the first one.";
    NOT_AT_REST "not_at_rest" SERVICE_UNAVAILABLE "The system did not come to rest"
        "The sandbox's clock stopped on its way because work was left undone. Nothing is lost by asking again.";
    NOTHING_TO_COPY "nothing_to_copy" UNPROCESSABLE_ENTITY "There is nothing to copy"
        "The month to copy from has no allocations.";
    PAYMENT_REQUIRED "payment_required" PAYMENT_REQUIRED "The payment did not go through"
        "Stripe could not charge the subscriber. An unpaid invoice can be paid at the subscription's pay_url.";
    PAYOUT_CANCELED "payout_canceled" CONFLICT "The payout was canceled"
        "It was canceled before any money moved. The detail says why.";
    PAYOUT_UNKNOWN "payout_unknown" NOT_FOUND "There is no such payout"
        "No payout of this id is the caller's to see.";
    PLAN_UNKNOWN "plan_unknown" UNPROCESSABLE_ENTITY "There is no such plan"
        "GET /v1/plans lists the plans.";
    PROBLEM_UNKNOWN "problem_unknown" NOT_FOUND "There is no such kind of problem"
        "GET /v1/problems lists all kinds.";
    PROGRAM_REQUIRED "program_required" BAD_REQUEST "The program must be named"
        "The subscriber has live subscriptions in several programs. Say which with ?program=.";
    PROGRAM_UNKNOWN "program_unknown" NOT_FOUND "There is no subscription in this program"
        "The program does not exist, or the subscriber has no live subscription in it.";
    PROMOTION_UNKNOWN "promotion_unknown" UNPROCESSABLE_ENTITY "The promotion code is not valid"
        "Stripe has no active promotion code of this name.";
    RATE_LIMITED "rate_limited" TOO_MANY_REQUESTS "Too many requests"
        "Wait as many seconds as Retry-After says. RateLimit-Limit, RateLimit-Remaining and RateLimit-Reset stand on every reply; a write that its route marks with x-cost takes more than one of them.";
    REQUEST_IN_FLIGHT "request_in_flight" CONFLICT "The same request is still being worked on"
        "A request with this Idempotency-Key has begun and is not done. Ask again after Retry-After seconds.";
    REQUIRES_ADMIN_APPROVAL "requires_admin_approval" CONFLICT "The payout needs an admin's approval"
        "Above the limits a person decides. The detail says which limit.";
    REQUIRES_APPROVAL "requires_approval" CONFLICT "The payout needs an approval"
        "Above the limits a person decides. The detail says which limit.";
    ROLE_REQUIRED "role_required" FORBIDDEN "The caller's role does not allow this"
        "The detail names the roles that do.";
    ROUTE_UNKNOWN "route_unknown" NOT_FOUND "There is nothing at this path"
        "/openapi.json lists all paths.";
    SELF_ALLOCATION "self_allocation" UNPROCESSABLE_ENTITY "Nobody allocates to themselves"
        "The subscriber and the creator are the same user.";
    STRIPE_REFUSED "stripe_refused" UNPROCESSABLE_ENTITY "Stripe refused it"
        "Stripe did not accept what it was asked. The detail has its words.";
    SUBSCRIPTION_ENDING "subscription_ending" CONFLICT "The subscription is about to end"
        "It was canceled at its period's end and is not charged again. Resume it with the same call: cancel_at_period_end false.";
    SUBSCRIPTION_PAST_DUE "subscription_past_due" FORBIDDEN "The subscription is past due"
        "The last invoice is unpaid. It can be paid at the subscription's pay_url.";
    SUBSCRIPTION_REQUIRED "subscription_required" FORBIDDEN "A subscription is required"
        "The subscriber has no pool to allocate from. Start one with POST /v1/subscriptions/checkout.";
    TOO_SOON "too_soon" UNPROCESSABLE_ENTITY "The last payout was too short a while ago"
        "Between two payouts of one creator a while must pass. The detail says how long.";
    UNAUTHENTICATED "unauthenticated" UNAUTHORIZED "A valid bearer token is required"
        "The token is missing, expired, or not signed for this service. It needs iss, aud, exp, sub and roles.";
    UNAVAILABLE "unavailable" SERVICE_UNAVAILABLE "A part of the system does not answer"
        "The same request may be sent again after Retry-After seconds, with the same Idempotency-Key.";
}

/// The kind of a public code.
#[must_use]
pub fn find(code: &str) -> Option<Kind> {
    ALL.iter().find(|kind| kind.code == code).copied()
}

/// The kind of a refusal as a service names it.
#[must_use]
pub fn of_refusal(reason: &str) -> Option<Kind> {
    match reason {
        // Services check what they are given again; to the caller it is one kind of mistake.
        "INVALID_ARGUMENT" => Some(INVALID_REQUEST),
        other => find(&other.to_lowercase()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_code_of_its_own_and_says_what_it_means() {
        let codes: Vec<&str> = ALL.iter().map(|kind| kind.code).collect();
        let well_written = |code: &&str| {
            code.chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        };
        assert!(codes.iter().all(well_written), "{codes:?}");
        let mut once = codes.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), codes.len());
        for kind in ALL {
            assert!(kind.status.is_client_error() || kind.status.is_server_error());
            assert!(
                kind.title.len() > 8 && kind.meaning.ends_with('.'),
                "{}",
                kind.code
            );
        }
    }
}
