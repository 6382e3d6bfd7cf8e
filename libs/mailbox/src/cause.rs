//! The request that a fact follows from: it travels with facts as it does with calls.

use crate::Fact;

tokio::task_local! {
    static REQUEST: String;
}

/// The request whose work is being done; empty when nobody asked.
#[must_use]
pub fn current() -> String {
    REQUEST.try_with(Clone::clone).unwrap_or_default()
}

/// Runs `work` as a consequence of a request.
pub async fn within<F: Future>(request_id: String, work: F) -> F::Output {
    REQUEST.scope(request_id, work).await
}

/// The one request that all of `facts` follow from; empty when there are several.
pub(crate) fn shared_by(facts: &[Fact]) -> String {
    let mut requests = facts.iter().map(|fact| fact.request_id.as_str());
    let first = requests.next().unwrap_or_default();
    let shared = requests.all(|request| request == first);
    if shared { first } else { "" }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(request_id: &str) -> Fact {
        Fact {
            fact_id: "charge:ch_1".into(),
            subject: "billing.v1.charge.settled".into(),
            occurred_at: time::OffsetDateTime::UNIX_EPOCH,
            aggregate_id: String::new(),
            aggregate_version: 1,
            payload: Vec::new(),
            request_id: request_id.into(),
        }
    }

    #[tokio::test]
    async fn a_fact_follows_from_the_request_in_whose_work_it_is_made() {
        let made = within("req_1".into(), async {
            Fact::new(
                "x",
                "x",
                1,
                time::OffsetDateTime::UNIX_EPOCH,
                &wire::billing::v1::MonthCut::default(),
            )
        });
        assert_eq!(made.await.request_id, "req_1");
        assert_eq!(current(), "");
    }

    #[test]
    fn a_batch_follows_from_a_request_only_if_all_of_it_does() {
        assert_eq!(shared_by(&[fact("req_1"), fact("req_1")]), "req_1");
        assert_eq!(shared_by(&[fact("req_1"), fact("req_2")]), "");
        assert_eq!(shared_by(&[]), "");
    }
}
