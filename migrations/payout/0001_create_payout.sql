-- The registry of creators, their connected accounts, and money going out.
set local lock_timeout = '5s';

-- mailbox begin
-- What this service announces. A row is written in the transaction that makes it true; the relay
-- publishes it afterwards. Rows stay when published: NATS is a cache of this table.
create table payout.outbox (
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
create index outbox__waiting on payout.outbox (outbox_id) where published_wall_at is null;

-- One row per consumer and fact. The insert is the lock: of two deliveries racing, the second
-- waits here, finds the row, and leaves without effect.
create table payout.inbox (
    consumer text not null,
    fact_id text not null,
    recorded_wall_at timestamptz not null default now(),
    constraint inbox__once primary key (consumer, fact_id)
);

-- Facts that could not be applied, with the reason. Their neighbours were.
create table payout.dead_letter (
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

-- Everyone who can earn. The version grows with each change and numbers its announcement.
create table payout.creator (
    creator_id text not null,
    display_name text not null,
    email text not null,
    created_at timestamptz not null,
    version bigint not null,
    constraint creator__pk primary key (creator_id),
    constraint creator__version_positive check (version > 0)
);

-- A creator's connected account, as last read from Stripe. The row is there before Stripe is asked
-- to make the account: email and refusal_count are what the order and its key are made of, so that
-- an order repeated after a crash is the same order.
create table payout.account (
    creator_id text not null,
    email text not null,
    refusal_count integer not null default 0,
    account_id text,
    manual_payouts boolean not null default false,
    charges_enabled boolean not null default false,
    payouts_enabled boolean not null default false,
    details_submitted boolean not null default false,
    transfers text not null default '',
    requirements_due text[] not null default '{}',
    version bigint not null default 0,
    constraint account__pk primary key (creator_id),
    constraint account__of_a_creator foreign key (creator_id) references payout.creator (creator_id),
    constraint account__id_once unique (account_id),
    constraint account__refusals_counted check (refusal_count >= 0)
);

-- Objects of Stripe's that an event asks us to read. One row per object, however many events; a row
-- goes when the object was read after its last event.
create table payout.reading (
    object_id text not null,
    kind text not null,
    account_id text not null,
    event_id text not null,
    asked_count bigint not null default 1,
    leased_until_wall_at timestamptz,
    constraint reading__pk primary key (object_id),
    constraint reading__kind_known check (kind in ('account', 'bank_payout', 'transfer'))
);

-- One run per closed month. Planning ends when nobody waits for funds any more.
create table payout.run (
    month text not null,
    state text not null,
    due_at timestamptz not null,
    leased_until_wall_at timestamptz,
    constraint run__pk primary key (month),
    constraint run__state_known check (state in ('planning', 'planned'))
);

-- Creators that a run did not pay, and why.
create table payout.carried_over (
    month text not null,
    creator_id text not null,
    payable_minor bigint not null,
    reason text not null,
    constraint carried_over__pk primary key (month, creator_id),
    constraint carried_over__amount_positive check (payable_minor > 0)
);

create table payout.payout (
    payout_id text not null,
    month text not null,
    creator_id text not null,
    -- A payout that was capped is canceled and followed by another of the same run.
    sequence integer not null,
    amount_minor bigint not null,
    currency text not null,
    -- The connected account that it goes to.
    account_id text not null,
    state text not null,
    step text not null,
    -- Attempts of this step that have ended.
    attempt integer not null,
    retry_count integer not null,
    next_retry_at timestamptz,
    reason text not null,
    failure_code text not null,
    transfer_id text,
    bank_payout_id text,
    expected_arrival_at timestamptz,
    paid_at timestamptz,
    created_at timestamptz not null,
    version bigint not null,
    -- What is still to be told to others now that the payout has ended.
    errand text not null,
    replacement_minor bigint,
    -- Business time from which a worker has something to do here; none while it waits for facts.
    due_at timestamptz,
    -- Failures in a row; each makes the pause before the next try longer.
    stumble_count integer not null default 0,
    leased_until_wall_at timestamptz,
    constraint payout__pk primary key (payout_id),
    constraint payout__sequence_once unique (month, creator_id, sequence),
    constraint payout__transfer_once unique (transfer_id),
    constraint payout__bank_payout_once unique (bank_payout_id),
    constraint payout__amount_positive check (amount_minor > 0),
    constraint payout__currency_known check (currency = 'USD'),
    constraint payout__step_known check (step in ('transfer', 'bank')),
    constraint payout__errand_known check (errand in ('none', 'confirm', 'give_back')),
    constraint payout__replacement_smaller
        check (replacement_minor > 0 and replacement_minor < amount_minor),
    constraint payout__state_known check (state in (
        'planned', 'reserved', 'pending_approval', 'sending', 'sent', 'paid', 'unknown',
        'retry_wait', 'reversing', 'returned', 'canceled', 'failed', 'rejected'
    ))
);
-- A run delivered twice, or planned by two replicas, pays a creator once.
create unique index payout__once_per_run on payout.payout (month, creator_id)
    where state <> 'canceled';
create index payout__due on payout.payout (due_at) where due_at is not null;
create index payout__newest on payout.payout (created_at desc, payout_id desc);
create index payout__by_creator on payout.payout (creator_id, created_at desc, payout_id desc);

-- One row per order to Stripe, committed before the order leaves: what was asked, and under which
-- key. The same row is the same order for ever.
create table payout.attempt (
    payout_id text not null,
    step text not null,
    attempt integer not null,
    idempotency_key text not null,
    body text not null,
    state text not null,
    -- Why the outcome is not known, as far as it decides what may be done about it.
    doubt text not null default 'none',
    first_sent_at timestamptz not null,
    object_id text,
    failure_code text not null default '',
    constraint attempt__pk primary key (payout_id, step, attempt),
    constraint attempt__of_a_payout foreign key (payout_id) references payout.payout (payout_id),
    constraint attempt__key_once unique (idempotency_key),
    constraint attempt__step_known check (step in ('transfer', 'bank')),
    constraint attempt__doubt_known check (doubt in ('none', 'open', 'spent', 'alarm')),
    constraint attempt__state_known
        check (state in ('sending', 'unknown', 'submitted', 'settled', 'refused'))
);

-- Every move that a payout made: append-only.
create table payout.payout_transition (
    payout_id text not null,
    version bigint not null,
    from_state text not null,
    to_state text not null,
    step text not null,
    command text not null,
    moved_at timestamptz not null,
    actor text not null,
    event_id text not null,
    constraint payout_transition__pk primary key (payout_id, version),
    constraint payout_transition__of_a_payout
        foreign key (payout_id) references payout.payout (payout_id)
);

grant usage on schema payout to payout_svc, auditor;
grant select, insert, update on all tables in schema payout to payout_svc;
grant delete on payout.reading, payout.carried_over to payout_svc;
revoke update on payout.payout_transition from payout_svc;
grant select on all tables in schema payout to auditor;
