-- Subscribers' money coming in: checkouts, subscriptions, charges, and the months that they fund.
set lock_timeout = '5s';

-- mailbox begin
-- What this service announces. A row is written in the transaction that makes it true; the relay
-- publishes it afterwards. Rows stay when published: NATS is a cache of this table.
create table billing.outbox (
    outbox_id bigint generated always as identity,
    fact_id text not null,
    subject text not null,
    occurred_at timestamptz not null,
    aggregate_id text not null,
    aggregate_version bigint not null,
    payload bytea not null,
    request_id text not null,
    recorded_wall_at timestamptz not null default now(),
    published_wall_at timestamptz,
    constraint outbox__pk primary key (outbox_id),
    constraint outbox__once unique (fact_id)
);
-- Read by state, not by cursor: identity order is not commit order.
create index outbox__waiting on billing.outbox (outbox_id) where published_wall_at is null;

-- One row per consumer and fact. The insert is the lock: of two deliveries racing, the second
-- waits here, finds the row, and leaves without effect.
create table billing.inbox (
    consumer text not null,
    fact_id text not null,
    recorded_wall_at timestamptz not null default now(),
    constraint inbox__once primary key (consumer, fact_id)
);

-- Facts that could not be applied, with the reason. Their neighbours were.
create table billing.dead_letter (
    dead_letter_id bigint generated always as identity,
    consumer text not null,
    fact_id text not null,
    subject text not null,
    payload bytea not null,
    reason text not null,
    recorded_wall_at timestamptz not null default now(),
    resolved_wall_at timestamptz,
    constraint dead_letter__pk primary key (dead_letter_id),
    constraint dead_letter__once unique (consumer, fact_id)
);
-- mailbox end

-- Every event that webhook-ingest announced to us, for comparing a month's totals with its own.
create table billing.stripe_event (
    event_id text not null,
    counts_from timestamptz not null,
    -- First eight bytes of the SHA-256 of the id.
    digest bigint not null,
    constraint stripe_event__pk primary key (event_id)
);
create index stripe_event__counted on billing.stripe_event (counts_from) include (digest);

-- What webhook-ingest said of each month: totals over all events that count from before ends_at.
create table billing.month_ingested (
    month text not null,
    ends_at timestamptz not null,
    event_count bigint not null,
    digest bigint not null,
    constraint month_ingested__pk primary key (month)
);

-- Objects of Stripe's to be read back, one row each however many events name them. Something is left
-- to do while wanted > done.
create table billing.work (
    kind text not null,
    object_id text not null,
    -- The earliest of the events that are not done: that one's month cannot be cut yet.
    counts_from timestamptz not null,
    -- Events that asked for a reading, and how many of them the last reading covered.
    wanted bigint not null,
    done bigint not null default 0,
    failure_count integer not null default 0,
    failure text,
    -- Who is reading it; a reader that lost its lease records nothing.
    lease_id text,
    leased_until_wall_at timestamptz,
    constraint work__pk primary key (kind, object_id),
    constraint work__kind_known check (kind in ('read_subscription', 'read_invoice')),
    constraint work__done_within_wanted check (done between 0 and wanted)
);
create index work__pending on billing.work (counts_from) where wanted > done;

-- One customer of Stripe's per subscriber.
create table billing.customer (
    subscriber_id text not null,
    -- Null until Stripe answered.
    customer_id text,
    constraint customer__pk primary key (subscriber_id)
);

-- Checkouts that subscribers began, written before Stripe is asked.
create table billing.checkout (
    checkout_id text not null,
    subscriber_id text not null,
    -- The caller's idempotency key; our own id where the caller gave none.
    request_key text not null,
    plan_id text not null,
    amount_minor bigint not null,
    currency text not null,
    success_url text not null,
    cancel_url text not null,
    -- When the first whole period begins.
    anchor_at timestamptz not null,
    session_id text,
    url text,
    started_at timestamptz not null,
    completed_at timestamptz,
    constraint checkout__pk primary key (checkout_id),
    constraint checkout__once unique (subscriber_id, request_key),
    constraint checkout__amount_positive check (amount_minor > 0),
    constraint checkout__session_with_url check ((session_id is null) = (url is null))
);
create unique index checkout__by_session on billing.checkout (session_id);

-- Subscriptions as they were when they were last read.
create table billing.subscription (
    subscription_id text not null,
    subscriber_id text not null,
    program text not null,
    plan_id text not null,
    amount_minor bigint not null,
    currency text not null,
    status text not null,
    period_start timestamptz not null,
    period_end timestamptz not null,
    cancel_at_period_end boolean not null,
    -- Grows with each change that is announced.
    version bigint not null,
    created_at timestamptz not null,
    constraint subscription__pk primary key (subscription_id),
    constraint subscription__amount_not_negative check (amount_minor >= 0)
);
create index subscription__by_subscriber on billing.subscription (subscriber_id, created_at);

-- Charges in the payments balance. Never changed once written.
create table billing.charge (
    charge_id text not null,
    -- The balance transaction that is its evidence.
    txn_id text not null,
    subscriber_id text not null,
    program text not null,
    gross_minor bigint not null,
    stripe_fee_minor bigint not null,
    tax_minor bigint not null,
    currency text not null,
    available_on timestamptz not null,
    -- The month that it funds, "2027-01".
    period_month text not null,
    settled_at timestamptz not null,
    subscription_id text not null,
    invoice_id text not null,
    -- Of the fact, as the ledger digests it.
    digest bigint not null,
    recorded_wall_at timestamptz not null default now(),
    constraint charge__pk primary key (charge_id),
    constraint charge__one_evidence unique (txn_id),
    constraint charge__gross_positive check (gross_minor > 0),
    constraint charge__fee_not_negative check (stripe_fee_minor >= 0),
    constraint charge__tax_within_gross check (tax_minor between 0 and gross_minor)
);
create index charge__by_month on billing.charge (period_month);

-- What Stripe has and we cannot assign to a subscriber and a program. A person looks at it.
create table billing.unclaimed (
    kind text not null,
    object_id text not null,
    reason text not null,
    -- Of an invoice that brought money in: the charge and what was paid. Empty and zero otherwise.
    charge_id text not null,
    gross_minor bigint not null,
    currency text not null,
    found_at timestamptz not null,
    resolved_wall_at timestamptz,
    constraint unclaimed__pk primary key (kind, object_id)
);

-- One row per month that was cut, without gaps from the first on. After it, no charge is stamped with
-- the month.
create table billing.month_cut (
    month text not null,
    ends_at timestamptz not null,
    -- Over all events that count from before ends_at.
    event_count bigint not null,
    event_digest bigint not null,
    -- Over the charges of the month.
    charge_count bigint not null,
    gross_minor bigint not null,
    charge_digest bigint not null,
    cut_at timestamptz not null,
    constraint month_cut__pk primary key (month),
    constraint month_cut__once unique (ends_at)
);

grant usage on schema billing to billing_svc, auditor;
grant select on all tables in schema billing to billing_svc, auditor;
grant insert on all tables in schema billing to billing_svc;
-- Events, charges and cuts are never changed.
grant update on billing.outbox, billing.inbox, billing.dead_letter, billing.work, billing.customer,
    billing.checkout, billing.subscription, billing.unclaimed to billing_svc;
