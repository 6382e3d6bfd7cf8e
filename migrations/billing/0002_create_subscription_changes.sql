-- Changes of subscriptions, trials, promotion codes, and where an unpaid invoice can be paid.
set local lock_timeout = '5s';

alter table billing.subscription
    -- What it costs from the next period on, where that is something else; empty and zero if not.
    add column next_plan_id text not null default '',
    add column next_amount_minor bigint not null default 0,
    add column trial_end timestamptz,
    add column ended_at timestamptz,
    -- Where an unpaid invoice can be paid; empty when none is due.
    add column pay_url text not null default '';

alter table billing.checkout
    add column program text not null default 'allocation',
    -- What happens to the days before the anchor.
    add column begins text not null default 'prorated',
    -- As it was typed, and Stripe's id of it once it was found; empty for none.
    add column promotion_code text not null default '',
    add column promotion_id text,
    -- When its page was closed in favour of a later one.
    add column closed_at timestamptz,
    add constraint checkout__begins_known check (begins in ('trial', 'prorated', 'full', 'free'));
-- A subscriber's pages that somebody might still pay.
create index checkout__open on billing.checkout (subscriber_id)
    where session_id is not null and completed_at is null and closed_at is null;

alter table billing.work drop constraint work__kind_known;
alter table billing.work add constraint work__kind_known
    check (kind in ('read_subscription', 'read_invoice', 'read_unpaid'));

-- What subscribers asked of their subscriptions, with the order that Stripe is given for it: written
-- before Stripe is asked, so that a call that broke off can be made again and is the same.
create table billing.subscription_change (
    change_id text not null,
    subscriber_id text not null,
    -- The caller's idempotency key; our own id where the caller gave none.
    request_key text not null,
    subscription_id text not null,
    -- What was asked, in a fixed form, for telling another request under the same key.
    asked text not null,
    -- The order, as JSON; null where nothing was to be done.
    stripe_order text,
    -- open: Stripe has not answered. given_up: it did not while anybody asked.
    state text not null,
    -- Why a card was declined.
    decline_code text not null default '',
    started_at timestamptz not null,
    started_wall_at timestamptz not null default now(),
    constraint subscription_change__pk primary key (change_id),
    constraint subscription_change__once unique (subscriber_id, request_key),
    constraint subscription_change__state_known check (state in ('open', 'done', 'refused', 'given_up')),
    constraint subscription_change__open_with_order check (state <> 'open' or stripe_order is not null)
);
-- One at a time.
create unique index subscription_change__one_open on billing.subscription_change (subscription_id)
    where state = 'open';

grant select on billing.subscription_change to billing_svc, auditor;
grant insert, update on billing.subscription_change to billing_svc;
