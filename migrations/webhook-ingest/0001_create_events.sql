-- Stripe's events as they were received, and the months of them that were announced as complete.
set lock_timeout = '5s';

-- mailbox begin
-- What this service announces. A row is written in the transaction that makes it true; the relay
-- publishes it afterwards. Rows stay when published: NATS is a cache of this table.
create table webhook_ingest.outbox (
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
create index outbox__waiting on webhook_ingest.outbox (outbox_id) where published_wall_at is null;

-- One row per consumer and fact. The insert is the lock: of two deliveries racing, the second
-- waits here, finds the row, and leaves without effect.
create table webhook_ingest.inbox (
    consumer text not null,
    fact_id text not null,
    recorded_wall_at timestamptz not null default now(),
    constraint inbox__once primary key (consumer, fact_id)
);

-- Facts that could not be applied, with the reason. Their neighbours were.
create table webhook_ingest.dead_letter (
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

-- One row per event of Stripe's, whichever endpoint brought it first. Never changed: the first body stands.
create table webhook_ingest.stripe_event (
    event_id text not null,
    type text not null,
    -- Stripe's time, which is business time.
    created_at timestamptz not null,
    -- created_at, or the end of the last month that had been cut when the event came: a month that
    -- was announced as complete never grows.
    counts_from timestamptz not null,
    -- The connected account; empty for the platform's own.
    account text not null,
    livemode boolean not null,
    api_version text not null,
    object_id text not null,
    object_kind text not null,
    body bytea not null,
    body_sha256 bytea not null,
    -- First eight bytes of the SHA-256 of the id.
    digest bigint not null,
    endpoint text not null,
    -- False for what the other services must not act on: the other mode's events, and bodies
    -- that are no events.
    announced boolean not null,
    received_wall_at timestamptz not null default now(),
    constraint stripe_event__pk primary key (event_id),
    constraint stripe_event__counted_not_before_created check (counts_from >= created_at),
    constraint stripe_event__body_hashed check (length(body_sha256) = 32)
);
create index stripe_event__counted on webhook_ingest.stripe_event (counts_from) include (digest)
    where announced;

-- One row per month that was announced as ingested, without gaps from the first on. The totals are
-- over everything that counts from before ends_at.
create table webhook_ingest.month_cut (
    month text not null,
    ends_at timestamptz not null,
    event_count bigint not null,
    digest bigint not null,
    cut_at timestamptz not null,
    constraint month_cut__pk primary key (month),
    constraint month_cut__once unique (ends_at),
    constraint month_cut__month_named check (month ~ '^[0-9]{4}-[0-9]{2}$'),
    constraint month_cut__count_positive check (event_count > 0)
);

-- How often something happened that leaves no row of its own.
create table webhook_ingest.tally (
    outcome text not null,
    tally_count bigint not null,
    constraint tally__pk primary key (outcome),
    constraint tally__outcome_known check (outcome in ('duplicate', 'refused', 'altered'))
);

grant usage on schema webhook_ingest to webhook_ingest_svc, auditor;
grant select on all tables in schema webhook_ingest to webhook_ingest_svc, auditor;
grant insert on all tables in schema webhook_ingest to webhook_ingest_svc;
-- Events and cuts are never changed.
grant update on webhook_ingest.outbox, webhook_ingest.inbox, webhook_ingest.dead_letter,
    webhook_ingest.tally to webhook_ingest_svc;
