-- What people were told: one row per notice.
set lock_timeout = '5s';

-- mailbox begin
-- What this service announces. A row is written in the transaction that makes it true; the relay
-- publishes it afterwards. Rows stay when published: NATS is a cache of this table.
create table notifier.outbox (
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
create index outbox__waiting on notifier.outbox (outbox_id) where published_wall_at is null;

-- One row per consumer and fact. The insert is the lock: of two deliveries racing, the second
-- waits here, finds the row, and leaves without effect.
create table notifier.inbox (
    consumer text not null,
    fact_id text not null,
    recorded_wall_at timestamptz not null default now(),
    constraint inbox__once primary key (consumer, fact_id)
);

-- Facts that could not be applied, with the reason. Their neighbours were.
create table notifier.dead_letter (
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

-- One notice per user's subject (a payout) and kind, however often it is announced and in
-- whatever order its versions come: the unique key is what makes it one.
create table notifier.notice (
    notice_id text not null,
    -- The content site's id.
    user_id text not null,
    kind text not null,
    -- What it is about; payout owns the payouts' ids.
    subject_id text not null,
    -- The version of the subject that it tells of: orders what happened at one instant.
    subject_version bigint not null,
    title text not null,
    body text not null,
    -- When it happened, not when we heard of it.
    created_at timestamptz not null,
    constraint notice__pk primary key (notice_id),
    constraint notice__once unique (subject_id, kind),
    constraint notice__kind_known
        check (kind in ('payout_sent', 'payout_completed', 'payout_failed'))
);
create index notice__feed
    on notifier.notice (user_id, created_at desc, subject_version desc, notice_id desc);

grant usage on schema notifier to notifier_svc, auditor;
grant select, insert, update on all tables in schema notifier to notifier_svc;
grant select on all tables in schema notifier to auditor;
